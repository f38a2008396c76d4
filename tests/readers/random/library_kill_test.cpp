#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/channel.h"
#include "tests/readers/random/library_support.h"
#include "tests/readers/stream/process_fixture.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

// What becomes of requests whose worker processes meet with accidents.

namespace {

// Boxes of 8 rows, each a chunk of its own.
constexpr std::int32_t kRowElements = 4096;
constexpr std::int32_t kBoxRows = 8;

std::vector<std::int32_t> row_of_box(std::int32_t box) {
  return hdf5::counting<std::int32_t>(kRowElements, box * kBoxRows * kRowElements);
}

struct WorkersFixture {
  explicit WorkersFixture(ReaderOptions options = {}, FileOptions file_options = {}) {
    options.direct = false;
    options.workers = options.workers.value_or(2);
    file_options.worker_path = H5FLUME_TEST_WORKER_PATH;
    reader.emplace(path, options, file_options);
    dataset.emplace(reader->dataset("/x"));
    pool.emplace(dataset->stage_pool({1}, 13));
  }

  Future request(std::int32_t box) {
    return reader->request((*dataset)[at(box * kBoxRows)], *pool);
  }

  TemporaryFolder folder;
  std::string path = library_file(folder, LibraryStorage::kGzip, {13 * kBoxRows, kRowElements},
                                  {kBoxRows, kRowElements});
  std::optional<Reader> reader;
  std::optional<Dataset> dataset;
  std::optional<StagePool> pool;
};

Error error_in(Future& future) {
  return hdf5::error_of([&] { future.get(); });
}

// The child of this process that has stopped itself; there may be none yet.
int wait_for_stopped_child() {
  siginfo_t info{};
  while (::waitid(P_ALL, 0, &info, WSTOPPED) != 0) std::this_thread::yield();
  return info.si_pid;
}

void kill_children() {
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream children(thread.path() / "children");
    for (int pid = 0; children >> pid;) ::kill(pid, SIGKILL);
  }
}

int read_until_killed(const std::vector<std::string>& arguments) {
  const Reader reader(arguments[0], {.direct = false, .workers = 1},
                      {.worker_path = H5FLUME_TEST_WORKER_PATH});
  const Dataset dataset = reader.dataset("/x");
  const Accident accident("select.box 4 stop");
  const Stage stage = dataset.stage({1});
  const auto future = reader.request(dataset[at(4 * kBoxRows)], stage);
  Channel(FileDescriptor(3)).send(std::to_string(wait_for_stopped_child()));
  future.wait();
  return 0;
}

const ChildRole kOwner("random-owner", read_until_killed);

}  // namespace

TEST_CASE("a request whose worker is killed is done by another",
          "[reader][random][library][kill]") {
  const std::string action = GENERATE("die", "crash");
  WorkersFixture data;
  const Accident accident("select.box 5 " + action + " " + data.folder.file("once"));
  std::vector<Future> futures;
  for (std::int32_t box = 0; box < 13; ++box) futures.push_back(data.request(box));
  for (std::int32_t box = 0; box < 13; ++box)
    REQUIRE(values_of(futures[box].get()) == row_of_box(box));
  CHECK(std::filesystem::exists(data.folder.file("once")));
}

TEST_CASE("a request that kills every worker fails alone, and names itself",
          "[reader][random][library][kill]") {
  const unsigned deaths = GENERATE(1u, 3u);
  WorkersFixture data({.max_deaths_per_request = deaths});
  const Accident accident("select.box 5 die");
  std::vector<Future> futures;
  for (std::int32_t box = 0; box < 13; ++box) futures.push_back(data.request(box));
  for (std::int32_t box = 0; box < 13; ++box) {
    if (box != 5) REQUIRE(values_of(futures[box].get()) == row_of_box(box));
  }
  const Error error = error_in(futures[5]);
  CHECK(error.code() == ErrorCode::kWorkerFailed);
  CHECK(error.what() == "read '/x' [40] of " + data.path + ": " + std::to_string(deaths) +
                            " worker processes ended over it, the last: killed by signal 9 "
                            "(Killed)");
  futures.clear();
  CHECK(data.pool->free_stages() == 13);
  CHECK(values_of(data.dataset->read(at(0))) == row_of_box(0));
}

TEST_CASE("a worker that is killed while it opens the file, or is idle, is replaced",
          "[reader][random][library][kill]") {
  WorkersFixture data({.workers = 1, .max_deaths_per_request = 2});
  const Accident accident("worker.opening 0 die " + data.folder.file("once"));
  CHECK(values_of(data.request(1).get()) == row_of_box(1));
  CHECK(values_of(data.request(2).get()) == row_of_box(2));
}

TEST_CASE("a request that takes too long ends with that, and others are served",
          "[reader][random][library][kill]") {
  const std::string action = GENERATE("hang", "stop");
  WorkersFixture data({.request_timeout = 300ms});
  const Accident accident("select.box 5 " + action);
  auto late = data.request(5);
  auto other = data.request(6);
  CHECK(values_of(other.get()) == row_of_box(6));
  const Error error = error_in(late);
  CHECK(error.code() == ErrorCode::kTimeout);
  CHECK(error.what() == "read '/x' [40] of " + data.path + ": no result within 0.3 s");
  CHECK(values_of(data.request(7).get()) == row_of_box(7));
}

