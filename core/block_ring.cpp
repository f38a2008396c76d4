#include "core/block_ring.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <utility>

#include "core/ring_memory_internal.h"
#include "core/test_point.h"

namespace h5flume {
namespace {

// Looking again this often costs a few microseconds, less than going to sleep and being woken.
constexpr int kMostSpins = 64;

bool has_several_cores() noexcept {
  cpu_set_t cores;
  return ::sched_getaffinity(0, sizeof cores, &cores) != 0 || CPU_COUNT(&cores) > 1;
}

// How often it pays to look again before going to sleep, learned from how it went: it does while
// the other side is fast and has a core to run on, and takes that core away where it has not.
class SpinBudget {
 public:
  int next() noexcept {
    // Now and then more than has paid lately, to notice when it pays again.
    const bool probe = (waits_.fetch_add(1, std::memory_order_relaxed) & 63) == 0;
    return probe ? most_ : spins_.load(std::memory_order_relaxed);
  }
  void succeeded() noexcept { set(spins_.load(std::memory_order_relaxed) * 2 + 1); }
  void failed() noexcept { set(spins_.load(std::memory_order_relaxed) / 2); }

 private:
  void set(int spins) noexcept { spins_.store(std::min(spins, most_), std::memory_order_relaxed); }

  const int most_ = has_several_cores() ? kMostSpins : 0;
  // relaxed: a guess, shared by threads only because they wait for the same things.
  std::atomic<int> spins_{most_};
  std::atomic<unsigned> waits_{0};
};

void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

// A process's end of a ring. The owner's counters are not shared: its death ends the ring anyway.
struct RingState {
  RingState(RingMemory ring_memory, RingOptions ring_options)
      : memory(std::move(ring_memory)), options(std::move(ring_options)) {}

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
    const int most_spins = spins.next();
    for (int spin = 0; spin <= most_spins; ++spin) {
      if (is_over()) return std::nullopt;
      if (auto found = find()) {
        if (spin > 0) spins.succeeded();
        return found;
      }
      relax();
    }
    spins.failed();
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

BlockRing::BlockRing(RingOptions options) {
  options.ticket_count = std::min(options.ticket_count, SlotWord::kTicketLimit);
  auto memory = RingMemory::create(options.slot_count, options.block_bytes);
  state_ = std::make_shared<RingState>(std::move(memory), std::move(options));
  for (std::uint32_t slot = 0; slot < state_->memory.slot_count(); ++slot) {
    const bool used = slot < state_->options.ticket_count;
    state_->store(slot, {slot, {}, used ? SlotState::kFree : SlotState::kRetired});
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
  const auto claim = [&]() -> std::optional<WriteReservation> {
    // Another worker may be faster with the slot that was seen free: look again.
    std::atomic<std::uint64_t>& hint = ring.header().next_claim;
    std::uint64_t hinted = hint.load(std::memory_order_relaxed);
    while (const auto free = ring.lowest(hint, RingState::is_free)) {
      const std::uint64_t ticket = free->word.ticket;
      if (ring.exchange(free->slot, free->word, {ticket, worker, SlotState::kClaimed})) {
        test_point("ring.claimed", ticket);
        // Not if it has changed meanwhile: it may lead to a ticket that was given back.
        hint.compare_exchange_strong(hinted, ring.hint_after(*free), std::memory_order_relaxed);
        return WriteReservation(&ring, free->slot, ticket, worker);
      }
    }
    return std::nullopt;
  };
  return ring.wait_for(
      ring.header().workers, std::nullopt, claim, [&] { return ring.stopped(); },
      [] { test_point("ring.waiting", 0); });
}

std::optional<ReadReservation> BlockRing::take(const Deadline& deadline) {
  RingState& ring = *state_;
  const auto hold = [&]() -> std::optional<ReadReservation> {
    while (const auto ready = ring.lowest_deliverable()) {
      const SlotWord held{ready->word.ticket, ready->word.worker, SlotState::kHeld};
      if (!ring.exchange(ready->slot, ready->word, held)) continue;
      ring.next_delivery.store(ring.hint_after(*ready), std::memory_order_relaxed);
      ring.delivered.fetch_add(1, std::memory_order_seq_cst);
      ring.wake_next_consumer();
      return ReadReservation(state_, ready->slot, held.ticket,
                             ready->word.state == SlotState::kFailed);
    }
    return std::nullopt;
  };
  return ring.wait_for(
      ring.header().consumers, deadline, hold,
      [&] { return ring.stopped() || ring.all_delivered(); }, [&] { ring.wake_workers(); });
}

bool BlockRing::finished() const noexcept { return state_->stopped() || state_->all_delivered(); }

std::size_t BlockRing::reclaim(
    WorkerId worker, const std::function<std::optional<Error>(std::uint64_t ticket)>& verdict) {
  RingState& ring = *state_;
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
  ring.header().workers.wake_unconditionally();
  ring.header().consumers.wake_unconditionally();
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
  state_->header().workers.wake_unconditionally();
  state_->header().consumers.wake_unconditionally();
}

bool BlockRing::stopped() const noexcept { return state_->stopped(); }
std::size_t BlockRing::count(SlotState state) const noexcept { return state_->count(state); }
std::uint32_t BlockRing::slot_count() const noexcept { return state_->memory.slot_count(); }
std::size_t BlockRing::block_bytes() const noexcept { return state_->memory.block_bytes(); }
int BlockRing::descriptor() const noexcept { return state_->memory.descriptor(); }

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
  ring.header().consumers.wake(1);
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
    ring.header().workers.wake(1);
  }
}

ReadReservation::ReadReservation(ReadReservation&& other) noexcept
    : ring_(std::move(other.ring_)),
      slot_(other.slot_),
      ticket_(other.ticket_),
      failed_(other.failed_) {}

ReadReservation& ReadReservation::operator=(ReadReservation&& other) noexcept {
  if (this == &other) return *this;
  release();
  ring_ = std::move(other.ring_);
  slot_ = other.slot_;
  ticket_ = other.ticket_;
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
  const auto ring = std::move(ring_);
  // relaxed would do for uniqueness; the store of the word below publishes the ticket.
  const std::uint64_t ticket = ring->next_ticket.fetch_add(1, std::memory_order_relaxed);
  const bool used = ticket < ring->options.ticket_count;
  ring->store(slot_, {used ? ticket : 0, {}, used ? SlotState::kFree : SlotState::kRetired});
  ring->wake_workers();
}

}  // namespace h5flume
