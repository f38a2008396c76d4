#pragma once

#include <cstdint>

namespace h5flume {

/// Remembers the process that an object was made in, so that its child by fork() is told apart.
///
/// Locks, open databases and threads do not survive a fork: the child holds copies of the first two
/// that destroy what the parent does, and none of the third.
///
/// Threads: was_forked() may be called by any at once, and costs one load.
class ForkGuard {
 public:
  ForkGuard() noexcept;

  /// Whether this process is a descendant by fork() of the one that made the guard.
  bool was_forked() const noexcept;

 private:
  std::uint64_t made_in_;  ///< forks between the first process of this program and this one
};

}  // namespace h5flume
