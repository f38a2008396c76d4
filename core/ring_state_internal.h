#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/backoff_internal.h"
#include "core/block_ring.h"
#include "core/ring_memory_internal.h"

namespace h5flume {

// A process's end of a ring. The owner's counters are not shared: its death ends the ring anyway.
struct RingState {
  RingState(RingMemory ring_memory, RingOptions ring_options)
      : memory(std::move(ring_memory)),
        options(std::move(ring_options)),
        spin(memory.header().spin_ns) {}

  RingMemory memory;
  RingOptions options;
  const std::chrono::nanoseconds spin;  // a copy, like those of RingMemory

  // Apart from what all threads only read.
  alignas(64) SpinBackoff spins{63};

  // Tickets given out to slots, and blocks taken. seq_cst: `delivered` moves the window of what may
  // be taken next, and its change must not pass the question whether someone sleeps on that.
  alignas(64) std::atomic<std::uint64_t> next_ticket{0};
  std::atomic<std::uint64_t> delivered{0};
  // TicketHints of the ticket to be delivered next and of the one given out last.
  std::atomic<std::uint64_t> next_delivery{0};
  std::atomic<std::uint64_t> last_given{0};

  // For take(). A consumer that sleeps is woken for several blocks together while they take less
  // than kShortWork to make: a wake costs the worker and its core 10 to 25 us. It looks by itself
  // after kLongestNap, which comes after the next tick of any usual clock, and so needs no timer
  // to be set, which would cost as much as the wake.
  static constexpr std::chrono::microseconds kShortWork{500};
  static constexpr std::chrono::milliseconds kLongestNap{5};
  static constexpr std::uint32_t kFew = 8;
  std::atomic<std::int64_t> recent_work_ns{0};  // of the block taken last; relaxed: a guess

  // For wake_workers(). A wake takes the waker 1 to 5 us, and who is woken takes a core.
  static constexpr std::chrono::microseconds kWorthWaking{20};
  const std::uint32_t quarter_mask = std::bit_floor(std::max(memory.slot_count() / 4, 1U)) - 1;
  std::atomic<std::uint64_t> last_claimed{0};
  SpinBackoff early_looks{16383};

  // Who may have the turn to look again, see LookingTurn.
  static constexpr std::uint32_t kConsumer = 1;
  static constexpr std::uint32_t looker(WorkerId worker) noexcept {
    return 1 + (std::uint32_t{worker.number} << 8 | worker.incarnation);
  }

  RingHeader& header() const noexcept { return memory.header(); }

  // acquire: stopping orders nothing but itself.
  bool stopped() const noexcept { return header().stopped.load(std::memory_order_acquire) != 0; }

  // seq_cst: one side of "look, then sleep" against "change, then wake", see WaitWord.
  SlotWord load(std::uint32_t slot) const noexcept {
    return SlotWord::decode(memory.word(slot).load(std::memory_order_seq_cst));
  }
  void store(std::uint32_t slot, const SlotWord& word) const noexcept {
    memory.word(slot).store(word.encode(), std::memory_order_seq_cst);
  }
  bool exchange(std::uint32_t slot, const SlotWord& from, const SlotWord& to) const noexcept {
    std::uint64_t expected = from.encode();
    return memory.word(slot).compare_exchange_strong(expected, to.encode(),
                                                     std::memory_order_seq_cst);
  }

  std::size_t count(SlotState state) const noexcept {
    std::size_t found = 0;
    for (std::uint32_t slot = 0; slot < memory.slot_count(); ++slot) {
      found += load(slot).state == state;
    }
    return found;
  }

  struct Candidate {
    std::uint32_t slot;
    SlotWord word;
  };

  // The slot with the lowest ticket among those that `wanted` accepts.
  template <class Wanted>
  std::optional<Candidate> lowest(Wanted wanted) const noexcept {
    std::optional<Candidate> best;
    for (std::uint32_t slot = 0; slot < memory.slot_count(); ++slot) {
      const SlotWord word = load(slot);
      if (wanted(word) && (!best || word.ticket < best->word.ticket)) best = {slot, word};
    }
    return best;
  }

