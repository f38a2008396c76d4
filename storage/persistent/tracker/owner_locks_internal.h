#pragma once

#include <cstdint>
#include <string>

#include "core/file_descriptor.h"

namespace h5flume::persistent {

/// Tells which owners of leases live: each holds a lock on the byte of its number in one file, and
/// the kernel takes it back when its process ends, however that ends.
///
/// The locks are those of the open file (F_OFD_SETLK), not of the process, so that two trackers in
/// one process are two owners. A child by fork() that has not executed another program holds its
/// parent's lock too: the parent counts as alive until both have ended.
///
/// Lifetime: destruction gives the lock up. Threads: all members may be called by any at once.
class OwnerLocks {
 public:
  OwnerLocks() = default;

  /// Opens the file, made if it is not there. Throws as throw_system_error() does.
  explicit OwnerLocks(const std::string& path);

  /// False if somebody else is this owner.
  bool take(std::int64_t owner);

  /// Of an owner that this object is not.
  bool is_alive(std::int64_t owner) const;

 private:
  std::string path_;
  FileDescriptor file_;
};

}  // namespace h5flume::persistent
