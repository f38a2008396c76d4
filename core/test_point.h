#pragma once

#include <atomic>
#include <cstdint>

namespace h5flume {

/// Named places in the code where a test may stop a process to kill it there. In production no hook
/// is set, and a place costs one load.
using TestPointHook = void (*)(const char* name, std::uint64_t ticket);

inline std::atomic<TestPointHook> test_point_hook{nullptr};

inline void test_point(const char* name, std::uint64_t ticket) {
  // relaxed: a hook is set before the threads that meet it are started.
  if (const auto hook = test_point_hook.load(std::memory_order_relaxed)) hook(name, ticket);
}

}  // namespace h5flume
