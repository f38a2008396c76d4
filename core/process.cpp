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

  // Numbers above all targets first, so that no dup2 overwrites a descriptor still to be moved.
  void pass(const std::vector<int>& descriptors) {
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
    const int count = static_cast<int>(descriptors.size());
    int spare = kFirstDescriptor + count;
    for (const int descriptor : descriptors) spare = std::max(spare, descriptor + 1);
    for (int i = 0; i < count; ++i) {
      ::posix_spawn_file_actions_adddup2(&actions_, descriptors[i], spare + i);
    }
    for (int i = 0; i < count; ++i) {
      ::posix_spawn_file_actions_adddup2(&actions_, spare + i, kFirstDescriptor + i);
    }
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, kFirstDescriptor + count);
  }

 private:
  posix_spawn_file_actions_t actions_{};
};

class SpawnAttributes {
 public:
  SpawnAttributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigset_t reset;
    sigfillset(&reset);
    ::posix_spawnattr_setsigmask(&attributes_, &blocked);
    ::posix_spawnattr_setsigdefault(&attributes_, &reset);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

std::vector<char*> environment_without(const std::vector<std::string>& names) {
  std::vector<char*> kept;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    if (std::find(names.begin(), names.end(), name) == names.end()) kept.push_back(*entry);
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
  actions.pass(program.descriptors);
  SpawnAttributes attributes;
  std::vector<char*> arguments{const_cast<char*>(program.path.c_str())};
  for (const auto& argument : program.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  auto environment = environment_without(program.unset_environment);

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