  // The slot that has the ticket, if the hint holds. relaxed: a hint orders nothing, and the word
  // that it leads to is checked.
  std::optional<Candidate> at(const TicketHint& hint) const noexcept {
    if (hint.slot >= memory.slot_count()) return std::nullopt;
    const SlotWord word = load(hint.slot);
    if (word.ticket != hint.ticket) return std::nullopt;
    return Candidate{hint.slot, word};
  }

  // Where the ticket after that of `taken` may be.
  TicketHint hint_after(const Candidate& taken) const noexcept {
    return {taken.word.ticket + 1, memory.next_slot(taken.slot).load(std::memory_order_relaxed)};
  }

  // For the owner: the hint that led to `slot` for this ticket, put right if it was wrong.
  void correct_hint(std::uint32_t slot, std::uint64_t ticket) noexcept {
    const auto last = TicketHint::decode(
        last_given.exchange(TicketHint{ticket, slot}.encode(), std::memory_order_relaxed));
    if (last.ticket + 1 != ticket) return;
    std::atomic<std::uint32_t>& next = memory.next_slot(last.slot);
    if (next.load(std::memory_order_relaxed) != slot) next.store(slot, std::memory_order_relaxed);
  }

  // For the owner: gives a slot its next ticket, if there is one.
  void give_ticket(std::uint32_t slot, std::uint64_t ticket) noexcept {
    if (ticket < options.ticket_count) {
      correct_hint(slot, ticket);
      store(slot, {ticket, {}, SlotState::kFree});
    } else {
      store(slot, {0, {}, SlotState::kRetired});
    }
  }

  // Lets the ticket of a worker that will not fill it be the next to be claimed.
  void free_again(std::uint32_t slot, std::uint64_t ticket) const noexcept {
    store(slot, {ticket, {}, SlotState::kFree});
    header().next_claim.store(TicketHint{ticket, slot}.encode(), std::memory_order_relaxed);
  }

  std::optional<Candidate> lowest_free(const TicketHint& hint) const noexcept {
    const auto is_free = [](const SlotWord& word) { return word.state == SlotState::kFree; };
    if (const auto guess = at(hint); guess && is_free(guess->word)) return guess;
    return lowest(is_free);
  }

  std::optional<Candidate> lowest_deliverable() const {
    const std::uint64_t taken = delivered.load(std::memory_order_seq_cst);
    const std::uint64_t end =
        options.window_end ? options.window_end(taken) : SlotWord::kTicketLimit;
    const auto is_deliverable = [end](const SlotWord& word) {
      return (word.state == SlotState::kReady || word.state == SlotState::kFailed) &&
             word.ticket < end;
    };
    const auto guess = at(TicketHint::decode(next_delivery.load(std::memory_order_relaxed)));
    if (guess && is_deliverable(guess->word)) return guess;
    return lowest(is_deliverable);
  }

  bool all_delivered() const noexcept {
    return delivered.load(std::memory_order_seq_cst) >= options.ticket_count;
  }

  bool someone_works() const noexcept {
    return header().workers.looking.load(std::memory_order_relaxed) != 0 ||
           count(SlotState::kClaimed) > 0;
  }

  // Wakes a worker for each free slot.
  void wake_all_needed() noexcept {
    early_looks.reset();
    const std::size_t free = count(SlotState::kFree);
    if (free > 0) header().workers.sleepers.wake(static_cast<int>(free));
  }

  // Called when a slot has got the last of `given` tickets, and held a block that took `work_time`
  // to make. A wake costs more than a small block: while consumers have enough, nobody is woken
  // before half of the ring is free, and beside a worker that is at work only for blocks that are
  // worth it. Otherwise it is looked at more and more rarely, because workers keep writing what
  // tells it.
  void wake_workers(std::uint64_t given, std::chrono::nanoseconds work_time) noexcept {
    if (header().consumers.sleepers.has_sleepers()) return wake_all_needed();
    WaitWord& workers = header().workers.sleepers;
    if ((given & quarter_mask) != 0 || !workers.has_sleepers() || !early_looks.is_due()) return;
    const std::uint64_t claimed =
        TicketHint::decode(header().next_claim.load(std::memory_order_relaxed)).ticket;
    const bool claims_go_on = last_claimed.exchange(claimed, std::memory_order_relaxed) != claimed;
    if (2 * (given - std::min(claimed, given)) < memory.slot_count()) return;
    if (work_time < kWorthWaking && (claims_go_on || someone_works())) return early_looks.grow();
    workers.wake(1);
  }

