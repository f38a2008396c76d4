#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/file_descriptor.h"

namespace h5flume {

/// Anonymous memory that processes share by passing its descriptor. It has no name, so nothing is
/// left behind however its users end, and it does not count against the size of /dev/shm.
///
/// Lifetime: mapped until destruction; the memory goes with its last mapping and descriptor.
/// Threads: a plain range of memory; what lies in it has to be safe by itself.
class SharedMemory {
 public:
  /// Makes and maps `size_bytes`, zeroed and already allocated, so that no later write can fail.
  /// `name` appears in /proc only. Throws kOutOfMemory, naming the size and what is available, or
  /// kResourceLimit.
  static SharedMemory create(const std::string& name, std::size_t size_bytes);

  /// Makes and maps `size_bytes`, zeroed, of which the first `allocated_bytes` are allocated. The
  /// others are when they are first written: what is never written takes no memory, but when memory
  /// is short by then, the kernel kills the writer or somebody else.
  static SharedMemory create(const std::string& name, std::size_t size_bytes,
                             std::size_t allocated_bytes);

  /// Maps all of what another process created. Throws kInvalidArgument if it is smaller than
  /// `minimum_bytes`, kOutOfMemory, kIo.
  static SharedMemory attach(FileDescriptor descriptor, std::size_t minimum_bytes);

  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  ~SharedMemory();

  std::span<std::byte> bytes() const noexcept { return bytes_; }

  /// For passing on. Stays owned by this object.
  int descriptor() const noexcept { return descriptor_.get(); }

 private:
  SharedMemory(FileDescriptor descriptor, std::size_t size_bytes);

  FileDescriptor descriptor_;
  std::span<std::byte> bytes_;
};

/// Memory that can still be allocated: the machine's available memory, or less where a control
/// group (a container's limit) allows less.
std::size_t available_memory_bytes();

}  // namespace h5flume
