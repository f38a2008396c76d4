#include "core/wait_word.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace h5flume {

bool WaitWord::sleep(std::uint32_t announced, const Deadline& deadline) noexcept {
  timespec until{};
  timespec* timeout = nullptr;
  if (deadline) {
    // FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC, which is what steady_clock is.
    const auto since_boot = deadline->time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
    until.tv_sec = seconds.count();
    until.tv_nsec =
        std::chrono::duration_cast<std::chrono::nanoseconds>(since_boot - seconds).count();
    timeout = &until;
  }
  const long result = ::syscall(SYS_futex, &sequence_, FUTEX_WAIT_BITSET, announced, timeout,
                                nullptr, FUTEX_BITSET_MATCH_ANY);
  return result == 0 || errno != ETIMEDOUT;
}

void WaitWord::wake(int count) noexcept {
  const std::uint32_t announced = announced_.load(std::memory_order_seq_cst);
  if (announced == served_.load(std::memory_order_relaxed)) return;
  // All who had announced themselves by then were woken, or will find the sequence changed. The
  // count may go back, if an older one is stored later: that costs a system call.
  if (change_and_wake(count) < count) served_.store(announced, std::memory_order_relaxed);
}

void WaitWord::wake_unconditionally() noexcept { change_and_wake(kAll); }

int WaitWord::change_and_wake(int count) noexcept {
  sequence_.fetch_add(1, std::memory_order_seq_cst);
  return static_cast<int>(::syscall(SYS_futex, &sequence_, FUTEX_WAKE, count, nullptr, nullptr, 0));
}

}  // namespace h5flume
