#pragma once

#include <chrono>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <vector>

#include "core/error.h"
#include "readers/stream/block.h"
#include "readers/stream/stream_options.h"

namespace h5flume {

/// What a queue has done so far.
struct StreamStatistics {
  std::uint64_t blocks = 0;           ///< delivered
  std::uint64_t rows = 0;             ///< delivered
  std::uint64_t bytes = 0;            ///< delivered, decoded; offsets of variable lengths included
  double wait_seconds = 0;            ///< that consumers spent waiting in take()
  double read_seconds = 0;            ///< that workers spent reading the delivered blocks, summed
  std::uint64_t worker_restarts = 0;  ///< workers that died and were replaced
  std::uint64_t skipped_blocks = 0;   ///< left out by OnError::kSkip
};

/// Rows that own their memory.
struct RowsCopy {
  std::shared_ptr<const hdf5::DatasetInfo> dataset;
  std::uint64_t first_row = 0;
  std::uint64_t row_count = 0;
  std::vector<std::byte> bytes;            ///< as of a Block; none without rows
  std::vector<std::uint64_t> row_numbers;  ///< of the rows, where a condition chose them; else none

  /// As Block::strings() and Block::lists(), for as long as this lives and is not moved.
  StringsView strings() const {
    return internal::strings_in(dataset->type, dataset->elements_of(row_count), bytes, nullptr);
  }
  template <class T>
  ListsView<T> lists() const {
    return internal::lists_in<T>(dataset->type, dataset->elements_of(row_count), bytes, nullptr);
  }
};

/// The consumer's end of a stream: blocks of one dataset, filled by workers into a ring of shared
/// memory. Made by Streamer::queue().
///
///   for (const Block& block : queue) { ... block.view<float>() ... }
///
/// Lifetime: destruction closes it; Blocks may outlive it. Threads: take(), take_for(), close() and
/// statistics() may be called from any number of threads at once; each block goes to one of them.
class BlockQueue {
 public:
  struct Impl;
  explicit BlockQueue(std::unique_ptr<Impl> impl);
  BlockQueue(BlockQueue&&) noexcept;
  BlockQueue& operator=(BlockQueue&&) noexcept;
  ~BlockQueue();

  /// The next block; waits for it. Nothing once every block has been delivered or the queue is
  /// closed, however often it is called. A block of which StreamOptions::where leaves no row is
  /// passed over; a cyclic stream of which it leaves none ends with kNotFound.
  ///
  /// Throws the block's Error if it could not be read (see OnError), naming file, dataset, rows and
  /// cause; the next call goes on with the next block. Once no worker can be kept running, every
  /// call throws the reason: finished() tells the two apart.
  std::optional<Block> take();

  /// take(), giving up after `timeout` with an Error{kTimeout}.
  std::optional<Block> take_for(std::chrono::milliseconds timeout);

  /// True once no block will come any more: all were delivered, or the queue was closed or failed.
  bool finished() const noexcept;

  /// The rows that do not fill a block, as a copy: row_count() % block_rows() of them, possibly
  /// none; with a condition those of them for which it holds. Reads them anew on every call. Throws
  /// as take() does.
  RowsCopy remainder() const;

  /// Stops the workers and ends the stream: every take() that waits or follows gives nothing.
  /// Worker processes are killed and gone when it returns; worker threads end with the read they
  /// are in. Blocks that are held stay readable. No effect if repeated.
  void close() noexcept;

  /// The dataset, with the element type that blocks hold.
  const hdf5::DatasetInfo& dataset() const noexcept;

  std::uint64_t block_rows() const noexcept;
  unsigned workers() const noexcept;
  unsigned read_ahead() const noexcept;

  /// Number of blocks in the stream, those passed over because a condition holds for none of their
  /// rows included; nothing if it is cyclic.
  std::optional<std::uint64_t> block_count() const noexcept;

  StreamStatistics statistics() const;

  /// The errors of the blocks left out by OnError::kSkip, in the order met.
  std::vector<Error> skipped() const;

  /// Process ids of the workers alive now; empty for threads. For diagnosis.
  std::vector<int> worker_pids() const;

  /// Input iteration: each step takes a block and releases the one before.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Block;
    using difference_type = std::ptrdiff_t;
    using pointer = const Block*;
    using reference = const Block&;

    explicit Iterator(BlockQueue* queue) : queue_(queue) { ++*this; }
    const Block& operator*() const noexcept { return *block_; }
    const Block* operator->() const noexcept { return &*block_; }
    Iterator& operator++() {
      block_.reset();  // first, so that a ring of one slot can go on
      block_ = queue_->take();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !block_.has_value(); }

   private:
    BlockQueue* queue_;
    std::optional<Block> block_;
  };

  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace h5flume