  // How many readable blocks the next sleeper should be woken for: half of the ring, so that the
  // workers have the other half meanwhile. More than a few together save nothing any more.
  std::uint32_t worth_a_wake() const noexcept {
    const std::chrono::nanoseconds work(recent_work_ns.load(std::memory_order_relaxed));
    return work.count() > 0 && work < kShortWork ? std::min((memory.slot_count() + 1) / 2, kFew)
                                                 : 1;
  }

  // After a block was published. The blocks are counted after the own one was published: of workers
  // that publish at once, the last one sees them all. seq_cst: see take().
  void wake_consumer(SlotState published) const noexcept {
    WaitingRoom& consumers = header().consumers;
    if (!consumers.sleepers.has_sleepers()) return;
    const std::uint32_t enough = consumers.enough.load(std::memory_order_seq_cst);
    if (enough <= 1 || published == SlotState::kFailed || count(SlotState::kReady) >= enough) {
      consumers.sleepers.wake(1);
    }
  }

  // Before a worker waits, or because there is nothing left to do: it will not publish more.
  void wake_consumer_for_few() const noexcept {
    WaitingRoom& consumers = header().consumers;
    if (consumers.enough.load(std::memory_order_relaxed) > 1) consumers.sleepers.wake(1);
  }

  // After a block was taken: the window has moved, so that another may be deliverable that was not
  // before, or the end is there.
  void wake_next_consumer() const {
    WaitWord& consumers = header().consumers.sleepers;
    if (!consumers.has_sleepers()) return;
    if (all_delivered()) {
      consumers.wake_all();
    } else if (lowest_deliverable()) {
      consumers.wake(1);
    }
  }

  // Looks, looks again for a while if it is `who`'s turn, then sleeps until `find` has a result,
  // `is_over` says so, or the deadline passes. `in_vain` is called when it has been looked for
  // long, `before_sleep` whenever the caller is about to sleep, announced.
  template <class Find, class IsOver, class InVain, class BeforeSleep>
  auto wait_for(WaitingRoom& room, std::uint32_t who, const WaitWord::Deadline& deadline, Find find,
                IsOver is_over, InVain in_vain, BeforeSleep before_sleep) -> decltype(find()) {
    if (is_over()) return std::nullopt;
    if (auto found = find()) return found;
    if (auto found = look_again(room, who, find, is_over, in_vain)) return found;
    for (bool in_time = true; in_time;) {
      const std::uint32_t announced = room.sleepers.announce();
      auto found = is_over() ? std::nullopt : find();
      const bool over = is_over();
      if (!found && !over) {
        before_sleep();
        in_time = room.sleepers.sleep(announced, deadline);
      }
      if (found || over) return found;
    }
    return is_over() ? std::nullopt : find();
  }

 private:
  template <class Find, class IsOver, class InVain>
  auto look_again(WaitingRoom& room, std::uint32_t who, Find find, IsOver is_over, InVain in_vain)
      -> decltype(find()) {
    if (spin.count() <= 0 || !spins.is_due()) return std::nullopt;
    const LookingTurn turn(room.looking, who);
    if (!turn) return std::nullopt;
    const auto start = WaitWord::Clock::now();
    bool told = false;
    for (auto now = start; now < start + spin; now = WaitWord::Clock::now()) {
      relax();
      if (is_over()) return std::nullopt;
      if (auto found = find()) {
        spins.reset();
        return found;
      }
      if (!told && now > start + spin / 4) {
        in_vain();
        told = true;
      }
    }
    spins.grow();
    return std::nullopt;
  }
};

}  // namespace h5flume