TEST_CASE("a request beyond the memory of its worker fails alone",
          "[reader][random][library][kill]") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return;  // which take address space for themselves
#endif
  WorkersFixture data({.workers = 1}, {.worker_memory_bytes = 256 << 20});
  const Accident accident("select.box 5 bloat");
  auto large = data.request(5);
  CHECK(error_in(large).code() == ErrorCode::kOutOfMemory);
  CHECK(values_of(data.request(6).get()) == row_of_box(6));
}

TEST_CASE(
    "a request that is cancelled while a worker reads it frees its stage, and the worker "
    "writes there no more",
    "[reader][random][library][kill]") {
  WorkersFixture data({.workers = 1});
  const Accident accident("select.box 5 stop " + data.folder.file("once"));
  const Stage stage = data.dataset->stage({1});
  auto cancelled = data.reader->request((*data.dataset)[at(5 * kBoxRows)], stage);
  const Watched worker(wait_for_stopped_child());
  if (GENERATE(false, true)) {
    cancelled.cancel();
    CHECK(error_in(cancelled).code() == ErrorCode::kCancelled);
    CHECK(worker.ended(0ms));
  } else {
    cancelled = Future();  // dropped
  }
  auto next = data.reader->request((*data.dataset)[at(6 * kBoxRows)], stage);
  CHECK(values_of(next.get()) == row_of_box(6));
  CHECK(worker.ended(0ms));
}

TEST_CASE("closing ends requests under way with their workers", "[reader][random][library][kill]") {
  const bool destroys = GENERATE(false, true);
  WorkersFixture data({.workers = 1});
  const Accident accident("select.box 5 stop");
  auto begun = data.request(5);
  const Watched worker(wait_for_stopped_child());
  auto queued = data.request(6);
  if (destroys) {
    data.reader.reset();
  } else {
    data.reader->close();
  }
  CHECK(worker.ended(0ms));
  CHECK(::waitid(P_ALL, 0, nullptr, WEXITED | WNOHANG | WNOWAIT) == -1);  // no child is left
  CHECK(begun.ready());
  CHECK(queued.ready());
  CHECK(error_in(begun).code() == ErrorCode::kCancelled);
  CHECK(error_in(queued).code() == ErrorCode::kCancelled);
}

TEST_CASE("a closed reader that does not wait leaves nothing behind in the end",
          "[reader][random][library][kill]") {
  WorkersFixture data({.workers = 1});
  const Accident accident("select.box 5 stop");
  auto begun = data.request(5);
  const Watched worker(wait_for_stopped_child());
  data.reader->close(false);
  CHECK(error_in(begun).code() == ErrorCode::kCancelled);
  CHECK_THROWS_WITH(data.request(1), contains("the reader is closed"));
  data.reader->close();
  CHECK(worker.ended(0ms));
}

TEST_CASE("the owner's death leaves no worker", "[reader][random][library][kill]") {
  const WorkersFixture data;
  auto [channel, other_end] = Channel::make();
  auto owner = start_child("random-owner", {data.path}, {other_end.get()});
  other_end.reset();
  const auto message = channel.receive();
  REQUIRE(message);
  const Watched worker(std::stoi(message->text));
  CHECK(worker.alive());
  owner.kill();
  CHECK(worker.ended(60s));
}

TEST_CASE("threads issue, cancel, drop and wait while workers are killed at random",
          "[reader][random][library][kill]") {
  WorkersFixture data({.workers = 2, .max_deaths_per_request = 1000});
  const auto seed = test_seed();
  INFO("H5FLUME_TEST_SEED=" << seed);
  std::atomic<int> served{0};
  std::atomic<bool> right{true};
  const auto client = [&](std::uint64_t own_seed) {
    RandomSelections random(own_seed);
    try {
      for (;;) {
        const auto box = static_cast<std::int32_t>(random.below(13));
        auto future = data.request(box);
        const auto what = random.below(8);
        if (what == 0) future.cancel();
        if (what == 1) continue;  // dropped
        if (what == 2 && !future.wait_for(std::chrono::microseconds(random.below(500)))) continue;
        try {
          if (values_of(future.get()) != row_of_box(box)) right = false;
          ++served;
          served.notify_all();
        } catch (const Error& error) {
          if (error.code() != ErrorCode::kCancelled) right = false;
        }
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCancelled) right = false;
    }
  };
  std::vector<std::thread> clients;
  for (std::uint64_t i = 0; i < 3; ++i) clients.emplace_back(client, seed + i);
  for (int before = served; before < 150; before = served) {
    served.wait(before);
    if (before % 10 == 0) kill_children();
  }
  data.reader->close();
  for (auto& thread : clients) thread.join();
  CHECK(right);
  CHECK(data.pool->free_stages() == 13);
  CHECK(::waitid(P_ALL, 0, nullptr, WEXITED | WNOHANG | WNOWAIT) == -1);
}
