#include "core/file_mapping.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/error.h"

namespace h5flume {

FileMapping::FileMapping(int descriptor, const std::string& name) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw_system_error("map " + name, errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument, "map " + name + ": it is no regular file");
  }
  if (status.st_size == 0) return;  // nothing to map, which mmap() would call an error
  const auto size_bytes = static_cast<std::size_t>(status.st_size);
  void* const address = ::mmap(nullptr, size_bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  if (address == MAP_FAILED) throw_system_error("map " + name, errno);
  bytes_ = {static_cast<const std::byte*>(address), size_bytes};
}

FileMapping::~FileMapping() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace h5flume
