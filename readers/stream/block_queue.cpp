#include "readers/stream/block_queue.h"

#include <mutex>
#include <utility>

#include "readers/stream/block_queue_internal.h"

namespace h5flume {
namespace {

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

BlockQueue::BlockQueue(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlockQueue::BlockQueue(BlockQueue&&) noexcept = default;
BlockQueue& BlockQueue::operator=(BlockQueue&&) noexcept = default;
BlockQueue::~BlockQueue() = default;

std::optional<Block> BlockQueue::take() { return impl_->take(std::nullopt); }

std::optional<Block> BlockQueue::take_for(std::chrono::milliseconds timeout) {
  return impl_->take(std::chrono::steady_clock::now() + timeout);
}

std::optional<Block> BlockQueue::Impl::take(const BlockRing::Deadline& deadline) {
  using Clock = std::chrono::steady_clock;
  while (!closed) {
    const auto started = Clock::now();
    auto slot = ring.take(deadline);
    const auto waited = Clock::now() - started;
    if (ring.finished()) workers->finish();
    if (!slot) {
      add_wait(waited);
      if (closed) break;
      if (const auto failure = workers->failure()) throw *failure;
      if (ring.finished()) return std::nullopt;
      throw Error(ErrorCode::kTimeout, "take a block of '" + dataset->path + "' of " +
                                           dataset->file + ": none was ready in time");
    }
    const auto error = slot->error();
    add_block(*slot, waited, error);
    if (!error) {
      const std::uint64_t ticket = slot->ticket();
      return Block(std::move(*slot), dataset, plan.first_row(ticket), plan.row_count(ticket),
                   plan.epoch(ticket));
    }
    slot->release();
    if (on_error == OnError::kRaise) throw *error;
  }
  return std::nullopt;
}

void BlockQueue::Impl::add_wait(std::chrono::nanoseconds waited) {
  const std::lock_guard lock(mutex);
  statistics.wait_seconds += seconds(waited);
}

void BlockQueue::Impl::add_block(const ReadReservation& slot, std::chrono::nanoseconds waited,
                                 const std::optional<Error>& error) {
  const std::lock_guard lock(mutex);
  statistics.wait_seconds += seconds(waited);
  statistics.read_seconds += seconds(slot.work_time());
  if (!error) {
    ++statistics.blocks;
    statistics.rows += plan.row_count(slot.ticket());
    statistics.bytes += slot.bytes().size();
  } else if (on_error == OnError::kSkip) {
    ++statistics.skipped_blocks;
    skipped.push_back(*error);
  }
}

bool BlockQueue::finished() const noexcept { return impl_->closed || impl_->ring.finished(); }

RowsCopy BlockQueue::remainder() const {
  const std::uint64_t rows = impl_->plan.rows.count;
  const std::uint64_t left = rows % impl_->plan.block_rows;
  RowsCopy copy{impl_->dataset, rows - left, left, {}};
  if (left == 0) return copy;
  BlockQueue queue = impl_->open_rows({copy.first_row, left});
  const auto block = queue.take();
  if (!block) {
    throw Error(ErrorCode::kWorkerFailed, "read the remainder of '" + impl_->dataset->path +
                                              "' of " + impl_->dataset->file + ": no block came");
  }
  copy.bytes.assign(block->bytes().begin(), block->bytes().end());
  return copy;
}

void BlockQueue::close() noexcept {
  if (!impl_) return;
  impl_->closed = true;
  impl_->ring.stop();
  impl_->workers->close();
}

const hdf5::DatasetInfo& BlockQueue::dataset() const noexcept { return *impl_->dataset; }
std::uint64_t BlockQueue::block_rows() const noexcept { return impl_->plan.block_rows; }
unsigned BlockQueue::workers() const noexcept { return impl_->worker_count; }
unsigned BlockQueue::read_ahead() const noexcept { return impl_->ring.slot_count(); }

std::optional<std::uint64_t> BlockQueue::block_count() const noexcept {
  return impl_->plan.rows.count == 0 ? std::optional<std::uint64_t>(0) : impl_->plan.block_count();
}

StreamStatistics BlockQueue::statistics() const {
  const std::lock_guard lock(impl_->mutex);
  StreamStatistics statistics = impl_->statistics;
  statistics.worker_restarts = impl_->workers->restarts();
  return statistics;
}

std::vector<Error> BlockQueue::skipped() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->skipped;
}

std::vector<int> BlockQueue::worker_pids() const { return impl_->workers->pids(); }

}  // namespace h5flume
