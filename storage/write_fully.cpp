#include "storage/write_fully.h"

#include <unistd.h>

#include <cerrno>

#include "core/error.h"

namespace h5flume {

void write_fully(int descriptor, std::uint64_t offset, std::span<const std::byte> bytes,
                 const std::string& operation) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_system_error(operation, errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

}  // namespace h5flume
