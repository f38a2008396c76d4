#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace h5flume {

inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether to try again something that costs. At first it is tried every time; while it is found to
// be of no use the pauses get longer, so that it costs nothing in the end.
class SpinBackoff {
 public:
  // `longest_pause`: a power of two less one.
  explicit SpinBackoff(int longest_pause) : longest_pause_(longest_pause) {}

  // Whether this is the time to try.
  bool is_due() noexcept {
    const int left = left_.load(std::memory_order_relaxed);
    if (left > 0) left_.store(left - 1, std::memory_order_relaxed);
    return left <= 0;
  }
  void grow() noexcept {
    const int pause = std::min(2 * pause_.load(std::memory_order_relaxed) + 1, longest_pause_);
    pause_.store(pause, std::memory_order_relaxed);
    left_.store(pause, std::memory_order_relaxed);
  }
  void reset() noexcept {
    pause_.store(0, std::memory_order_relaxed);
    left_.store(0, std::memory_order_relaxed);
  }

 private:
  const int longest_pause_;
  // relaxed: a guess, shared by threads only because they wait for the same things.
  std::atomic<int> pause_{0};
  std::atomic<int> left_{0};
};

// One worker, and one consumer, at a time may look again: more of them would take the cores from
// those they wait for, and find less each. Whoever does not get the turn sleeps.
class LookingTurn {
 public:
  LookingTurn(std::atomic<std::uint32_t>& looking, std::uint32_t who) noexcept
      : looking_(looking), who_(who) {
    std::uint32_t nobody = 0;
    // relaxed, here and below: it protects nothing.
    mine_ = looking.compare_exchange_strong(nobody, who, std::memory_order_relaxed);
  }
  LookingTurn(const LookingTurn&) = delete;
  LookingTurn& operator=(const LookingTurn&) = delete;
  ~LookingTurn() {
    if (mine_) end(looking_, who_);
  }

  explicit operator bool() const noexcept { return mine_; }

  // Ends the turn that `who` may have: for when it died in it.
  static void end(std::atomic<std::uint32_t>& looking, std::uint32_t who) noexcept {
    looking.compare_exchange_strong(who, 0, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t>& looking_;
  const std::uint32_t who_;  // not 0
  bool mine_;
};

}  // namespace h5flume
