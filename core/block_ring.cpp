#include "core/block_ring.h"

#include <algorithm>
#include <utility>

#include "core/ring_state_internal.h"
#include "core/test_point.h"

namespace h5flume {

BlockRing::BlockRing(RingOptions options) {
  options.ticket_count = std::min(options.ticket_count, SlotWord::kTicketLimit);
  auto memory = RingMemory::create(options.slot_count, options.block_bytes, options.spin,
                                   options.preallocate);
  state_ = std::make_shared<RingState>(std::move(memory), std::move(options));
  for (std::uint32_t slot = 0; slot < state_->memory.slot_count(); ++slot) {
    state_->give_ticket(slot, slot);
  }
  state_->next_ticket = state_->memory.slot_count();
}

BlockRing BlockRing::attach(FileDescriptor descriptor) {
  return BlockRing(
      std::make_shared<RingState>(RingMemory::attach(std::move(descriptor)), RingOptions{}));
}

std::optional<WriteReservation> BlockRing::reserve(WorkerId worker) {
  RingState& ring = *state_;
  test_point("ring.reserving", 0);
  bool waits = false;
  const auto claim = [&]() -> std::optional<WriteReservation> {
    std::atomic<std::uint64_t>& hint = ring.header().next_claim;
    while (true) {
      std::uint64_t hinted = hint.load(std::memory_order_relaxed);
      const auto free = ring.lowest_free(TicketHint::decode(hinted));
      if (!free) {
        if (!std::exchange(waits, true)) ring.wake_consumer_for_few();
        return std::nullopt;
      }
      const std::uint64_t ticket = free->word.ticket;
      if (ring.exchange(free->slot, free->word, {ticket, worker, SlotState::kClaimed})) {
        test_point("ring.claimed", ticket);
        // Not if it has changed meanwhile: it may lead to a ticket that was given back.
        hint.compare_exchange_strong(hinted, ring.hint_after(*free).encode(),
                                     std::memory_order_relaxed);
        return WriteReservation(&ring, free->slot, ticket, worker);
      }
      // Another worker was faster with that slot.
    }
  };
  return ring.wait_for(
      ring.header().workers, RingState::looker(worker), std::nullopt, claim,
      [&] { return ring.stopped(); }, [] {}, [] { test_point("ring.waiting", 0); });
}

std::optional<ReadReservation> BlockRing::take(const Deadline& deadline) {
  RingState& ring = *state_;
  const auto hold = [&]() -> std::optional<ReadReservation> {
    while (const auto ready = ring.lowest_deliverable()) {
      const SlotWord held{ready->word.ticket, ready->word.worker, SlotState::kHeld};
      if (!ring.exchange(ready->slot, ready->word, held)) continue;
      ring.next_delivery.store(ring.hint_after(*ready).encode(), std::memory_order_relaxed);
      ring.delivered.fetch_add(1, std::memory_order_seq_cst);
      ring.recent_work_ns.store(ring.memory.record(ready->slot).work_ns, std::memory_order_relaxed);
      ring.wake_next_consumer();
      return ReadReservation(state_, ready->slot, held.ticket, held.worker,
                             ready->word.state == SlotState::kFailed);
    }
    return std::nullopt;
  };
  const auto hold_until = [&](const Deadline& until) {
    return ring.wait_for(
        ring.header().consumers, RingState::kConsumer, until, hold,
        [&] { return ring.stopped() || ring.all_delivered(); },
        [&] {
          if (!ring.someone_works()) ring.wake_all_needed();
        },
        [&] {
          ring.wake_all_needed();
          test_point("ring.consumer_sleeps", 0);
        });
  };
  const std::uint32_t enough = ring.worth_a_wake();
  if (enough > 1) {
    if (auto ready = finished() ? std::nullopt : hold()) return ready;
    std::atomic<std::uint32_t>& wanted = ring.header().consumers.enough;
    wanted.store(enough, std::memory_order_relaxed);
    const auto end_of_nap = WaitWord::Clock::now() + RingState::kLongestNap;
    auto block = hold_until(deadline ? std::min(*deadline, end_of_nap) : end_of_nap);
    // Not for longer than the nap: another consumer may sleep without an end to it. seq_cst, as in
    // wake_consumer(): a worker that still saw the old number published before the look here.
    wanted.store(1, std::memory_order_seq_cst);
    if (block) {
      ring.wake_next_consumer();
      return block;
    }
  }
  return hold_until(deadline);
}

bool BlockRing::finished() const noexcept { return state_->stopped() || state_->all_delivered(); }

std::size_t BlockRing::reclaim(
    WorkerId worker, const std::function<std::optional<Error>(std::uint64_t ticket)>& verdict) {
  RingState& ring = *state_;
  LookingTurn::end(ring.header().workers.looking, RingState::looker(worker));
  std::size_t reclaimed = 0;
  for (std::uint32_t slot = 0; slot < ring.memory.slot_count(); ++slot) {
    const SlotWord word = ring.load(slot);
    if (word.state != SlotState::kClaimed || word.worker != worker) continue;
    ++reclaimed;
    if (const auto error = verdict ? verdict(word.ticket) : std::nullopt) {
      ring.memory.record(slot).set_error(*error);
      ring.store(slot, {word.ticket, worker, SlotState::kFailed});
    } else {
      ring.free_again(slot, word.ticket);
    }
  }
  ring.header().workers.sleepers.wake_unconditionally();
  ring.header().consumers.sleepers.wake_unconditionally();
  return reclaimed;
}

std::optional<std::uint64_t> BlockRing::claimed_by(WorkerId worker) const noexcept {
  const auto claimed = state_->lowest([worker](const SlotWord& word) {
    return word.state == SlotState::kClaimed && word.worker == worker;
  });
  return claimed ? std::optional(claimed->word.ticket) : std::nullopt;
}

void BlockRing::stop() noexcept {
  // seq_cst: "change, then wake" again.
  state_->header().stopped.store(1, std::memory_order_seq_cst);
  state_->header().workers.sleepers.wake_unconditionally();
  state_->header().consumers.sleepers.wake_unconditionally();
}

bool BlockRing::stopped() const noexcept { return state_->stopped(); }
std::size_t BlockRing::count(SlotState state) const noexcept { return state_->count(state); }
std::uint64_t BlockRing::delivered() const noexcept {
  return state_->delivered.load(std::memory_order_seq_cst);
}

void BlockRing::for_each_slot(const std::function<void(const SlotWord&)>& look) const {
  for (std::uint32_t slot = 0; slot < state_->memory.slot_count(); ++slot) {
    look(state_->load(slot));
  }
}

std::uint32_t BlockRing::slot_count() const noexcept { return state_->memory.slot_count(); }
std::size_t BlockRing::block_bytes() const noexcept { return state_->memory.block_bytes(); }
int BlockRing::descriptor() const noexcept { return state_->memory.descriptor(); }

}  // namespace h5flume
