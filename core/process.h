#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/file_descriptor.h"

namespace h5flume {

/// How a process ended.
struct ExitStatus {
  int code = 0;    ///< exit status, if it ended by itself
  int signal = 0;  ///< number of the signal that killed it, or 0

  bool operator==(const ExitStatus&) const = default;
};

/// "exit status 3" or "killed by signal 11 (Segmentation fault)".
std::string to_string(const ExitStatus& status);

/// A program to start.
struct Program {
  std::string path;
  std::vector<std::string> arguments;          ///< after the program's name
  std::vector<std::string> unset_environment;  ///< variables it does not inherit
  std::vector<std::string> set_environment;    ///< "NAME=value": in place of inherited ones

  int input = -1;   ///< becomes its standard input; -1: that is empty
  int output = -1;  ///< becomes its standard output; -1: that goes to its standard error
  int error = -1;   ///< becomes its standard error; -1: it inherits that

  /// Descriptors it inherits; the first becomes its descriptor 3, and so on. No others are left
  /// open.
  std::vector<int> descriptors;

  /// Makes it the leader of a process group of its own, which ChildProcess::kill_group() ends with
  /// all that it has started.
  bool leads_group = false;
};

/// A child process: started by spawn and exec, because forking a process that has threads inside
/// libhdf5 hangs the child; watched and killed by its pidfd, never by a number that may be reused.
///
/// SIGINT is blocked in the child: Ctrl-C goes to the parent, which ends its children itself.
///
/// Lifetime: destruction kills the process and waits for its end. Threads: for one at a time.
class ChildProcess {
 public:
  /// Throws kNotFound or kIo, naming the program, if it cannot be executed; kResourceLimit.
  static ChildProcess spawn(const Program& program);

  ChildProcess(ChildProcess&&) noexcept = default;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const noexcept { return pid_; }

  /// Becomes readable when the process has ended.
  int pidfd() const noexcept { return pidfd_.get(); }

  /// SIGKILL. No effect on a process that has ended.
  void kill() noexcept;

  /// SIGKILL to all of the group that it leads; see Program::leads_group. Those who live on in it
  /// after their leader's end are killed too, until wait() has collected that.
  void kill_group() noexcept;

  /// Waits for the end, and collects the status; nothing if `timeout` passes first.
  std::optional<ExitStatus> wait(std::optional<std::chrono::milliseconds> timeout = std::nullopt);

 private:
  ChildProcess(pid_t pid, FileDescriptor pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_;
  FileDescriptor pidfd_;  ///< empty once the status has been collected
};

/// To be called first in a child that must not outlive the thread that started it, whatever happens
/// to that: the kernel kills the child when it ends. Ends the process at once if it is too late.
void die_with_parent(pid_t parent);

}  // namespace h5flume
