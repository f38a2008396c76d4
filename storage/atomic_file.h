#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/file_descriptor.h"

namespace h5flume {

/// A file that appears at its destination complete, or not at all.
///
///   AtomicFile file("images.npy");
///   file.write_at(0, header);      // goes to a temporary beside images.npy
///   std::move(file).commit();      // images.npy is there, whole, or still the old one
///
/// Destruction without commit() removes the temporary and leaves the destination as it was. A
/// killed process leaves the temporary behind: its name is the destination's with ".<pid>-<n>.tmp".
///
/// A symbolic link at the destination is kept, and the file that it names is replaced.
///
/// Threads: write_at() may be called from several at once, on ranges that do not overlap.
class [[nodiscard]] AtomicFile {
 public:
  /// Creates the temporary. Throws kInvalidArgument if something other than a regular file is
  /// at `destination`, kNotFound if its folder is not there, kIo and so on, naming the path.
  explicit AtomicFile(const std::string& destination);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile() { abandon(); }

  /// Makes the file `size_bytes` long; what it gains reads as zeros and takes no room yet.
  void resize(std::uint64_t size_bytes);

  /// Writes all of `bytes` at `offset`, lengthening the file where needed. Throws kOutOfMemory
  /// for a full disk, kIo and so on, naming the destination.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);

  /// Whether the contents have to survive the machine's going down at any moment. If not, what is
  /// found at the destination then may be the old contents, the new, or part of the new.
  enum class Sync { kYes, kNo };

  /// Makes the contents durable and publishes them under the destination's name, replacing what
  /// was there. Throws as write_at() does; nothing is published then.
  void commit(Sync sync = Sync::kYes) &&;

  /// Removes the temporary. No effect after commit().
  void abandon() noexcept;

  /// The path that commit() publishes to.
  const std::string& destination() const noexcept { return destination_; }

 private:
  std::string destination_;
  std::string temporary_;  // empty once there is none to remove
  FileDescriptor file_;
};

}  // namespace h5flume
