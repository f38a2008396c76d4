#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/channel.h"
#include "tests/readers/stream/process_fixture.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

// Fails to start workers for want of descriptors; says so on descriptor 3.
int stream_without_descriptors(const std::vector<std::string>& arguments) {
  Channel channel{FileDescriptor(3)};
  const rlimit few{std::stoul(arguments[1]), std::stoul(arguments[1])};
  ::setrlimit(RLIMIT_NOFILE, &few);
  try {
    auto queue = Streamer(arguments[0], {.worker_path = H5FLUME_TEST_WORKER_PATH})
                     .queue("/t", {.workers = 2, .block_rows = kBlockRows});
    channel.send(drain(queue).complete() ? "complete" : "incomplete");
  } catch (const Error& error) {
    channel.send(error.what());
  }
  return 0;
}

const ChildRole kPoor("stream-without-descriptors", stream_without_descriptors);

}  // namespace

TEST_CASE("workers outlive the thread that made their queue", "[reader][stream]") {
  ProcessFixture data;
  std::optional<BlockQueue> queue;
  std::thread([&] { queue.emplace(data.queue()); }).join();
  CHECK(drain(*queue).complete());
  CHECK(queue->statistics().worker_restarts == 0);
}

TEST_CASE("a worker program that cannot be started is an error that names it", "[reader][stream]") {
  ProcessFixture data;
  const auto start = [&](const std::string& worker) {
    return Streamer(data.path, {.worker_path = worker}).queue("/t", data.options);
  };
  CHECK_THROWS_WITH(start("/nowhere/h5flume-worker"), contains("/nowhere/h5flume-worker"));
  const std::string no_program = data.folder.file("text");
  std::ofstream(no_program) << "not a program";
  std::filesystem::permissions(no_program, std::filesystem::perms::owner_all);
  CHECK_THROWS_WITH(start(no_program), contains(no_program));
  CHECK_THROWS_AS(start("/bin/true"), Error);  // ends instead of answering
}

// The undefined-behaviour sanitizer needs descriptors itself, and reports what is not there
// without.
#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("too few descriptors are an error that says so, and nothing hangs", "[reader][stream]") {
  const ProcessFixture data;
  const int limit = GENERATE(5, 6, 7, 8, 9, 10, 11, 12, 14);
  CAPTURE(limit);
  auto [channel, other_end] = Channel::make();
  auto child = start_child("stream-without-descriptors", {data.path, std::to_string(limit)},
                           {other_end.get()});
  other_end.reset();
  const auto answer = channel.receive(std::chrono::steady_clock::now() + 60s);
  REQUIRE(answer);
  CHECK_THAT(answer->text, contains("complete") || contains("Too many open files"));
}
#endif

// Sanitizers take terabytes of address space for themselves, so that no limit can be set.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a worker that wants more memory than it may have makes an error, not a crash",
          "[reader][stream]") {
  ProcessFixture data;
  write_table(data.path, "/large",
              {.rows = 4, .columns = 4'000'000, .chunk_rows = 4, .gzip = true});
  Streamer streamer(data.path, {.worker_path = H5FLUME_TEST_WORKER_PATH,
                                .worker_memory_bytes = std::uint64_t{40} << 20});
  auto queue = streamer.queue("/large", {.workers = 1, .read_ahead = 1, .block_rows = 1});
  CHECK_THROWS_WITH(queue.take(), contains("'/large' rows 0-0"));
}
#endif

TEST_CASE("signals that the program handles disturb nothing", "[reader][stream]") {
  ProcessFixture data;
  static std::atomic<int> signals;
  signals = 0;
  struct sigaction count {};
  count.sa_handler = [](int) { ++signals; };
  struct sigaction before {};
  ::sigaction(SIGALRM, &count, &before);  // without SA_RESTART: system calls are interrupted
  const itimerval often{{0, 500}, {0, 500}};
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  for (int i = 0; i < 3; ++i) {
    auto queue = data.queue();
    CHECK(drain(queue).complete());
  }
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  CHECK(signals > 0);
}

TEST_CASE("Ctrl-C reaches the program and not its workers", "[reader][stream]") {
  ProcessFixture data;
  auto queue = data.queue();
  for (const int pid : queue.worker_pids()) ::kill(pid, SIGINT);
  CHECK(drain(queue).complete());
  CHECK(queue.statistics().worker_restarts == 0);
}

TEST_CASE("a program that ignores the ends of its children streams all the same",
          "[reader][stream][kill]") {
  ProcessFixture data;
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  struct sigaction before {};
  ::sigaction(SIGCHLD, &ignore, &before);
  const Accident accident("block.reading 7 die " + data.folder.file("once"));
  {
    auto queue = data.queue();
    CHECK(drain(queue).complete());
  }
  ::sigaction(SIGCHLD, &before, nullptr);
}

TEST_CASE("an inspector lists and describes, and survives its worker", "[reader][worker]") {
  ProcessFixture data;
  write_table(data.path, "/other", {.rows = 3, .columns = 2});
  Inspector inspector(data.path, {.worker_path = H5FLUME_TEST_WORKER_PATH});
  const auto datasets = inspector.list();
  REQUIRE(datasets.size() == 2);
  CHECK(datasets[0].path == "/other");
  CHECK(inspector.describe("/t").shape == std::vector<std::uint64_t>{kRows, 8});
  CHECK_THROWS_WITH(inspector.describe("/nothing"), contains("/nothing"));
  CHECK(inspector.describe("/other").row_count() == 3);
}
