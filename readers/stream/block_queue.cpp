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
    add_time(waited, slot);
    if (!slot) {
      if (closed) break;
      if (const auto reason = failure()) throw *reason;
      if (ring.finished()) return std::nullopt;
      throw Error(ErrorCode::kTimeout, "take a block of '" + dataset->path + "' of " +
                                           dataset->file + ": none was ready in time");
    }
    const auto error = slot->error();
    if (!error) {
      Block block = block_in(std::move(*slot));
      add_block(block);
      if (!is_filtered || block.row_count() > 0) return block;
      pass_over_empty();
      continue;
    }
    slot->release();
    if (on_error == OnError::kRaise) throw *error;
    add_skipped(*error);
  }
  return std::nullopt;
}

Block BlockQueue::Impl::block_in(ReadReservation slot) const {
  const std::uint64_t ticket = slot.ticket();
  if (is_filtered) {
    return {std::move(slot), dataset, plan.first_row(ticket), plan.epoch(ticket)};
  }
  return {std::move(slot), dataset, plan.first_row(ticket), plan.row_count(ticket),
          plan.epoch(ticket)};
}

void BlockQueue::Impl::add_time(std::chrono::nanoseconds waited,
                                const std::optional<ReadReservation>& slot) {
  const auto read = slot ? slot->work_time() : std::chrono::nanoseconds{0};
  const std::lock_guard lock(mutex);
  statistics.wait_seconds += seconds(waited);
  statistics.read_seconds += seconds(read);
  if (!slot || slot->worker().number >= shares.size()) return;
  WorkerShare& share = shares[slot->worker().number];
  ++share.blocks;
  share.read += read;
}

void BlockQueue::Impl::add_block(const Block& block) {
  if (is_filtered && block.row_count() == 0) return;
  const std::lock_guard lock(mutex);
  empty_in_a_row = 0;
  ++statistics.blocks;
  statistics.rows += block.row_count();
  statistics.bytes += block.bytes().size();
}

void BlockQueue::Impl::add_skipped(const Error& error) {
  const std::lock_guard lock(mutex);
  ++statistics.skipped_blocks;
  skipped.push_back(error);
}

// A cyclic stream of no rows would have its consumers wait for ever. Where passes do not mix, twice
// the blocks of a pass hold a whole pass; where they do, no block is later than the ring is long.
void BlockQueue::Impl::pass_over_empty() {
  const std::lock_guard lock(mutex);
  ++empty_in_a_row;
  const std::uint64_t pass_blocks = plan.rows.count / plan.block_rows + 1;
  if (!plan.cyclic || empty_in_a_row < 2 * pass_blocks + ring.slot_count()) return;
  never_matches.emplace(ErrorCode::kNotFound,
                        "stream '" + dataset->path + "' of " + dataset->file +
                            " without end: the condition holds for none of the rows read");
  ring.stop();
}

// Why no more blocks come although the stream has not been delivered, if that is so.
std::optional<Error> BlockQueue::Impl::failure() {
  if (auto failed = workers->failure()) return failed;
  const std::lock_guard lock(mutex);
  return never_matches;
}

bool BlockQueue::finished() const noexcept { return impl_->closed || impl_->ring.finished(); }

RowsCopy BlockQueue::remainder() const {
  const std::uint64_t rows = impl_->plan.rows.count;
  const std::uint64_t left = rows % impl_->plan.block_rows;
  RowsCopy copy{impl_->dataset, rows - left, left, {}, {}};
  if (left == 0) return copy;
  BlockQueue queue = impl_->open_rows({copy.first_row, left});
  const auto block = queue.take();
  if (!block && impl_->is_filtered) {
    copy.row_count = 0;
    return copy;
  }
  if (!block) {
    throw Error(ErrorCode::kWorkerFailed, "read the remainder of '" + impl_->dataset->path +
                                              "' of " + impl_->dataset->file + ": no block came");
  }
  copy.bytes.assign(block->bytes().begin(), block->bytes().end());
  copy.row_count = block->row_count();
  for (std::uint64_t i = 0; impl_->is_filtered && i < copy.row_count; ++i) {
    copy.row_numbers.push_back(block->row_number(i));
  }
  return copy;
}

void BlockQueue::close() noexcept {
  if (!impl_) return;
  impl_->closed = true;
  impl_->unpublish();
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
