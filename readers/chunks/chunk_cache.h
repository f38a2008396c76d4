#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace h5flume::chunks {

/// Decoded chunks that may be needed again, of any number of datasets and for all their readers
/// together: a chunk is decoded by one of them, and the others wait for it.
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
  /// At most `capacity_bytes` are kept, being decoded, or memory to be used again.
  explicit ChunkCache(std::size_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}
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

  /// A chunk that somebody wants. The dataset is known by the address of anything that lives as
  /// long as its chunks are wanted.
  struct Wanted {
    const void* dataset;
    std::uint64_t chunk;
    std::size_t bytes;              ///< decoded; the same whenever it is wanted
    std::uint64_t rows = kForEver;  ///< how many will be used before the chunk may go

    static constexpr std::uint64_t kForEver = UINT64_MAX;  ///< it may always be wanted again
  };

  /// A range of chunk numbers, of the dataset of the chunk that is wanted.
  struct Range {
    std::uint64_t first;
    std::uint64_t last;  ///< one beyond
  };

  /// Chunks outside of `needed` that nobody uses at the moment are dropped to make room, those
  /// first that were used longest ago. Throws std::bad_alloc.
  Found find(const Wanted& wanted, const Range& needed = {0, 0});

  /// As find(), after whoever decodes the chunk has come to an end: never busy.
  Found wait_and_find(const Wanted& wanted, const Range& needed = {0, 0});

  /// The chunk, if it is there.
  std::optional<Lease> find_decoded(const void* dataset, std::uint64_t chunk);

  /// A task for a chunk that is not there, if there is room without dropping any. Of chunks whose
  /// rows were all used lately there is none, until find() begins one again: then a new pass has
  /// begun.
  std::optional<DecodingTask> try_begin(const Wanted& wanted);

  std::size_t capacity_bytes() const noexcept { return capacity_bytes_; }
  std::size_t kept_bytes() const;  ///< by chunks that are there or being decoded

 private:
  struct Key {
    const void* dataset = nullptr;
    std::uint64_t chunk = 0;
    bool operator==(const Key&) const = default;
  };
  struct HashOfKey {
    std::size_t operator()(const Key& key) const noexcept;
  };

  // Not initialised: a decoder fills all of it.
  struct Memory {
    std::unique_ptr<std::byte[]> start;
    std::size_t bytes = 0;
  };

  struct Entry {
    Key key;
    std::uint64_t rows_left;
    Memory memory;
    bool decoded = false;
    unsigned pins = 0;
    std::list<Entry*>::iterator idle;  // in idle_, while nobody pins it
  };

  Found find_locked(const Wanted& wanted, const Range& needed);
  Lease pin(Entry& entry) noexcept;
  bool has_room(std::size_t bytes) const noexcept { return kept_bytes_ + bytes <= capacity_bytes_; }
  bool make_room(const Wanted& wanted, const Range& needed);
  DecodingTask begin(const Wanted& wanted);
  void begin_pass(const Key& key) noexcept;
  Memory take_memory(std::size_t bytes);
  void keep_memory(Memory memory) noexcept;
  Lease publish(Entry& entry) noexcept;
  void abandon(Entry& entry) noexcept;
  void unpin(Entry& entry, std::uint64_t rows) noexcept;
  void drop(Entry& entry) noexcept;

  const std::size_t capacity_bytes_;
  mutable std::mutex mutex_;  // guards everything below, but not the bytes of the entries
  std::condition_variable changed_;
  std::unordered_map<Key, Entry, HashOfKey> entries_;  // which stay where they are
  std::list<Entry*> idle_;    // decoded and pinned by nobody; those used longest ago come first
  std::list<Entry*> pinned_;  // their nodes meanwhile, so that no call but begin() allocates
  std::size_t kept_bytes_ = 0;
  std::array<Key, 64> finished_{};  // chunks dropped because all rows were used: the last ones
  std::size_t next_finished_ = 0;
  std::vector<Memory> spare_;  // memory of dropped chunks
  std::size_t spare_bytes_ = 0;
};

}  // namespace h5flume::chunks
