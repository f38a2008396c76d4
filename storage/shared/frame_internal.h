#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "storage/shared/shared_key.h"
#include "storage/shared/shared_value.h"

// The one form of what lies in the snapshot and in the stream: frames of operations. A frame is
//
//   u32 bytes (all of it, a multiple of 8) | u32 checksum | operations | 0 to 7 zero bytes
//
// and an operation
//
//   u8 what | u8 kind of key | u8 kind of value | u8 0 | u32 node | u32 key bytes | u32 value bytes
//   | key | value
namespace h5flume::shared {

enum class Operation : std::uint8_t { kSet = 1, kErase = 2, kClear = 3 };

// A value in the form it is kept in. For kDict `word` is the number of the nested dict's node.
struct PlainValue {
  SharedKind kind = SharedKind::kNull;
  std::uint64_t word = 0;
  std::string_view text;
};

constexpr std::size_t kFrameAlignment = 8;
constexpr std::size_t kFrameHeaderBytes = 8;
constexpr std::size_t kOperationHeaderBytes = 16;
constexpr std::size_t kMostFrameBytes = 0xffffff00;
constexpr std::uint32_t kRootNode = 0;
constexpr int kMostLevels = 500;  // of nested dicts

inline bool has_text(SharedKind kind) noexcept {
  return kind == SharedKind::kText || kind == SharedKind::kBytes || kind == SharedKind::kJson;
}
inline std::size_t bytes_of(SharedKeyView key) noexcept {
  return key.is_text() ? key.text().size() : sizeof(std::int64_t);
}
inline std::size_t bytes_of(const PlainValue& value) noexcept {
  if (value.kind == SharedKind::kNull) return 0;
  return has_text(value.kind) ? value.text.size() : sizeof(std::uint64_t);
}
// What setting it takes in a frame.
inline std::size_t bytes_to_set(SharedKeyView key, const PlainValue& value) noexcept {
  return kOperationHeaderBytes + bytes_of(key) + bytes_of(value);
}

// Bytes that grow without being set to zero first.
class ByteBuffer {
 public:
  // Room for so many bytes more; what was there stays.
  char* extend(std::size_t bytes) {
    if (bytes > capacity_ - size_) grow(bytes);
    char* const added = bytes_.get() + size_;
    size_ += bytes;
    return added;
  }
  void shrink(std::size_t bytes) noexcept { size_ = bytes; }
  void release() noexcept {
    bytes_.reset();
    size_ = capacity_ = 0;
  }

  char* data() noexcept { return bytes_.get(); }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::string_view view() const noexcept { return {bytes_.get(), size_}; }

 private:
  void grow(std::size_t bytes);

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// Builds one frame. Empty again after clear(); keeps its memory.
class FrameWriter {
 public:
  FrameWriter() { clear(); }

  void set(std::uint32_t node, SharedKeyView key, const PlainValue& value);
  void erase(std::uint32_t node, SharedKeyView key);
  void clear_node(std::uint32_t node);

  bool empty() const noexcept { return bytes_.size() == kFrameHeaderBytes; }

  // Of the frame as it is, padding included.
  std::size_t frame_bytes() const noexcept { return (bytes_.size() + 7) & ~std::size_t{7}; }

  // The frame for a place in the stream: where it lies is part of the checksum, so that a frame is
  // not mistaken for another.
  std::string_view finish(std::uint64_t position);

  void clear() {
    if (bytes_.capacity() > kMostMemoryKept) bytes_.release();
    bytes_.shrink(0);
    bytes_.extend(kFrameHeaderBytes);
  }

 private:
  static constexpr std::size_t kMostMemoryKept = std::size_t{1} << 20U;

  ByteBuffer bytes_;
};

// One operation read from a frame. Its views lie in the frame.
struct ReadOperation {
  Operation what = Operation::kSet;
  std::uint32_t node = 0;
  SharedKeyView key = 0;
  PlainValue value;
};

// Reads a frame that is in private memory: what is checked cannot change afterwards.
class FrameReader {
 public:
  // `frame` is as long as it says. Not valid if its checksum differs.
  FrameReader(std::string_view frame, std::uint64_t position) noexcept;

  bool is_valid() const noexcept { return is_valid_; }

  // False at the end and when what follows makes no sense: is_valid() tells which.
  bool next(ReadOperation& operation) noexcept;

 private:
  bool fail() noexcept {
    is_valid_ = false;
    return false;
  }

  std::string_view rest_;
  bool is_valid_;
};

bool is_utf8(std::string_view text) noexcept;

}  // namespace h5flume::shared
