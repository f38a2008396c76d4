#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/block_ring.h"
#include "readers/stream/block_plan.h"
#include "readers/stream/block_queue.h"
#include "readers/stream/statistics_publisher_internal.h"
#include "readers/stream/workers_internal.h"

namespace h5flume {

// What the workers of one number have made of the blocks that were taken.
struct WorkerShare {
  std::uint64_t blocks = 0;
  std::chrono::nanoseconds read{0};
};

struct BlockQueue::Impl {
  std::shared_ptr<const hdf5::DatasetInfo> dataset;
  BlockPlan plan;
  OnError on_error;
  bool ordered;
  unsigned worker_count;
  BlockRing ring;
  std::function<BlockQueue(RowRange)> open_rows;  // another stream, of one block with these rows
  bool is_filtered = false;                       // its slots were packed by a RowFilter

  std::atomic<bool> closed{false};
  mutable std::mutex mutex{};  // guards the six below
  StreamStatistics statistics{};
  std::vector<WorkerShare> shares = std::vector<WorkerShare>(worker_count);
  std::vector<Error> skipped{};
  std::uint64_t empty_in_a_row = 0;      // blocks without a row, in a cyclic stream
  std::optional<Error> never_matches{};  // the end of such a stream
  std::unique_ptr<StreamPublication> publication{};

  std::unique_ptr<Workers> workers;  // closed first, while the ring is there

  const std::chrono::system_clock::time_point since = std::chrono::system_clock::now();

  ~Impl() { unpublish(); }

  std::optional<Block> take(const BlockRing::Deadline& deadline);
  Block block_in(ReadReservation slot) const;
  void add_time(std::chrono::nanoseconds waited, const std::optional<ReadReservation>& slot);
  void add_block(const Block& block);
  void add_skipped(const Error& error);
  void pass_over_empty();
  std::optional<Error> failure();

  // Tells others of this stream from now on, if that can be; unpublish() ends it.
  void publish(const std::string& folder) noexcept;
  void unpublish() noexcept;
  PublishedStream figures() const;
};

}  // namespace h5flume
