#include "core/fork_guard.h"

#include <pthread.h>

#include <atomic>

namespace h5flume {
namespace {

// relaxed: it changes only where there is one thread, in the child, before fork() returns.
std::atomic<std::uint64_t> fork_count{0};

std::uint64_t forks_so_far() noexcept {
  [[maybe_unused]] static const int registered = ::pthread_atfork(
      nullptr, nullptr, [] { fork_count.fetch_add(1, std::memory_order_relaxed); });
  return fork_count.load(std::memory_order_relaxed);
}

}  // namespace

ForkGuard::ForkGuard() noexcept : made_in_(forks_so_far()) {}

bool ForkGuard::was_forked() const noexcept { return forks_so_far() != made_in_; }

}  // namespace h5flume
