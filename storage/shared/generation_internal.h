#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/file_descriptor.h"
#include "storage/shared/replica_internal.h"
#include "storage/shared/segment_folder_internal.h"
#include "storage/shared/segment_layout_internal.h"
#include "storage/shared/segment_mapping_internal.h"

namespace h5flume::shared {

// One generation of a dict: a snapshot, and the stream of what has been committed since. Committed
// bytes never change.
//
// Positions are bytes of one endless stream that all generations share. A generation holds those
// from base() to limit(); the next one begins beyond that, so that a position says by itself
// whether this generation has it.
//
// Threads: for one; several may have the same generation mapped.
class Generation {
 public:
  // What a new one begins with.
  struct Beginning {
    std::uint64_t id = 0;
    std::uint64_t number = 1;
    std::uint64_t base = 0;
    std::uint64_t version = 0;
    std::uint32_t next_node = 1;
    std::size_t capacity = 0;
  };

  // A new one in a file that has no name yet.
  struct Made {
    FileDescriptor file;
    std::shared_ptr<SegmentMapping> mapping;  // spares whoever opens it next to map it anew
  };
  static Made make(const SegmentFolder& folder, const Beginning& beginning,
                   std::string_view snapshot, unsigned permissions, const std::string& operation);

  // Maps an open file and checks its header. Throws kCorruptData, kUnsupported.
  Generation(int descriptor, std::uint64_t id, std::uint64_t number, const std::string& operation);

  std::uint64_t number() const noexcept { return header_.generation; }
  std::uint64_t base() const noexcept { return header_.base; }
  std::uint64_t limit() const noexcept { return header_.base + header_.capacity; }
  std::uint64_t next_base() const noexcept { return limit() + kFrameAlignment; }
  std::uint64_t version() const noexcept { return header_.version; }
  std::size_t capacity() const noexcept { return header_.capacity; }
  std::size_t snapshot_bytes() const noexcept { return header_.snapshot_bytes; }
  std::size_t segment_bytes() const noexcept { return mapping_->bytes().size(); }

  // Where the stream ended: to be asked for only when a later generation is committed.
  std::uint64_t end() const noexcept {
    // acquire: with the commit of the later generation, which was read before, it makes all frames
    // visible.
    return header_in_place().end.load(std::memory_order_acquire);
  }
  void set_end(std::uint64_t position) noexcept {
    // release: before the commit of the next generation.
    header_in_place().end.store(position, std::memory_order_release);
  }

  // Makes the replica that of the snapshot. False if it makes no sense.
  bool load_snapshot(Replica& replica) const;

  // Applies the frames from `from` to `to`, which are positions of this generation. Returns how
  // many there were; nothing if they make no sense.
  std::optional<std::uint64_t> apply(std::uint64_t from, std::uint64_t to, Replica& replica) const;

  // Where the stream has the byte of that position.
  std::byte* at(std::uint64_t position) const noexcept {
    return stream_ + (position - header_.base);
  }

  static std::size_t bytes(std::size_t snapshot_bytes, std::size_t capacity) noexcept {
    return sizeof(GenerationHeader) + snapshot_bytes + capacity;
  }

 private:
  // The checked part of the header: a copy, because the segment may be written to at any time.
  struct Header {
    std::uint64_t generation = 0;
    std::uint64_t base = 0;
    std::uint64_t capacity = 0;
    std::uint64_t snapshot_bytes = 0;
    std::uint64_t version = 0;
    std::uint32_t next_node = 0;
  };
  GenerationHeader& header_in_place() const noexcept {
    return *reinterpret_cast<GenerationHeader*>(mapping_->bytes().data());
  }
  static std::optional<std::uint64_t> apply_frames(const std::byte* frames, std::size_t bytes,
                                                   std::uint64_t position, Replica& replica);

  std::shared_ptr<SegmentMapping> mapping_;
  Header header_;
  std::byte* stream_ = nullptr;
};

}  // namespace h5flume::shared
