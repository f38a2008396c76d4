#include "core/reservations.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/ring_state_internal.h"
#include "core/test_point.h"

namespace h5flume {

WriteReservation::WriteReservation(WriteReservation&& other) noexcept
    : ring_(std::exchange(other.ring_, nullptr)),
      slot_(other.slot_),
      ticket_(other.ticket_),
      worker_(other.worker_) {}

std::span<std::byte> WriteReservation::bytes() const noexcept {
  return ring_ ? ring_->memory.block(slot_) : std::span<std::byte>{};
}

void WriteReservation::publish(SlotState state) noexcept {
  RingState& ring = *std::exchange(ring_, nullptr);
  test_point("ring.filled", ticket_);
  // A compare-and-swap, although the claim is exclusive: should it have been taken away, nothing is
  // published. It releases the bytes and the record to the consumer that acquires the word.
  if (!ring.exchange(slot_, {ticket_, worker_, SlotState::kClaimed}, {ticket_, worker_, state})) {
    return;
  }
  test_point("ring.published", ticket_);
  ring.wake_consumer(state);
}

void WriteReservation::commit(std::size_t size_bytes, std::chrono::nanoseconds work_time) && {
  if (size_bytes > bytes().size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("commit {} bytes to a slot of {} bytes", size_bytes, bytes().size()));
  }
  SlotRecord& record = ring_->memory.record(slot_);
  record.size_bytes = size_bytes;
  record.work_ns = work_time.count();
  publish(SlotState::kReady);
}

void WriteReservation::fail(const Error& error) && noexcept {
  if (!ring_) return;
  ring_->memory.record(slot_).set_error(error);
  publish(SlotState::kFailed);
}

void WriteReservation::abandon() noexcept {
  if (!ring_) return;
  RingState& ring = *std::exchange(ring_, nullptr);
  // Claimed again by its own holder first, which fails if it has been taken away.
  const SlotWord claimed{ticket_, worker_, SlotState::kClaimed};
  if (ring.exchange(slot_, claimed, claimed)) {
    ring.free_again(slot_, ticket_);
    ring.header().workers.sleepers.wake(1);
  }
}

ReadReservation::ReadReservation(ReadReservation&& other) noexcept
    : ring_(std::move(other.ring_)),
      slot_(other.slot_),
      ticket_(other.ticket_),
      worker_(other.worker_),
      failed_(other.failed_) {}

ReadReservation& ReadReservation::operator=(ReadReservation&& other) noexcept {
  if (this == &other) return *this;
  release();
  ring_ = std::move(other.ring_);
  slot_ = other.slot_;
  ticket_ = other.ticket_;
  worker_ = other.worker_;
  failed_ = other.failed_;
  return *this;
}

std::span<const std::byte> ReadReservation::bytes() const noexcept {
  if (!ring_) return {};
  const auto block = ring_->memory.block(slot_);
  // The size comes from shared memory: never trust it beyond the block.
  return block.first(std::min<std::size_t>(ring_->memory.record(slot_).size_bytes, block.size()));
}

std::optional<Error> ReadReservation::error() const {
  if (!ring_ || !failed_) return std::nullopt;
  return ring_->memory.record(slot_).error();
}

std::chrono::nanoseconds ReadReservation::work_time() const noexcept {
  return std::chrono::nanoseconds(ring_ ? ring_->memory.record(slot_).work_ns : 0);
}

void ReadReservation::release() noexcept {
  if (!ring_) return;
  const auto work = work_time();
  const auto ring = std::move(ring_);
  // relaxed would do for uniqueness; the store of the word below publishes the ticket.
  const std::uint64_t ticket = ring->next_ticket.fetch_add(1, std::memory_order_relaxed);
  ring->give_ticket(slot_, ticket);
  ring->wake_workers(ticket + 1, work);
}

}  // namespace h5flume
