#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace h5flume::chunks {

/// Decoded chunks of one dataset that more than one block needs, for all its readers together: a
/// chunk is decoded by one of them, and the others wait for it.
///
///   absent --find--> being decoded --publish--> kept --all rows used, or evicted--> absent
///                         '-- DecodingTask destroyed --> absent: the next to want it decodes it
///
/// A waiting reader must hold no task itself; so the one waited for is never waiting.
///
/// Lifetime: must outlive its leases and tasks. Threads: all members may be called by any at once;
/// a lease or a task belongs to one thread.
class ChunkCache {
  struct Entry;

 public:
  /// Chunks of `chunk_bytes` decoded bytes, of which `capacity_bytes` at most are kept or decoded.
  ChunkCache(std::size_t chunk_bytes, std::size_t capacity_bytes)
      : chunk_bytes_(chunk_bytes), capacity_bytes_(capacity_bytes) {}
  ChunkCache(const ChunkCache&) = delete;
  ChunkCache& operator=(const ChunkCache&) = delete;

  /// Keeps a decoded chunk while it lives.
  class [[nodiscard]] Lease {
   public:
    Lease(Lease&& other) noexcept
        : cache_(std::exchange(other.cache_, nullptr)), entry_(other.entry_) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (cache_) cache_->unpin(*entry_, 0);
    }

    const std::byte* data() const noexcept;

    /// Gives the chunk back, of whose rows `rows` are not needed any more.
    void use(std::uint64_t rows) && noexcept {
      std::exchange(cache_, nullptr)->unpin(*entry_, rows);
    }

   private:
    friend class ChunkCache;
    Lease(ChunkCache* cache, Entry* entry) : cache_(cache), entry_(entry) {}
    ChunkCache* cache_;
    Entry* entry_;
  };

  /// The duty to decode a chunk. Destroyed unpublished it passes to the next who wants the chunk.
  class [[nodiscard]] DecodingTask {
   public:
    DecodingTask(DecodingTask&& other) noexcept
        : cache_(std::exchange(other.cache_, nullptr)), entry_(other.entry_) {}
    DecodingTask& operator=(DecodingTask&&) = delete;
    ~DecodingTask() {
      if (cache_) cache_->abandon(*entry_);
    }

    std::span<std::byte> bytes() const noexcept;  ///< where the decoded chunk belongs

    Lease publish() && noexcept;

   private:
    friend class ChunkCache;
    DecodingTask(ChunkCache* cache, Entry* entry) : cache_(cache), entry_(entry) {}
    ChunkCache* cache_;
    Entry* entry_;
  };

  /// What find() says of a chunk.
  struct Found {
    std::optional<Lease> decoded;
    std::optional<DecodingTask> task;
    bool busy = false;  ///< somebody else decodes it
    // None of these: there is no room for it.
  };

  /// A range of chunk numbers.
  struct Range {
    std::uint64_t first;
    std::uint64_t last;  ///< one beyond
  };

  /// `rows` are those of the chunk that will be used, if it is not there yet. Chunks outside of
  /// `needed` that nobody uses at the moment may be dropped to make room. Throws std::bad_alloc.
  Found find(std::uint64_t chunk, std::uint64_t rows, const Range& needed);

  /// As find(), after whoever decodes the chunk has come to an end: never busy.
  Found wait_and_find(std::uint64_t chunk, std::uint64_t rows, const Range& needed);

  /// A task for a chunk that is not there, if there is room without dropping any.
  std::optional<DecodingTask> try_begin(std::uint64_t chunk, std::uint64_t rows);

  std::size_t kept_bytes() const;  ///< by chunks that are there or being decoded

 private:
  struct Entry {
    std::uint64_t chunk;
    std::uint64_t rows_left;
    std::vector<std::byte> bytes;
    bool decoded = false;
    unsigned pins = 0;
    std::uint64_t last_use = 0;
  };

  Found find_locked(std::uint64_t chunk, std::uint64_t rows, const Range& needed);
  bool has_room() const noexcept;
  bool make_room(const Range& needed);
  DecodingTask begin(std::uint64_t chunk, std::uint64_t rows);
  Lease publish(Entry& entry) noexcept;
  void abandon(Entry& entry) noexcept;
  void unpin(Entry& entry, std::uint64_t rows) noexcept;
  void drop(std::uint64_t chunk) noexcept;

  const std::size_t chunk_bytes_;
  const std::size_t capacity_bytes_;
  mutable std::mutex mutex_;  // guards everything below, but not the bytes of the entries
  std::condition_variable changed_;
  std::unordered_map<std::uint64_t, Entry> entries_;  // which stay where they are
  std::vector<std::vector<std::byte>> spare_;         // memory of dropped chunks
  std::uint64_t uses_ = 0;
};

}  // namespace h5flume::chunks
