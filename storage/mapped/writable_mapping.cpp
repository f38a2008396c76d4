#include "storage/mapped/writable_mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

#include "core/error.h"
#include "core/file_descriptor.h"

namespace h5flume::mapped {
namespace {

// All bytes of a file, mapped for reading and writing.
class WritableMapping {
 public:
  WritableMapping(int descriptor, const std::string& path) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) throw_system_error("map " + path, errno);
    if (!S_ISREG(status.st_mode)) {
      throw Error(ErrorCode::kInvalidArgument, "map " + path + ": it is no regular file");
    }
    if (status.st_size == 0) return;
    const auto size_bytes = static_cast<std::size_t>(status.st_size);
    void* const address =
        ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (address == MAP_FAILED) throw_system_error("map " + path, errno);
    bytes_ = {static_cast<std::byte*>(address), size_bytes};
  }
  WritableMapping(const WritableMapping&) = delete;
  WritableMapping& operator=(const WritableMapping&) = delete;
  ~WritableMapping() {
    if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  }

  std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace

std::shared_ptr<const Container> open_writable(const std::string& path,
                                               const MappedOpenOptions& options) {
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!file) throw_system_error("open " + path, errno);
  auto mapping = std::make_shared<const WritableMapping>(file.get(), path);
  const auto bytes = mapping->bytes();
  auto container = Container::from_bytes(bytes, std::move(mapping), path, options);
  if (!container->has(ContainerFlags::kWritable)) {
    throw Error(ErrorCode::kUnsupported,
                "open " + path + " to write to it: it was not built to be writable");
  }
  return container;
}

}  // namespace h5flume::mapped
