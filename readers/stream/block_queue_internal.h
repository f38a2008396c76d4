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
#include "readers/stream/workers_internal.h"

namespace h5flume {

struct BlockQueue::Impl {
  std::shared_ptr<const hdf5::DatasetInfo> dataset;
  BlockPlan plan;
  OnError on_error;
  unsigned worker_count;
  BlockRing ring;
  std::function<BlockQueue(RowRange)> open_rows;  // another stream, of one block with these rows

  std::atomic<bool> closed{false};
  std::mutex mutex{};  // guards statistics and skipped
  StreamStatistics statistics{};
  std::vector<Error> skipped{};

  std::unique_ptr<Workers> workers;  // last: closed first, while the ring is there

  std::optional<Block> take(const BlockRing::Deadline& deadline);
  void add_wait(std::chrono::nanoseconds waited);
  void add_block(const ReadReservation& slot, std::chrono::nanoseconds waited,
                 const std::optional<Error>& error);
};

}  // namespace h5flume
