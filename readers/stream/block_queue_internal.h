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
  bool is_filtered = false;                       // its slots were packed by a RowFilter

  std::atomic<bool> closed{false};
  std::mutex mutex{};  // guards the four below
  StreamStatistics statistics{};
  std::vector<Error> skipped{};
  std::uint64_t empty_in_a_row = 0;      // blocks without a row, in a cyclic stream
  std::optional<Error> never_matches{};  // the end of such a stream

  std::unique_ptr<Workers> workers;  // last: closed first, while the ring is there

  std::optional<Block> take(const BlockRing::Deadline& deadline);
  Block block_in(ReadReservation slot) const;
  void add_time(std::chrono::nanoseconds waited, std::chrono::nanoseconds read);
  void add_block(const Block& block);
  void add_skipped(const Error& error);
  void pass_over_empty();
  std::optional<Error> failure();
};

}  // namespace h5flume
