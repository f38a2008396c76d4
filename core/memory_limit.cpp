#include "core/memory_limit.h"

#include <unistd.h>

#include <fstream>
#include <optional>

#include "core/saturating.h"

namespace h5flume {
namespace {

// What RLIMIT_DATA counts: proc(5), /proc/PID/statm, the field "data".
std::optional<std::uint64_t> private_memory_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0, resident = 0, shared = 0, text = 0, unused = 0, data = 0;
  if (!(statm >> size >> resident >> shared >> text >> unused >> data)) return std::nullopt;
  return data * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

MemoryLimit::MemoryLimit(std::uint64_t bytes) {
  const auto taken = private_memory_bytes();
  if (!taken || ::getrlimit(RLIMIT_DATA, &before_) != 0) return;
  const std::uint64_t most = saturating_sum(*taken, bytes);
  if (most >= before_.rlim_cur) return;
  const rlimit limit{most, before_.rlim_max};
  is_set_ = ::setrlimit(RLIMIT_DATA, &limit) == 0;
}

MemoryLimit::~MemoryLimit() {
  if (is_set_) ::setrlimit(RLIMIT_DATA, &before_);
}

}  // namespace h5flume
