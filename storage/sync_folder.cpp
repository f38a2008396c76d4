#include "storage/sync_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"
#include "core/file_descriptor.h"

namespace h5flume {
namespace {

// Whether it worked, else errno says why not.
bool try_to_sync(const char* folder) noexcept {
  const FileDescriptor opened(::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened && (::fsync(opened.get()) == 0 || errno == EINVAL);
}

}  // namespace

void sync_folder(const std::string& folder) {
  if (!try_to_sync(folder.c_str())) throw_system_error("write " + folder, errno);
}

void sync_folder_of(const std::string& path) noexcept {
  const auto slash = path.find_last_of('/');
  try_to_sync(slash == std::string::npos ? "." : path.substr(0, slash + 1).c_str());
}

}  // namespace h5flume
