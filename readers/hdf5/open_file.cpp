#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/open_file_internal.h"

namespace h5flume::hdf5 {
namespace {

[[noreturn]] void throw_cause(int error_number) {
  // throw_system_error() knows the code; the operation that it names is the caller's to name.
  try {
    throw_system_error("", error_number);
  } catch (const Error& error) {
    throw Error(error.code(), std::string(error.what()).substr(2));
  }
}

}  // namespace

void require_regular_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) throw_cause(errno);
  struct stat status {};
  const int failed = ::fstat(descriptor, &status);
  const int error_number = errno;
  ::close(descriptor);
  if (failed != 0) throw_cause(error_number);
  if (S_ISDIR(status.st_mode)) throw_cause(EISDIR);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorCode::kInvalidArgument, "not a regular file");
}

H5::H5File open_file(const std::string& path) {
  const H5::FileAccPropList access;
  access.setSec2();
  H5::H5File file;
  file.openFile(path, H5F_ACC_RDONLY, access);
  return file;
}

int descriptor_of(const H5::H5File& file) {
  void* handle = nullptr;
  checked(H5Fget_vfd_handle(file.getId(), H5P_DEFAULT, &handle), "H5Fget_vfd_handle");
  return *static_cast<const int*>(handle);
}

}  // namespace h5flume::hdf5
