#include "core/readable_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/error.h"
#include "core/file_descriptor.h"

namespace h5flume {

void require_readable_file(const std::string& file) {
  const std::string operation = "open " + file;
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) throw_system_error(operation, errno);
  if (S_ISDIR(status.st_mode)) throw_system_error(operation, EISDIR);
  if (!FileDescriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK))) {
    throw_system_error(operation, errno);
  }
}

}  // namespace h5flume
