#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "storage/persistent/boot_clock_internal.h"

namespace h5flume::persistent {

std::int64_t boot_time_us() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
}

std::string boot_id() {
  constexpr const char* kPath = "/proc/sys/kernel/random/boot_id";
  const FileDescriptor file(::open(kPath, O_RDONLY | O_CLOEXEC));
  std::array<char, 36> text{};
  if (!file || ::read(file.get(), text.data(), text.size()) != std::ssize(text)) {
    throw_system_error(std::string("read ") + kPath, file ? EIO : errno);
  }
  return {text.begin(), text.end()};
}

}  // namespace h5flume::persistent
