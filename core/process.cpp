#include "core/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "core/error.h"

extern char** environ;

namespace h5flume {
namespace {

constexpr int kFirstDescriptor = 3;

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  posix_spawn_file_actions_t* get() { return &actions_; }

  // Leaves the program with its three standard descriptors and those that it inherits.
  void pass(const Program& program) {
    std::vector<std::pair<int, int>> moves;  // from, to
    if (program.input >= 0) moves.emplace_back(program.input, STDIN_FILENO);
    if (program.output >= 0) moves.emplace_back(program.output, STDOUT_FILENO);
    if (program.error >= 0) moves.emplace_back(program.error, STDERR_FILENO);
    int target = kFirstDescriptor;
    for (const int descriptor : program.descriptors) moves.emplace_back(descriptor, target++);
    move_all(moves, target);
    if (program.input < 0) {
      ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    if (program.output < 0) {
      ::posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
    }
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, target);
  }

 private:
  // Numbers above all targets first, so that no dup2 overwrites a descriptor still to be moved.
  void move_all(const std::vector<std::pair<int, int>>& moves, int end_of_targets) {
    int spare = end_of_targets;
    for (const auto& [from, to] : moves) spare = std::max(spare, from + 1);
    int parked = spare;
    for (const auto& [from, to] : moves) {
      ::posix_spawn_file_actions_adddup2(&actions_, from, parked++);
    }
    parked = spare;
    for (const auto& [from, to] : moves) {
      ::posix_spawn_file_actions_adddup2(&actions_, parked++, to);
    }
  }

  posix_spawn_file_actions_t actions_{};
};

class SpawnAttributes {
 public:
  explicit SpawnAttributes(bool leads_group) {
    ::posix_spawnattr_init(&attributes_);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigset_t reset;
    sigfillset(&reset);
    ::posix_spawnattr_setsigmask(&attributes_, &blocked);
    ::posix_spawnattr_setsigdefault(&attributes_, &reset);
    const int group = leads_group ? POSIX_SPAWN_SETPGROUP : 0;
    ::posix_spawnattr_setflags(
        &attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

std::string_view variable_name(std::string_view entry) { return entry.substr(0, entry.find('=')); }

std::vector<char*> environment_of(const Program& program) {
  std::vector<std::string_view> dropped(program.unset_environment.begin(),
                                        program.unset_environment.end());
  for (const auto& entry : program.set_environment) dropped.push_back(variable_name(entry));
  std::vector<char*> kept;
  for (char** entry = environ; *entry; ++entry) {
    if (std::find(dropped.begin(), dropped.end(), variable_name(*entry)) == dropped.end()) {
      kept.push_back(*entry);
    }
  }
  for (const auto& entry : program.set_environment) {
    kept.push_back(const_cast<char*>(entry.c_str()));
  }
  kept.push_back(nullptr);
  return kept;
}

int pidfd_open(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

void pidfd_kill(int pidfd) { ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0); }

}  // namespace

std::string to_string(const ExitStatus& status) {
  if (status.signal == 0) return fmt::format("exit status {}", status.code);
  return fmt::format("killed by signal {} ({})", status.signal, ::strsignal(status.signal));
}

ChildProcess ChildProcess::spawn(const Program& program) {
  FileActions actions;
  actions.pass(program);
  SpawnAttributes attributes(program.leads_group);
  std::vector<char*> arguments{const_cast<char*>(program.path.c_str())};
  for (const auto& argument : program.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  auto environment = environment_of(program);

  pid_t pid = 0;
  const int failure = ::posix_spawn(&pid, program.path.c_str(), actions.get(), attributes.get(),
                                    arguments.data(), environment.data());
  if (failure != 0) throw_system_error("start " + program.path, failure);
  FileDescriptor pidfd(pidfd_open(pid));
  if (!pidfd) {
    const int error_number = errno;
    ::kill(pid, SIGKILL);  // not reaped yet, so the number is still this child's
    ::waitpid(pid, nullptr, 0);
    throw_system_error("watch " + program.path, error_number);
  }
  return {pid, std::move(pidfd)};
}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (!pidfd_) return;
  kill();
  wait();
}

void ChildProcess::kill() noexcept {
  if (pidfd_) pidfd_kill(pidfd_.get());
}

void ChildProcess::kill_group() noexcept {
  // The number is this child's, and so its group's, until wait() has collected the status.
  if (pidfd_) ::kill(-pid_, SIGKILL);
}

std::optional<ExitStatus> ChildProcess::wait(std::optional<std::chrono::milliseconds> timeout) {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&ended, 1, timeout ? static_cast<int>(timeout->count()) : -1);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return std::nullopt;

  siginfo_t info{};
  // Fails where the program ignores SIGCHLD, so that the kernel has collected the status already.
  const bool known = ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) == 0;
  pidfd_.reset();
  if (!known) return ExitStatus{};
  if (info.si_code == CLD_EXITED) return ExitStatus{info.si_status, 0};
  return ExitStatus{0, info.si_status};
}

void die_with_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before the kernel knew that this matters.
  if (::getppid() != parent) ::_exit(0);
}

}  // namespace h5flume
