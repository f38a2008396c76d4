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
/// All of it is sequentially consistent, so one of the two sees the other.
///
///   const auto announced = word.announce();   |   slot.store(ready, seq_cst);
///   if (slot.load(seq_cst) != ready)          |   word.wake(1);
///     word.sleep(announced, deadline);        |
///
/// A process may be killed at any point of it: a sleeper costs the next waker a system call, a
/// waker may owe a wake, so whoever notices its death calls wake_unconditionally().
///
/// Threads and processes: all members may be called by any at once.
class WaitWord {
 public:
  using Clock = std::chrono::steady_clock;
  using Deadline = std::optional<Clock::time_point>;  ///< nothing: for ever

  /// Says that the caller is about to sleep; returns what sleep() wants.
  std::uint32_t announce() noexcept {
    // In this order: whoever sees the announcement and then changes the sequence, changes it after
    // it was read here, so that the caller will not sleep through it.
    const std::uint32_t sequence = sequence_.load(std::memory_order_seq_cst);
    announced_.fetch_add(1, std::memory_order_seq_cst);
    return sequence;
  }

  /// Sleeps until a wake after announce(), the deadline, a signal, or for no reason at all.
  /// Returns false if the deadline has passed.
  bool sleep(std::uint32_t announced, const Deadline& deadline) noexcept;

  /// Whether anyone has announced itself who may not have been woken yet.
  bool has_sleepers() const noexcept {
    return announced_.load(std::memory_order_seq_cst) != served_.load(std::memory_order_relaxed);
  }

  /// Wakes up to `count` sleepers. No system call if none has announced itself since the last wake
  /// that found fewer than it was to wake.
  void wake(int count) noexcept;
  void wake_all() noexcept { wake(kAll); }

  /// Wakes all who sleep, announced or not: for use after a process has died.
  void wake_unconditionally() noexcept;

 private:
  static constexpr int kAll = 0x7fffffff;

  int change_and_wake(int count) noexcept;

  // A wake changes the sequence, so that a sleeper that has not gone to sleep yet will not.
  std::atomic<std::uint32_t> sequence_{0};
  std::atomic<std::uint32_t> announced_{0};  // announcements so far
  std::atomic<std::uint32_t> served_{0};     // of which so many need no wake any more
};

}  // namespace h5flume
