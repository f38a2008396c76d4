// h5flume-launcher PARENT COMMAND ARGUMENTS...: runs a command that does not outlive PARENT.
//
//   h5flume ----> h5flume-launcher ----> COMMAND ----> whatever that starts
//                 leads a process group that all of them are in
//
// However h5flume ends, the kernel tells the launcher, which kills the group; should the launcher
// be killed, the kernel kills the command. It ends as the command does: with its exit status, or by
// its signal. 127 stands for a command that cannot be executed, as in a shell.
//
// It is a process of its own because only a process can tell the kernel that it wants to know of
// its parent's end, and h5flume has threads: what lies between fork() and exec() must not be done
// there.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace {

constexpr int kCannotExecute = 127;

[[noreturn]] void end_group() {
  ::kill(0, SIGKILL);  // this process too
  ::_exit(1);
}

[[noreturn]] void become_command(char** command, pid_t launcher) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != launcher) ::_exit(1);  // it ended before the kernel knew that this matters
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(command[0], command);
  std::fprintf(stderr, "%s: %s\n", command[0], ::strerror(errno));
  ::_exit(kCannotExecute);
}

// The pipes are the command's alone: whoever holds their other ends sees when it closes them.
void let_go_of_pipes() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int descriptor = 0; descriptor < 3; ++descriptor) ::dup2(null, descriptor);
}

[[noreturn]] void end_as(int status) {
  if (WIFEXITED(status)) ::_exit(WEXITSTATUS(status));
  const int signal_number = WTERMSIG(status);
  ::prctl(PR_SET_DUMPABLE, 0);  // the command has dumped its core, if any
  ::signal(signal_number, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal_number);
  sigprocmask(SIG_UNBLOCK, &only, nullptr);
  ::raise(signal_number);
  ::_exit(128 + signal_number);
}

// SIGTERM comes from the kernel when the thread that started this process ends, and perhaps from
// others, whom it says nothing.
[[noreturn]] void watch(pid_t command, pid_t parent, const sigset_t& signals) {
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(command, &status, WNOHANG);
    if (ended == command) end_as(status);
    int signal_number = 0;
    ::sigwait(&signals, &signal_number);
    if (::getppid() != parent) end_group();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool leads_group = ::getpgrp() == ::getpid();  // end_group() ends nobody else then
  if (argc < 3 || !leads_group) {
    std::fputs("h5flume-launcher is started by h5flume, not by hand\n", stderr);
    return 2;
  }
  const auto parent = static_cast<pid_t>(std::strtol(argv[1], nullptr, 10));
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGCHLD);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) end_group();

  const pid_t launcher = ::getpid();
  const pid_t command = ::fork();
  if (command == 0) become_command(argv + 2, launcher);
  if (command < 0) {
    std::perror("h5flume-launcher: fork");
    return kCannotExecute;
  }
  let_go_of_pipes();
  watch(command, parent, signals);
}
