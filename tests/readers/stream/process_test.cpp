#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "core/channel.h"
#include "h5flume.h"
#include "tests/support/catch.h"
#include "tests/support/child_role.h"
#include "tests/support/sample_data.h"
#include "tests/support/temporary_folder.h"

// What only worker processes have to stand: their deaths, and that of their consumer.

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kRows = 400;
constexpr std::uint64_t kBlockRows = 10;

// Orders an accident of the test workers, see tests/support/test_worker.cpp.
class Accident {
 public:
  explicit Accident(const std::string& order) {
    ::setenv("H5FLUME_TEST_ACCIDENT", order.c_str(), 1);
  }
  Accident(const Accident&) = delete;
  Accident& operator=(const Accident&) = delete;
  ~Accident() { ::unsetenv("H5FLUME_TEST_ACCIDENT"); }
};

struct Fixture {
  Fixture() { write_table(path, "/t", {.rows = kRows, .columns = 8, .chunk_rows = 10}); }
  TemporaryFolder folder;
  std::string path = folder.file("t.h5");
  StreamOptions options{.block_rows = kBlockRows};

  Streamer streamer() const { return Streamer(path, {.worker_path = H5FLUME_TEST_WORKER_PATH}); }
  BlockQueue queue() {
    options.workers = options.workers.value_or(2);
    return streamer().queue("/t", options);
  }
};

struct Delivered {
  std::multiset<std::uint64_t> first_rows;
  std::vector<Error> errors;
  bool in_order = true;
  bool right = true;

  bool complete() const {
    std::multiset<std::uint64_t> expected;
    for (std::uint64_t row = 0; row < kRows; row += kBlockRows) expected.insert(row);
    return right && errors.empty() && first_rows == expected;
  }
};

// Takes everything; `after_each` may do harm after each block.
template <class AfterEach>
Delivered drain(BlockQueue& queue, AfterEach after_each) {
  Delivered delivered;
  std::uint64_t last = 0;
  for (bool more = true; more;) {
    try {
      const auto block = queue.take();
      more = block.has_value();
      if (!block) break;
      delivered.right = delivered.right && holds_rows(*block);
      delivered.in_order = delivered.in_order && block->first_row() >= last;
      last = block->first_row();
      delivered.first_rows.insert(last);
    } catch (const Error& error) {
      delivered.errors.push_back(error);
      more = !queue.finished();
    }
    after_each();
  }
  return delivered;
}

Delivered drain(BlockQueue& queue) {
  return drain(queue, [] {});
}

// Watches a process that is not a child, from while it is known to live.
class Watched {
 public:
  explicit Watched(int pid) : pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  bool alive() const { return ended(0ms) == false; }
  bool ended(std::chrono::milliseconds within) const {
    pollfd end{pidfd_.get(), POLLIN, 0};
    return ::poll(&end, 1, static_cast<int>(within.count())) == 1;
  }

 private:
  FileDescriptor pidfd_;
};

std::vector<Watched> watch(const std::vector<int>& pids) {
  std::vector<Watched> watched;
  for (const int pid : pids) watched.emplace_back(pid);
  return watched;
}

std::size_t named_segments() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/dev/shm"),
                                                std::filesystem::directory_iterator()));
}

// A program that streams the file of its first argument, until it is killed: it says on descriptor
// 3 who its workers are once it holds as many blocks as its second argument says. The third orders
// an accident, so that slots are in the state wanted.
int stream_until_killed(const std::vector<std::string>& arguments) {
  const Accident accident(arguments[2]);
  Channel channel{FileDescriptor(3)};
  auto queue = Streamer(arguments[0], {.worker_path = H5FLUME_TEST_WORKER_PATH})
                   .queue("/t", {.workers = 2, .read_ahead = 5, .block_rows = kBlockRows});
  std::vector<Block> held;
  while (held.size() < std::stoul(arguments[1])) held.push_back(queue.take().value());
  std::string pids;
  for (const int pid : queue.worker_pids()) pids += std::to_string(pid) + " ";
  channel.send(pids);
  channel.receive();  // for ever
  return 0;
}

const ChildRole kConsumer("stream-consumer", stream_until_killed);

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

