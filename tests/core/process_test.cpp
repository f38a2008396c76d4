#include "core/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "core/channel.h"
#include "core/error.h"
#include "tests/support/catch.h"
#include "tests/support/child_role.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

// Says on descriptor 3 which descriptors it has and what it was told.
int report(const std::vector<std::string>& arguments) {
  std::string text = arguments.at(0) + "|";
  for (int descriptor = 0; descriptor < 200; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0) text += std::to_string(descriptor) + " ";
  }
  text += std::getenv("H5FLUME_TEST_UNSET") ? "|set" : "|unset";
  sigset_t blocked;
  ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
  text += sigismember(&blocked, SIGINT) && !sigismember(&blocked, SIGTERM) ? "|SIGINT" : "|";
  Channel(FileDescriptor(3)).send(text);
  return 7;
}

const ChildRole kReport("report", report);

// Starts a child of its own that waits for ever, tells its process id, and waits for ever too.
int start_grandchild(const std::vector<std::string>&) {
  Channel channel{FileDescriptor(3)};
  auto grandchild = start_child("wait-with-parent", {std::to_string(::getpid())});
  channel.send(std::to_string(grandchild.pid()));
  channel.receive();
  return 0;
}

int wait_with_parent(const std::vector<std::string>& arguments) {
  die_with_parent(std::stoi(arguments.at(0)));
  for (;;) ::pause();
}

const ChildRole kParent("start-grandchild", start_grandchild);
const ChildRole kGrandchild("wait-with-parent", wait_with_parent);

}  // namespace

TEST_CASE("a child gets its arguments and descriptors and nothing else", "[core][process]") {
  ::setenv("H5FLUME_TEST_UNSET", "1", 1);
  auto [channel, other_end] = Channel::make();
  const FileDescriptor inheritable(::open("/dev/null", O_RDONLY));  // not close-on-exec
  auto child = ChildProcess::spawn({.path = "/proc/self/exe",
                                    .arguments = {"--child=report", "an argument"},
                                    .unset_environment = {"H5FLUME_TEST_UNSET"},
                                    .descriptors = {other_end.get()}});
  other_end.reset();
  const auto message = channel.receive();
  REQUIRE(message);
  CHECK(message->text == "an argument|0 1 2 3 |unset|SIGINT");
  CHECK(child.wait() == ExitStatus{7, 0});
  ::unsetenv("H5FLUME_TEST_UNSET");
}

TEST_CASE("a program that is not there is an error that names it", "[core][process]") {
  const Program program{.path = "/nowhere/program"};
  CHECK_THROWS_WITH(ChildProcess::spawn(program), contains("start /nowhere/program"));
}

TEST_CASE("a child that is killed says by which signal", "[core][process]") {
  auto child = start_child("wait-with-parent", {std::to_string(::getpid())});
  CHECK_FALSE(child.wait(0ms));
  child.kill();
  const auto status = child.wait();
  CHECK(status->signal == SIGKILL);
  CHECK(to_string(*status) == "killed by signal 9 (Killed)");
  CHECK(to_string(ExitStatus{3, 0}) == "exit status 3");
  child.kill();  // has ended: no effect
}

TEST_CASE("a child dies with its parent", "[core][process][kill]") {
  auto [channel, other_end] = Channel::make();
  auto parent = start_child("start-grandchild", {}, {other_end.get()});
  other_end.reset();
  const auto message = channel.receive();
  REQUIRE(message);
  const FileDescriptor grandchild(
      static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(message->text), 0)));
  REQUIRE(grandchild);
  parent.kill();
  parent.wait();
  pollfd ended{grandchild.get(), POLLIN, 0};
  CHECK(::poll(&ended, 1, 10'000) == 1);
}
