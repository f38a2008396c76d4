// What a queue publishes of itself.

#include <array>
#include <exception>
#include <vector>

#include "readers/stream/block_queue_internal.h"

namespace h5flume {
namespace {

void count_slots(const BlockRing& ring, PublishedStream& stream,
                 std::array<bool, 256>& is_reading) {
  ring.for_each_slot([&](const SlotWord& word) {
    switch (word.state) {
      case SlotState::kFree:
        ++stream.free_slots;
        break;
      case SlotState::kClaimed:
        ++stream.filling_slots;
        is_reading[word.worker.number] = true;
        break;
      case SlotState::kReady:
      case SlotState::kFailed:
        ++stream.readable_slots;
        break;
      case SlotState::kHeld:
        ++stream.held_slots;
        break;
      case SlotState::kRetired:
        break;
    }
  });
}

// Where in which pass a stream is after `taken` blocks.
void count_passes(const BlockPlan& plan, std::uint64_t taken, PublishedStream& stream) {
  stream.pass_rows = plan.rows.count;
  if (plan.rows.count == 0) {
    stream.pass_done = 1;
    return;
  }
  stream.pass_blocks =
      plan.block_count().value_or((plan.rows.count + plan.block_rows - 1) / plan.block_rows);
  if (plan.cyclic) {
    stream.pass = plan.epoch(taken);
    stream.pass_done = static_cast<double>(plan.first_row(taken) - plan.rows.first) /
                       static_cast<double>(plan.rows.count);
  } else if (stream.pass_blocks > 0) {
    stream.pass_done = static_cast<double>(taken) / static_cast<double>(stream.pass_blocks);
  } else {
    stream.pass_done = 1;  // fewer rows than a block, and the remainder is not wanted
  }
}

}  // namespace

void BlockQueue::Impl::publish(const std::string& folder) noexcept {
  try {
    publication = std::make_unique<StreamPublication>(folder, [this] { return figures(); });
  } catch (const std::exception&) {
    // No thread is to be had: others do not see this stream.
  }
}

void BlockQueue::Impl::unpublish() noexcept {
  std::unique_ptr<StreamPublication> ending;
  const std::lock_guard lock(mutex);
  ending.swap(publication);
  // It ends without the lock, which figures() takes.
}

PublishedStream BlockQueue::Impl::figures() const {
  PublishedStream stream;
  stream.file = dataset->file;
  stream.dataset = dataset->path;
  stream.since = since;
  stream.ordered = ordered;
  stream.cyclic = plan.cyclic;
  stream.finished = closed || ring.finished();
  std::vector<WorkerShare> made;
  {
    const std::lock_guard lock(mutex);
    stream.statistics = statistics;
    made = shares;
  }
  stream.statistics.worker_restarts = workers->restarts();
  // Afterwards: a block is taken before it is counted, so that no more are counted than are taken.
  count_passes(plan, ring.delivered(), stream);
  std::array<bool, 256> is_reading{};
  count_slots(ring, stream, is_reading);
  for (const LiveWorker& worker : workers->alive()) {
    if (worker.number >= made.size()) continue;
    const WorkerShare& share = made[worker.number];
    stream.workers.push_back({.number = worker.number,
                              .pid = worker.pid,
                              .blocks = share.blocks,
                              .read_seconds = std::chrono::duration<double>(share.read).count(),
                              .is_reading = is_reading[worker.number]});
  }
  return stream;
}

}  // namespace h5flume