TEST_CASE("a worker killed in any state of its slot loses and doubles nothing",
          "[reader][stream][kill]") {
  Fixture data;
  data.options.ordered = GENERATE(false, true);
  const std::string point =
      GENERATE("ring.claimed", "block.reading", "ring.filled", "ring.published");
  CAPTURE(point, data.options.ordered);
  const Accident accident(point + " 7 die " + data.folder.file("once"));
  auto queue = data.queue();
  const auto delivered = drain(queue);
  CHECK(delivered.complete());
  CHECK((delivered.in_order || !data.options.ordered));
  // The death after publishing costs nothing, and the stream may end before it is noticed.
  const auto restarts = queue.statistics().worker_restarts;
  CHECK((restarts == 1 || (restarts == 0 && point == "ring.published")));
}

TEST_CASE("a worker killed while it waits or starts is replaced", "[reader][stream][kill]") {
  Fixture data;
  const std::string point = GENERATE("ring.reserving", "ring.waiting");
  const Accident accident(point + " 0 die " + data.folder.file("once"));
  auto queue = data.queue();
  CHECK(drain(queue, [] {}).complete());
}

TEST_CASE("workers killed at random while a consumer holds blocks lose and double nothing",
          "[reader][stream][kill]") {
  Fixture data;
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  data.options.workers = 3;
  data.options.ordered = random() % 2 == 0;
  data.options.max_deaths_per_block = 100;
  auto queue = data.queue();
  std::vector<Block> held;
  Delivered delivered;
  while (auto block = queue.take()) {
    delivered.right = delivered.right && holds_rows(*block);
    delivered.first_rows.insert(block->first_row());
    if (random() % 3 == 0) held.push_back(std::move(*block));
    if (held.size() > 2) held.erase(held.begin());
    for (const Block& kept : held) delivered.right = delivered.right && holds_rows(kept);
    const auto pids = queue.worker_pids();
    if (!pids.empty() && random() % 2 == 0) ::kill(pids[random() % pids.size()], SIGKILL);
  }
  CHECK(delivered.complete());
}

TEST_CASE("a block that kills every worker becomes an error that names it",
          "[reader][stream][kill]") {
  Fixture data;
  data.options.ordered = GENERATE(false, true);
  const Accident accident("block.reading 7 crash");
  auto queue = data.queue();
  const auto delivered = drain(queue);
  CHECK(delivered.first_rows.size() == kRows / kBlockRows - 1);
  REQUIRE(delivered.errors.size() == 1);
  CHECK(delivered.errors[0].code() == ErrorCode::kWorkerFailed);
  CHECK_THAT(delivered.errors[0].what(), contains("'/t' rows 70-79 of " + data.path));
  CHECK_THAT(delivered.errors[0].what(), contains("3 worker processes"));
  CHECK_THAT(delivered.errors[0].what(), contains("Segmentation fault"));
  CHECK(queue.statistics().worker_restarts == 3);
}

TEST_CASE("a worker that does not answer is killed and its block becomes an error",
          "[reader][stream][kill]") {
  Fixture data;
  const std::string action = GENERATE("hang", "stop");
  const Accident accident("block.reading 7 " + action);
  data.options.block_timeout = 400ms;
  auto queue = data.queue();
  const auto delivered = drain(queue);
  CHECK(delivered.first_rows.size() == kRows / kBlockRows - 1);
  REQUIRE(delivered.errors.size() == 1);
  CHECK(delivered.errors[0].code() == ErrorCode::kTimeout);
  CHECK_THAT(delivered.errors[0].what(), contains("rows 70-79"));
}

TEST_CASE(
    "the consumer's death leaves no process and no segment behind, whatever state slots "
    "are in",
    "[reader][stream][kill]") {
  Fixture data;
  // Blocks held, and what ticket 3 is stopped at.
  const auto [held, order] = GENERATE(table<std::string, std::string>(
      {{"0", "block.reading 0 stop"},   // claimed, and a worker that cannot run
       {"1", "ring.filled 3 stop"},     // filled, not published
       {"1", "ring.published 3 stop"},  // ready, nobody woken
       {"3", "ring.claimed 4 stop"},    // some held
       {"5", "no point 0 stop"}}));     // all held, workers asleep
  CAPTURE(held, order);
  const std::size_t segments = named_segments();
  auto [channel, other_end] = Channel::make();
  auto consumer = start_child("stream-consumer", {data.path, held, order}, {other_end.get()});
  other_end.reset();
  const auto message = channel.receive();
  REQUIRE(message);
  std::vector<int> pids;
  std::istringstream text(message->text);
  for (int pid = 0; text >> pid;) pids.push_back(pid);
  REQUIRE(pids.size() == 2);
  const auto workers = watch(pids);
  for (const auto& worker : workers) CHECK(worker.alive());

  consumer.kill();
  consumer.wait();
  for (const auto& worker : workers) CHECK(worker.ended(10s));
  CHECK(named_segments() == segments);
}

