#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/wait_word.h"
#include "storage/shared/attachment_internal.h"
#include "storage/shared/lock_word_internal.h"

namespace h5flume::shared {

// The lock of a shared dict, as one attachment takes it.
//
// It is taken by one compare-and-swap and released by one exchange. Who finds it held tries again
// for some microseconds, then sleeps for ever longer times, and looks after each whether the
// holder's place is still claimed. If it is not, the holder is dead and the lock is taken over from
// it.
//
// Threads: for one.
class DictLock {
 public:
  using Deadline = WaitWord::Deadline;

  // What taking it came to.
  enum class Taken {
    kNot,  // the deadline passed
    kInOrder,
    kFromDead,  // the caller completes or drops what the dead one was at before anything else
    kStolen,
  };

  explicit DictLock(const Attachment& attachment) noexcept
      : attachment_(attachment), segment_(attachment.control().segment()) {}

  bool is_held() const noexcept { return held_.is_held(); }

  // `to_commit`: the holder is in the middle of a commit from the beginning to the end.
  Taken take(const Deadline& deadline, bool to_commit) noexcept {
    const auto seen = LockWord::decode(segment_.lock.load(std::memory_order_relaxed));
    if (!seen.is_held() && exchange(seen, seen.taken_by(attachment_.place(), to_commit))) {
      return Taken::kInOrder;
    }
    return take_slowly(deadline, to_commit);
  }

  // Takes it from a live holder too, but not in the middle of a commit.
  Taken steal(const Deadline& deadline) noexcept;

  // Says that a commit begins, or is over. False if the lock has been stolen; it is then as good as
  // released.
  bool begin_commit() noexcept;
  void end_commit() noexcept;

  // Whether this attachment was robbed of it.
  bool is_stolen() const noexcept;

  // No effect if it was stolen.
  void release() noexcept {
    if (!held_.is_held()) return;
    if (held_.committing) {
      // Nobody else changes the word meanwhile. seq_cst: releases what was written under the lock;
      // and precedes the look for sleepers.
      segment_.lock.exchange(held_.released().encode(), std::memory_order_seq_cst);
    } else {
      std::uint64_t expected = held_.encode();
      segment_.lock.compare_exchange_strong(expected, held_.released().encode(),
                                            std::memory_order_seq_cst);
    }
    held_ = {};
    if (segment_.lock_waiters.has_sleepers()) segment_.lock_waiters.wake(1);
  }

  // Takes it over if it is held by a dead one whose place this attachment has got: nobody else
  // would take that one for dead.
  bool take_from_predecessor() noexcept;

  // The place of who holds it, if any does and it is a place.
  std::optional<std::uint32_t> holder() const noexcept;

  std::uint64_t waits() const noexcept { return waits_; }

 private:
  bool exchange(LockWord from, LockWord to) noexcept {
    std::uint64_t expected = from.encode();
    // seq_cst: acquires what the last holder wrote before it released; and comes, for one who has
    // announced that it will sleep, before or after the release in the order that WaitWord needs.
    if (!segment_.lock.compare_exchange_strong(expected, to.encode(), std::memory_order_seq_cst)) {
      return false;
    }
    held_ = to;
    return true;
  }
  Taken take_slowly(const Deadline& deadline, bool to_commit) noexcept;
  bool is_dead(LockWord word) const noexcept;

  const Attachment& attachment_;
  ControlSegment& segment_;
  LockWord held_;  // the word as it was when this attachment took it
  std::uint64_t waits_ = 0;
};

}  // namespace h5flume::shared
