#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/block_ring.h"
#include "core/ring_memory_internal.h"
#include "core/spin_budget_internal.h"

namespace h5flume {

// A process's end of a ring. The owner's counters are not shared: its death ends the ring anyway.
struct RingState {
  RingState(RingMemory ring_memory, RingOptions ring_options)
      : memory(std::move(ring_memory)),
        options(std::move(ring_options)),
        spins(std::chrono::nanoseconds(memory.header().spin_ns)) {}

  RingMemory memory;
  RingOptions options;
  SpinBudget spins;

  // Tickets given out to slots, and blocks taken. seq_cst: `delivered` moves the window of what may
  // be taken next, and its change must not pass the question whether someone sleeps on that.
  std::atomic<std::uint64_t> next_ticket{0};
  std::atomic<std::uint64_t> delivered{0};
  std::atomic<std::uint64_t> next_delivery{0};  // TicketHint, like RingHeader::next_claim

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

  // lowest(), which needs no search as long as tickets follow each other from slot to slot. A hint
  // is relaxed: it orders nothing, and the word that it leads to is checked.
  template <class Wanted>
  std::optional<Candidate> lowest(const std::atomic<std::uint64_t>& hint, Wanted wanted) const {
    const TicketHint guess = TicketHint::decode(hint.load(std::memory_order_relaxed));
    if (guess.slot < memory.slot_count()) {
      const SlotWord word = load(guess.slot);
      if (word.ticket == guess.ticket && wanted(word)) return Candidate{guess.slot, word};
    }
    return lowest(wanted);
  }

  // The hint after `taken` was: the next ticket in the next slot.
  std::uint64_t hint_after(const Candidate& taken) const noexcept {
    const std::uint32_t next = taken.slot + 1;
    return TicketHint{taken.word.ticket + 1, next == memory.slot_count() ? 0 : next}.encode();
  }

  // Lets the ticket of a worker that will not fill it be the next to be claimed.
  void free_again(std::uint32_t slot, std::uint64_t ticket) noexcept {
    store(slot, {ticket, {}, SlotState::kFree});
    header().next_claim.store(TicketHint{ticket, slot}.encode(), std::memory_order_relaxed);
  }

  static bool is_free(const SlotWord& word) noexcept { return word.state == SlotState::kFree; }

  std::optional<Candidate> lowest_deliverable() const {
    const std::uint64_t taken = delivered.load(std::memory_order_seq_cst);
    const std::uint64_t end =
        options.window_end ? options.window_end(taken) : SlotWord::kTicketLimit;
    return lowest(next_delivery, [end](const SlotWord& word) {
      return (word.state == SlotState::kReady || word.state == SlotState::kFailed) &&
             word.ticket < end;
    });
  }

  bool all_delivered() const noexcept {
    return delivered.load(std::memory_order_seq_cst) >= options.ticket_count;
  }

  // Wakes workers for the free slots there are, and not too many: a wake costs more than a small
  // block. Where consumers are kept waiting, one for each slot. Else nobody until half of the ring
  // is free, and from there on one for each further eighth, in case those woken before do not
  // suffice.
  void wake_workers() const noexcept {
    WaitWord& workers = header().workers;
    if (!workers.has_sleepers()) return;
    const std::size_t free = count(SlotState::kFree);
    const std::size_t half = (memory.slot_count() + 1) / 2;
    const std::size_t eighth = (memory.slot_count() + 7) / 8;
    if (free > 0 && header().consumers.has_sleepers()) {
      workers.wake(static_cast<int>(free));
    } else if (free >= half && (free - half) % eighth == 0) {
      workers.wake(1);
    }
  }

  // After a block was taken: the window has moved, so that another may be deliverable that was not
  // before, or the end is there.
  void wake_next_consumer() const {
    WaitWord& consumers = header().consumers;
    if (!consumers.has_sleepers()) return;
    if (all_delivered()) {
      consumers.wake_all();
    } else if (lowest_deliverable()) {
      consumers.wake(1);
    }
  }

  // Looks, spins a little, then sleeps until `find` has a result, `is_over` says so, or the
  // deadline passes. `before_sleep` is called whenever the caller is about to sleep, announced.
  template <class Find, class IsOver, class BeforeSleep>
  auto wait_for(WaitWord& word, const WaitWord::Deadline& deadline, Find find, IsOver is_over,
                BeforeSleep before_sleep) -> decltype(find()) {
    if (is_over()) return std::nullopt;
    if (auto found = find()) return found;
    if (const auto spin = spins.next(); spin.count() > 0) {
      const auto until = WaitWord::Clock::now() + spin;
      do {
        relax();
        if (is_over()) return std::nullopt;
        if (auto found = find()) {
          spins.succeeded();
          return found;
        }
      } while (WaitWord::Clock::now() < until);
      spins.failed();
    }
    for (bool in_time = true; in_time;) {
      const std::uint32_t announced = word.announce();
      auto found = is_over() ? std::nullopt : find();
      const bool over = is_over();
      if (!found && !over) {
        before_sleep();
        in_time = word.sleep(announced, deadline);
      }
      if (found || over) return found;
    }
    return is_over() ? std::nullopt : find();
  }
};

}  // namespace h5flume
