#pragma once

#include <sys/resource.h>

#include <cstdint>

namespace h5flume {

/// Keeps this process from allocating more than `bytes` beyond what it has, as long as it lives.
///
/// What allocates more than that meets an allocation that fails. Memory that is shared with other
/// processes does not count. A lower limit that is in force stays so, and no limit is set where the
/// kernel does not say how much memory the process has.
///
/// Threads: the limit is that of the whole process, so only one of these may live at a time.
class [[nodiscard]] MemoryLimit {
 public:
  explicit MemoryLimit(std::uint64_t bytes);
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  rlimit before_{};
  bool is_set_ = false;
};

}  // namespace h5flume
