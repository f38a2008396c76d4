#include <algorithm>

#include "core/backoff_internal.h"
#include "storage/shared/dict_lock_internal.h"

namespace h5flume::shared {
namespace {

// Some microseconds: longer than a commit takes, shorter than going to sleep and being woken.
constexpr int kTriesBeforeSleep = 200;

// The dead are found after the first of them; a live holder is asked after ever more rarely.
constexpr std::chrono::microseconds kShortestSleep(200);
constexpr std::chrono::microseconds kLongestNap(20'000);

}  // namespace

bool DictLock::is_dead(LockWord word) const noexcept {
  // It is not held by this attachment, or that would not be waiting for it.
  return word.place() == attachment_.place() || !attachment_.is_live(word.place());
}

DictLock::Taken DictLock::take_slowly(const Deadline& deadline, bool to_commit) noexcept {
  ++waits_;
  const std::uint32_t own = attachment_.place();
  for (int tries = 0; tries < kTriesBeforeSleep; ++tries) {
    const auto seen = LockWord::decode(segment_.lock.load(std::memory_order_relaxed));
    if (!seen.is_held() && exchange(seen, seen.taken_by(own, to_commit))) return Taken::kInOrder;
    relax();
  }
  auto pause = kShortestSleep;
  for (;;) {
    const std::uint32_t announced = segment_.lock_waiters.announce();
    const auto seen = LockWord::decode(segment_.lock.load(std::memory_order_seq_cst));
    if (!seen.is_held()) {
      if (exchange(seen, seen.taken_by(own, to_commit))) return Taken::kInOrder;
      continue;
    }
    const auto now = WaitWord::Clock::now();
    if (is_dead(seen)) {
      if (exchange(seen, seen.taken_by(own, to_commit))) return Taken::kFromDead;
      continue;
    }
    if (deadline && now >= *deadline) return Taken::kNot;
    const auto until = now + pause;
    segment_.lock_waiters.sleep(announced, deadline ? std::min(*deadline, until) : until);
    pause = std::min(2 * pause, kLongestNap);
  }
}

DictLock::Taken DictLock::steal(const Deadline& deadline) noexcept {
  for (;;) {
    const auto soon = WaitWord::Clock::now() + kLongestNap / 10;
    const auto seen = LockWord::decode(segment_.lock.load(std::memory_order_relaxed));
    if (seen.is_held() && !seen.committing && !is_dead(seen) &&
        exchange(seen, seen.taken_by(attachment_.place(), false))) {
      // relaxed: a count, and the lock is held.
      segment_.steals.fetch_add(1, std::memory_order_relaxed);
      return Taken::kStolen;
    }
    const auto taken = take(deadline ? std::min(*deadline, soon) : soon, false);
    if (taken != Taken::kNot) return taken;
    if (deadline && WaitWord::Clock::now() >= *deadline) return Taken::kNot;
  }
}

bool DictLock::begin_commit() noexcept {
  LockWord committing = held_;
  committing.committing = true;
  return exchange(held_, committing);
}

void DictLock::end_commit() noexcept {
  held_.committing = false;
  // An exchange although nobody else may change the word: see wait_for_change() in DictCore.
  segment_.lock.exchange(held_.encode(), std::memory_order_seq_cst);
}

bool DictLock::is_stolen() const noexcept {
  return held_.is_held() && segment_.lock.load(std::memory_order_relaxed) != held_.encode();
}

bool DictLock::take_from_predecessor() noexcept {
  const auto seen = LockWord::decode(segment_.lock.load(std::memory_order_relaxed));
  return seen.is_held() && seen.place() == attachment_.place() &&
         exchange(seen, seen.taken_by(attachment_.place(), true));
}

std::optional<std::uint32_t> DictLock::holder() const noexcept {
  const auto word = LockWord::decode(segment_.lock.load(std::memory_order_relaxed));
  if (!word.is_held() || word.place() >= kMostAttached) return std::nullopt;
  return word.place();
}

}  // namespace h5flume::shared
