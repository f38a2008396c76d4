#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "core/wait_word.h"

namespace h5flume::persistent {

/// Wakes those who wait for a change, in any process: a page of the gate's file that all of them
/// have mapped. Bytes of zero are its first state.
///
/// A process that is killed between its change and announce() wakes nobody: sleep with a deadline.
///
/// Threads and processes: all members may be called by any at once.
class ChangeSignal {
 public:
  ChangeSignal() = default;

  /// Maps the file that is open at `descriptor` for reading and writing; grows it to one page if it
  /// is shorter. `name` is for messages. Throws as throw_system_error() does.
  ChangeSignal(int descriptor, const std::string& name);

  /// Changes so far.
  std::uint64_t count() const noexcept;

  void announce() noexcept;

  /// Until count() is no longer `seen` or the deadline has passed; may end sooner.
  void wait(std::uint64_t seen, std::chrono::steady_clock::time_point deadline) noexcept;

 private:
  struct Page {
    std::atomic<std::uint64_t> changes;
    WaitWord sleepers;
  };
  struct Unmap {
    void operator()(Page* page) const noexcept;
  };
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

  std::unique_ptr<Page, Unmap> page_;
};

}  // namespace h5flume::persistent