TEST_CASE("close leaves no worker behind, also not one that is stuck", "[reader][stream][kill]") {
  Fixture data;
  const Accident accident("block.reading 3 " + std::string(GENERATE("hang", "stop")));
  auto queue = data.queue();
  const auto workers = watch(queue.worker_pids());
  CHECK(queue.take());
  queue.close();
  for (const auto& worker : workers) CHECK(worker.ended(0ms));
  CHECK_FALSE(queue.take());
}

TEST_CASE("workers end with the stream, not with the queue", "[reader][stream]") {
  Fixture data;
  auto queue = data.queue();
  const auto workers = watch(queue.worker_pids());
  CHECK(drain(queue).complete());
  for (const auto& worker : workers) CHECK(worker.ended(10s));
}

TEST_CASE("workers outlive the thread that made their queue", "[reader][stream]") {
  Fixture data;
  std::optional<BlockQueue> queue;
  std::thread([&] { queue.emplace(data.queue()); }).join();
  CHECK(drain(*queue).complete());
  CHECK(queue->statistics().worker_restarts == 0);
}

TEST_CASE("a file that is gone when a worker has to be replaced is an error, not a hang",
          "[reader][stream][kill]") {
  Fixture data;
  data.options.workers = 1;
  const Accident accident("block.reading 7 die");
  auto queue = data.queue();
  CHECK(queue.take());
  bool removed = false;
  const auto delivered = drain(queue, [&] {
    if (!std::exchange(removed, true)) std::filesystem::remove(data.path);
  });
  REQUIRE(delivered.errors.size() >= 1);
  CHECK_THAT(delivered.errors[0].what(), contains(data.path));
  CHECK(delivered.right);
}

TEST_CASE("a file replaced while it is streamed is never mixed with the new one",
          "[reader][stream][kill]") {
  Fixture data;
  data.options.workers = 1;
  const Accident accident("block.reading 20 die " + data.folder.file("once"));
  auto queue = data.queue();
  const std::string other = data.folder.file("other.h5");
  write_table(other, "/t", {.rows = kRows + 10, .columns = 8});
  std::filesystem::rename(other, data.path);
  const auto delivered = drain(queue);
  CHECK(delivered.right);
  REQUIRE(delivered.errors.size() == 1);
  CHECK(delivered.errors[0].code() == ErrorCode::kSourceChanged);
}

TEST_CASE("a worker program that cannot be started is an error that names it", "[reader][stream]") {
  Fixture data;
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
  const Fixture data;
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
  Fixture data;
  write_table(data.path, "/large",
              {.rows = 4, .columns = 4'000'000, .chunk_rows = 4, .gzip = true});
  Streamer streamer(data.path, {.worker_path = H5FLUME_TEST_WORKER_PATH,
                                .worker_memory_bytes = std::uint64_t{40} << 20});
  auto queue = streamer.queue("/large", {.workers = 1, .read_ahead = 1, .block_rows = 1});
  CHECK_THROWS_WITH(queue.take(), contains("'/large' rows 0-0"));
}
#endif

TEST_CASE("signals that the program handles disturb nothing", "[reader][stream]") {
  Fixture data;
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
  Fixture data;
  auto queue = data.queue();
  for (const int pid : queue.worker_pids()) ::kill(pid, SIGINT);
  CHECK(drain(queue).complete());
  CHECK(queue.statistics().worker_restarts == 0);
}

TEST_CASE("a program that ignores the ends of its children streams all the same",
          "[reader][stream][kill]") {
  Fixture data;
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
  Fixture data;
  write_table(data.path, "/other", {.rows = 3, .columns = 2});
  Inspector inspector(data.path, {.worker_path = H5FLUME_TEST_WORKER_PATH});
  const auto datasets = inspector.list();
  REQUIRE(datasets.size() == 2);
  CHECK(datasets[0].path == "/other");
  CHECK(inspector.describe("/t").shape == std::vector<std::uint64_t>{kRows, 8});
  CHECK_THROWS_WITH(inspector.describe("/nothing"), contains("/nothing"));
  CHECK(inspector.describe("/other").row_count() == 3);
}
