#include "core/piped_process.h"

#include <signal.h>
#include <sys/eventfd.h>

#include <fstream>
#include <string>
#include <thread>

#include "core/error.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

Program shell(const std::string& script) {
  return {.path = "/bin/sh", .arguments = {"-c", script}};
}

std::string output_of(const PipedResult& result) {
  return {reinterpret_cast<const char*>(result.output.data()), result.output.size()};
}

// Waits until a process has ended; its parent may be slow to collect it.
void wait_for_end(const std::string& process) {
  for (;;) {
    std::ifstream file("/proc/" + process + "/stat");
    std::string text;
    if (!std::getline(file, text) || text.find(") Z ") != std::string::npos) return;
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("a program reads all of its input and all of its output is kept", "[core][process]") {
  const std::string head = "head|";
  const std::string body(3'000'000, 'x');  // more than the pipes hold, both ways at once
  const auto result =
      run_with_pipes({.path = "/bin/cat"}, {.input = {bytes_of(head), {}, bytes_of(body)}});
  CHECK(result.status == ExitStatus{0, 0});
  CHECK(output_of(result) == head + body);
  CHECK(result.output_bytes == head.size() + body.size());
}

TEST_CASE("a program that does not read its input is no error", "[core][process]") {
  const std::string much(5'000'000, 'x');
  const auto script =
      GENERATE("echo done", "exec <&-; echo done", "head -c 10 >/dev/null; echo done");
  const auto result = run_with_pipes(shell(script), {.input = {bytes_of(much)}});
  CHECK(result.status == ExitStatus{0, 0});
  CHECK(output_of(result) == "done\n");
  sigset_t pending;
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGPIPE) == 0);
}

TEST_CASE("of a long output the beginning is kept, of long errors the end", "[core][process]") {
  const auto result =
      run_with_pipes(shell("seq 1 300000; seq 1 300000 >&2; echo the cause >&2; exit 3"),
                     {.kept_output_bytes = 4, .kept_error_bytes = 17});
  CHECK(result.status == ExitStatus{3, 0});
  CHECK(output_of(result) == "1\n2\n");
  CHECK(result.output_bytes == 1'988'895);
  CHECK(result.error == "300000\nthe cause\n");
}

TEST_CASE("a program that takes or writes too much is killed with all that it started",
          "[core][process][kill]") {
  const FileDescriptor stop(::eventfd(0, EFD_CLOEXEC));
  PipedOptions options{.stop_descriptor = stop.get()};
  auto expected = PipedResult::End::kTimeout;
  std::string script = "sleep 1000 & echo $!; ";
  SECTION("time") {
    options.timeout = 200ms;
    script += "wait";
  }
  SECTION("output") {
    expected = PipedResult::End::kTooMuchOutput;
    options.most_output_bytes = 1'000'000;
    script += "yes";
  }
  SECTION("it is stopped") {
    expected = PipedResult::End::kStopped;
    ::eventfd_write(stop.get(), 1);
    script += "wait";
  }
  const auto result = run_with_pipes(shell(script), options);
  CHECK(result.end == expected);
  CHECK(result.status.signal == SIGKILL);
  const auto started = output_of(result);  // nothing, if it was killed before
  if (!started.empty()) wait_for_end(started.substr(0, started.find('\n')));
}

TEST_CASE("what a program leaves behind is killed, and keeps nobody waiting",
          "[core][process][kill]") {
  const auto result = run_with_pipes(shell("sleep 1000 & echo $!"), {});
  CHECK(result.status == ExitStatus{0, 0});
  wait_for_end(std::to_string(std::stoi(output_of(result))));
}

TEST_CASE("a program gets variables of its own", "[core][process]") {
  ::setenv("H5FLUME_TEST_SET", "outer", 1);
  auto program = shell("echo $H5FLUME_TEST_SET $H5FLUME_TEST_NEW");
  program.set_environment = {"H5FLUME_TEST_SET=inner", "H5FLUME_TEST_NEW=1=2"};
  CHECK(output_of(run_with_pipes(program, {})) == "inner 1=2\n");
  ::unsetenv("H5FLUME_TEST_SET");
}

TEST_CASE("many programs run at once", "[core][process]") {
  std::vector<std::string> outputs(8);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      threads.emplace_back([&outputs, i] {
        const std::string text(400'000, static_cast<char>('a' + i));
        const auto result = run_with_pipes({.path = "/bin/cat"}, {.input = {bytes_of(text)}});
        outputs[i] = output_of(result) == text ? "same" : "other";
      });
    }
  }
  for (const auto& output : outputs) CHECK(output == "same");
}

TEST_CASE("a program with pipes that is not there is an error that names it", "[core][process]") {
  CHECK_THROWS_WITH(run_with_pipes({.path = "/nowhere/program"}, {}),
                    contains("start /nowhere/program"));
}
