#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

namespace h5flume {

inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether to look again for a while before going to sleep. While that succeeds it is done every
// time; each failure makes the pause until the next attempt longer, so that long waits cost
// nothing.
class SpinBudget {
 public:
  explicit SpinBudget(std::chrono::nanoseconds spin) : spin_(spin) {}

  // How long to look this time.
  std::chrono::nanoseconds next() noexcept {
    if (spin_.count() == 0) return spin_;
    const int left = skip_.load(std::memory_order_relaxed);
    if (left <= 0) return spin_;
    skip_.store(left - 1, std::memory_order_relaxed);
    return std::chrono::nanoseconds{0};
  }
  void succeeded() noexcept { backoff_.store(0, std::memory_order_relaxed); }
  void failed() noexcept {
    const int backoff = std::min(2 * backoff_.load(std::memory_order_relaxed) + 1, 63);
    backoff_.store(backoff, std::memory_order_relaxed);
    skip_.store(backoff, std::memory_order_relaxed);
  }

 private:
  const std::chrono::nanoseconds spin_;
  // relaxed: a guess, shared by threads only because they wait for the same things.
  std::atomic<int> skip_{0};
  std::atomic<int> backoff_{0};
};

}  // namespace h5flume
