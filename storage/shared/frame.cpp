#include <algorithm>
#include <array>
#include <limits>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/error.h"
#include "storage/shared/frame_internal.h"
#include "storage/shared/short_text_internal.h"

namespace h5flume::shared {
namespace {

constexpr std::uint8_t kIntegerKey = 1;
constexpr std::uint8_t kTextKey = 2;

struct OperationHeader {
  std::uint8_t what = 0;
  std::uint8_t key_kind = 0;
  std::uint8_t value_kind = 0;
  std::uint8_t zero = 0;
  std::uint32_t node = 0;
  std::uint32_t key_bytes = 0;
  std::uint32_t value_bytes = 0;
};
static_assert(sizeof(OperationHeader) == kOperationHeaderBytes);

std::uint32_t checksum_of(std::string_view operations, std::uint64_t position) noexcept {
  const std::uint64_t hash = XXH3_64bits_withSeed(operations.data(), operations.size(), position);
  return static_cast<std::uint32_t>(hash ^ (hash >> 32U));
}

std::uint32_t narrow(std::size_t bytes) {
  if (bytes > kMostFrameBytes) {
    throw Error(ErrorCode::kResourceLimit, "a key or value of a shared dict has less than 4 GiB");
  }
  return static_cast<std::uint32_t>(bytes);
}

void copy(char*& to, const void* from, std::size_t bytes) noexcept {
  if (bytes != 0) std::memcpy(to, from, bytes);
  to += bytes;
}

void append(ByteBuffer& bytes, OperationHeader header, const SharedKeyView* key,
            const PlainValue& value) {
  if (key) {
    header.key_kind = key->is_text() ? kTextKey : kIntegerKey;
    header.key_bytes = narrow(bytes_of(*key));
  }
  header.value_bytes = narrow(bytes_of(value));
  char* to =
      bytes.extend(std::size_t{kOperationHeaderBytes} + header.key_bytes + header.value_bytes);
  copy(to, &header, sizeof(header));
  if (key) {
    const std::int64_t number = key->number();
    copy(to, key->is_text() ? static_cast<const void*>(key->text().data()) : &number,
         header.key_bytes);
  }
  copy(to, has_text(value.kind) ? static_cast<const void*>(value.text.data()) : &value.word,
       header.value_bytes);
}

bool is_kind(std::uint8_t kind) noexcept {
  return kind >= static_cast<std::uint8_t>(SharedKind::kNull) &&
         kind <= static_cast<std::uint8_t>(SharedKind::kDict);
}

}  // namespace

std::size_t long_hash(std::string_view text, std::uint32_t node) noexcept {
  return XXH3_64bits_withSeed(text.data(), text.size(), node);
}

void ByteBuffer::grow(std::size_t bytes) {
  const std::size_t capacity = std::max({std::size_t{256}, 2 * capacity_, size_ + bytes});
  std::unique_ptr<char[]> larger(new char[capacity]);
  if (size_ != 0) std::memcpy(larger.get(), bytes_.get(), size_);
  bytes_ = std::move(larger);
  capacity_ = capacity;
}

void FrameWriter::set(std::uint32_t node, SharedKeyView key, const PlainValue& value) {
  append(bytes_,
         {.what = static_cast<std::uint8_t>(Operation::kSet),
          .value_kind = static_cast<std::uint8_t>(value.kind),
          .node = node},
         &key, value);
}

void FrameWriter::erase(std::uint32_t node, SharedKeyView key) {
  append(bytes_, {.what = static_cast<std::uint8_t>(Operation::kErase), .node = node}, &key, {});
}

void FrameWriter::clear_node(std::uint32_t node) {
  append(bytes_, {.what = static_cast<std::uint8_t>(Operation::kClear), .node = node}, nullptr, {});
}

std::string_view FrameWriter::finish(std::uint64_t position) {
  const std::size_t padding = frame_bytes() - bytes_.size();
  std::memset(bytes_.extend(padding), 0, padding);
  const std::uint32_t head[2] = {narrow(bytes_.size()),
                                 checksum_of(bytes_.view().substr(kFrameHeaderBytes), position)};
  std::memcpy(bytes_.data(), head, sizeof(head));
  return bytes_.view();
}

FrameReader::FrameReader(std::string_view frame, std::uint64_t position) noexcept
    : rest_(frame.substr(kFrameHeaderBytes)) {
  std::uint32_t checksum = 0;
  std::memcpy(&checksum, frame.data() + sizeof(std::uint32_t), sizeof(checksum));
  is_valid_ = checksum == checksum_of(rest_, position);
}

bool FrameReader::next(ReadOperation& operation) noexcept {
  if (!is_valid_) return false;
  if (rest_.size() < kOperationHeaderBytes) {
    if (rest_.size() >= kFrameAlignment ||
        std::any_of(rest_.begin(), rest_.end(), [](char byte) { return byte != 0; })) {
      return fail();
    }
    return false;
  }
  OperationHeader header;
  std::memcpy(&header, rest_.data(), sizeof(header));
  rest_.remove_prefix(sizeof(header));
  if (header.zero != 0 || header.key_bytes > rest_.size() ||
      header.value_bytes > rest_.size() - header.key_bytes) {
    return fail();
  }
  const auto key = rest_.substr(0, header.key_bytes);
  const auto value = rest_.substr(header.key_bytes, header.value_bytes);
  rest_.remove_prefix(std::size_t{header.key_bytes} + header.value_bytes);
  operation.node = header.node;
  operation.what = static_cast<Operation>(header.what);

  if (operation.what == Operation::kClear) {
    return (header.key_kind == 0 && header.value_kind == 0 && key.empty() && value.empty()) ||
           fail();
  }
  if (header.key_kind == kTextKey) {
    if (!is_utf8(key)) return fail();
    operation.key = key;
  } else if (header.key_kind == kIntegerKey && key.size() == sizeof(std::int64_t)) {
    std::int64_t number = 0;
    std::memcpy(&number, key.data(), sizeof(number));
    operation.key = number;
  } else {
    return fail();
  }
  if (operation.what == Operation::kErase) {
    return (header.value_kind == 0 && value.empty()) || fail();
  }
  if (operation.what != Operation::kSet || !is_kind(header.value_kind)) return fail();

  operation.value = {static_cast<SharedKind>(header.value_kind), 0, {}};
  if (has_text(operation.value.kind)) {
    operation.value.text = value;
    return operation.value.kind != SharedKind::kText || is_utf8(value) || fail();
  }
  if (value.size() != bytes_of(operation.value)) return fail();
  if (!value.empty()) std::memcpy(&operation.value.word, value.data(), value.size());
  return operation.value.kind != SharedKind::kBool || operation.value.word <= 1 || fail();
}

bool is_utf8(std::string_view text) noexcept {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  std::size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size()) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, text.data() + at, sizeof(eight));
      if ((eight & 0x8080808080808080U) == 0) {
        at += 8;
        continue;
      }
    }
    const unsigned char first = byte(at++);
    if (first < 0x80) continue;
    // The shortest form only, no surrogates, nothing beyond U+10FFFF: Unicode, table 3-7.
    const int more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (first < 0xc2 || first > 0xf4 || text.size() - at < static_cast<std::size_t>(more)) {
      return false;
    }
    const unsigned char second = byte(at);
    const unsigned char lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned char highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (second < lowest || second > highest) return false;
    for (int index = 1; index < more; ++index) {
      if ((byte(at + static_cast<std::size_t>(index)) & 0xc0U) != 0x80) return false;
    }
    at += static_cast<std::size_t>(more);
  }
  return true;
}

}  // namespace h5flume::shared
