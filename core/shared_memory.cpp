#include "core/shared_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace h5flume {
namespace {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

// The value of `key` in a file of "key value" lines; of a file of one number for an empty key.
std::optional<std::size_t> number_in(const std::string& path, std::string_view key = {}) {
  std::ifstream file(path);
  std::string found;
  std::string rest_of_line;
  std::size_t value = 0;
  if (key.empty()) return file >> value ? std::optional(value) : std::nullopt;
  while (file >> found) {
    if (found == key) return file >> value ? std::optional(value) : std::nullopt;
    std::getline(file, rest_of_line);
  }
  return std::nullopt;
}

std::size_t available_on_machine() {
  const auto kilobytes = number_in("/proc/meminfo", "MemAvailable:");
  return kilobytes ? *kilobytes * 1024 : kUnlimited;
}

// A control group as a container sees its own: version 2, else version 1. Cached file pages count
// as used there, but are given up when memory is asked for.
std::size_t available_in_control_group() {
  struct Interface {
    std::string limit, usage, statistics, inactive_file, active_file;
  };
  const Interface interfaces[] = {
      {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat",
       "inactive_file", "active_file"},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes",
       "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file", "total_active_file"}};
  for (const auto& group : interfaces) {
    const auto limit = number_in(group.limit);
    const auto usage = number_in(group.usage);
    if (!limit || !usage) continue;
    const std::size_t cached = number_in(group.statistics, group.inactive_file).value_or(0) +
                               number_in(group.statistics, group.active_file).value_or(0);
    const std::size_t needed = *usage > cached ? *usage - cached : 0;
    return *limit > needed ? *limit - needed : 0;
  }
  return kUnlimited;
}

[[noreturn]] void throw_too_large(const std::string& name, std::size_t size_bytes,
                                  const std::string& cause) {
  throw Error(ErrorCode::kOutOfMemory, fmt::format("allocate {} bytes of shared memory for {}: {}",
                                                   size_bytes, name, cause));
}

// Gives an errno value, 0 for success.
int allocate(int descriptor, std::size_t size_bytes) {
  int failure = 0;
  do {
    failure = ::posix_fallocate(descriptor, 0, static_cast<off_t>(size_bytes));
  } while (failure == EINTR);
  return failure;
}

}  // namespace

std::size_t available_memory_bytes() {
  return std::min(available_on_machine(), available_in_control_group());
}

SharedMemory::SharedMemory(FileDescriptor descriptor, std::size_t size_bytes)
    : descriptor_(std::move(descriptor)) {
  void* address =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_.get(), 0);
  if (address == MAP_FAILED) {
    throw_system_error(fmt::format("map {} bytes of shared memory", size_bytes), errno);
  }
  bytes_ = {static_cast<std::byte*>(address), size_bytes};
}

SharedMemory SharedMemory::create(const std::string& name, std::size_t size_bytes) {
  return create(name, size_bytes, size_bytes);
}

SharedMemory SharedMemory::create(const std::string& name, std::size_t size_bytes,
                                  std::size_t allocated_bytes) {
  // Asked first, because the kernel's answer to a block it cannot give may be to kill someone.
  const std::size_t available = available_memory_bytes();
  if (allocated_bytes > available) {
    throw_too_large(name, size_bytes, fmt::format("{} bytes are available", available));
  }
  FileDescriptor descriptor(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!descriptor) throw_system_error("create shared memory for " + name, errno);
  int failure = ::ftruncate(descriptor.get(), static_cast<off_t>(size_bytes)) == 0 ? 0 : errno;
  if (failure == 0) failure = allocate(descriptor.get(), allocated_bytes);
  if (failure == ENOMEM || failure == ENOSPC || failure == EFBIG || failure == EINVAL) {
    throw_too_large(name, size_bytes, "the system gives no more");
  }
  if (failure != 0) {
    throw_system_error(fmt::format("allocate {} bytes of shared memory for {}", size_bytes, name),
                       failure);
  }
  // A worker gone wild cannot cut the memory from under its mappings.
  ::fcntl(descriptor.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return {std::move(descriptor), size_bytes};
}

SharedMemory SharedMemory::attach(FileDescriptor descriptor, std::size_t minimum_bytes) {
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) {
    throw_system_error("attach to shared memory", errno);
  }
  const auto size_bytes = static_cast<std::size_t>(status.st_size);
  if (size_bytes < minimum_bytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("attach to shared memory: {} bytes where at least {} are needed",
                            size_bytes, minimum_bytes));
  }
  return {std::move(descriptor), size_bytes};
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : descriptor_(std::move(other.descriptor_)), bytes_(std::exchange(other.bytes_, {})) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

SharedMemory::~SharedMemory() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace h5flume
