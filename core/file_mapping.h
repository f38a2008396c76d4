#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "core/file_descriptor.h"

namespace h5flume {

/// All bytes of a file, mapped read only.
///
/// The mapping shows the file, not a copy. Whoever touches a byte that the file has lost since, by
/// being truncated, gets the signal SIGBUS: map only what cannot shrink, or what its owner promises
/// to leave alone.
///
/// Lifetime: the bytes are there until destruction, whatever becomes of the file's name.
/// Threads: all members may be called at once.
class FileMapping {
 public:
  FileMapping() = default;

  /// Maps the file that is open at `descriptor`, which may be closed afterwards. `name` is for
  /// messages. Throws kInvalidArgument for what is no regular file, kOutOfMemory, kIo.
  FileMapping(int descriptor, const std::string& name);

  FileMapping(FileMapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  FileMapping& operator=(FileMapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~FileMapping();

  std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace h5flume
