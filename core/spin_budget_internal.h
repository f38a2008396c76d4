#pragma once

#include <sched.h>

#include <algorithm>
#include <atomic>

namespace h5flume {

// Looking again this often costs a few microseconds, less than going to sleep and being woken.
inline constexpr int kMostSpins = 64;

inline bool has_several_cores() noexcept {
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

inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace h5flume
