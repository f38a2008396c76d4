#pragma once

#include <signal.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

namespace h5flume::cli {

/// Thrown by a run that SIGINT or SIGTERM has ended, once it has cleaned up.
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

/// Ends the program in good order on SIGINT (Ctrl-C) and SIGTERM.
///
/// The signals are blocked in every thread and taken by one of its own, so that what is done about
/// them is ordinary code and need not be safe inside a signal handler. While an action is set, a
/// signal calls it, and the run is expected to notice and throw Interrupted. Without one, and at a
/// second signal, the program ends at once.
///
/// Lifetime: made before the first thread starts, so that all threads inherit the blocked signals.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// Sets an action for as long as it lives.
  class [[nodiscard]] Action {
   public:
    Action(SignalWatch& watch, std::function<void()> action);
    ~Action();
    Action(const Action&) = delete;
    Action& operator=(const Action&) = delete;

   private:
    SignalWatch& watch_;
  };

  /// The signal that has arrived, or 0.
  int received() const noexcept { return received_.load(std::memory_order_acquire); }

  /// Throws Interrupted if a signal has arrived.
  void check() const {
    if (received() != 0) throw Interrupted();
  }

  /// What a shell expects of a program that `received()` has ended: 130 after SIGINT.
  int exit_status() const noexcept { return 128 + received(); }

 private:
  void watch();
  void handle(int signal);

  sigset_t signals_{};
  // acquire/release: whoever sees the signal also sees what its action did before.
  std::atomic<int> received_{0};
  std::mutex mutex_;  // held while the action runs, so that it cannot be taken away meanwhile
  std::function<void()> action_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace h5flume::cli
