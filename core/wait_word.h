#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace h5flume {

/// A place in shared memory where threads of any process sleep until something has changed.
///
/// The pattern that loses no wake-up: the sleeper announces itself, looks once more at what it
/// waits for, and sleeps; the waker changes that thing, and then asks whether anyone is announced.
/// Both use sequentially consistent operations on either side, so one of the two sees the other.
///
///   auto ticket = word.announce();            |   slot.store(ready, seq_cst);
///   if (slot.load(seq_cst) != ready)          |   word.wake(1);
///     word.sleep(ticket, deadline);           |
///   word.retire();                            |
///
/// A process that is killed while it is announced stays counted: from then on wakers make a system
/// call too many, nothing else.
///
/// Threads and processes: all members may be called by any at once.
class WaitWord {
 public:
  using Clock = std::chrono::steady_clock;
  using Deadline = std::optional<Clock::time_point>;  ///< nothing: for ever

  /// Counts the caller among the sleepers; returns what sleep() wants.
  std::uint32_t announce() noexcept {
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    return sequence_.load(std::memory_order_seq_cst);
  }

  /// Sleeps until a wake after announce(), the deadline, a signal, or for no reason at all.
  /// Returns false if the deadline has passed.
  bool sleep(std::uint32_t announced, const Deadline& deadline) noexcept;

  /// Ends announce(); every announce() needs one.
  void retire() noexcept { sleepers_.fetch_sub(1, std::memory_order_seq_cst); }

  bool has_sleepers() const noexcept { return sleepers_.load(std::memory_order_seq_cst) != 0; }

  /// Wakes up to `count` sleepers if any is announced.
  void wake(int count) noexcept {
    if (has_sleepers()) wake_announced(count);
  }
  void wake_all() noexcept { wake(kAll); }

  /// Wakes all who sleep, announced or not: for use after a process has died.
  void wake_unconditionally() noexcept { wake_announced(kAll); }

 private:
  static constexpr int kAll = 0x7fffffff;

  void wake_announced(int count) noexcept;

  // A wake changes the sequence, so that a sleeper that has not gone to sleep yet will not.
  std::atomic<std::uint32_t> sequence_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};

}  // namespace h5flume
