#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "core/file_descriptor.h"
#include "core/fork_guard.h"

namespace h5flume::persistent {

/// One writer at a time, among the threads of this process and among all processes that open the
/// same gate file: whoever asked first enters first, and who dies inside has left.
///
///   const auto pass = gate.enter();   // until the scope ends
///
/// Between processes it is flock(), which the kernel gives in the order of asking and takes back
/// from the dead.
///
/// A thread that is inside may enter again.
///
/// Threads: all members may be called by any at once. Fork: every member throws kRefused in a
/// child.
class WriterGate {
 public:
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;  ///< nothing: for ever

  /// Opens the file: made if it is not there, or one that is there, only for reading, which is
  /// enough to enter. Throws as throw_system_error() does.
  WriterGate(const std::string& path, bool read_only);

  /// The right to be inside.
  class [[nodiscard]] Pass {
   public:
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Pass() { leave(); }

    void leave() noexcept;  ///< before the scope ends; no effect if repeated

   private:
    friend class WriterGate;
    explicit Pass(WriterGate* gate) noexcept : gate_(gate) {}
    WriterGate* gate_;
  };

  Pass enter();

  /// Nothing if the deadline passes first. The kernel knows no deadline for flock(), so with one
  /// the file is tried every few milliseconds and nobody's turn is waited for.
  std::optional<Pass> enter_by(const Deadline& deadline);

  /// Whether anybody is inside, this thread included.
  bool is_taken();

  /// Throws kRefused in a child by fork().
  void check_process() const;
  bool was_forked() const noexcept { return process_.was_forked(); }

  /// The gate's file, which others may use for what they share under the gate.
  int descriptor() const noexcept { return file_.get(); }

 private:
  bool take_turn(const Deadline& deadline);
  bool take_file(const Deadline& deadline);
  void leave() noexcept;

  std::string path_;
  FileDescriptor file_;
  ForkGuard process_;

  std::mutex mutex_;
  std::condition_variable left_;
  std::thread::id inside_;  // the thread that is inside, or about to be
  int depth_ = 0;           // how often it has entered
};

}  // namespace h5flume::persistent
