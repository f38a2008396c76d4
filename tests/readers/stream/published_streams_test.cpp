#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "core/channel.h"
#include "storage/shared/shared_dict.h"
#include "tests/readers/stream/process_fixture.h"
#include "tests/readers/stream/stream_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

// A folder in memory to which streams publish, because the environment says so.
class Published {
 public:
  Published() {
    std::string made = "/dev/shm/h5flume-test-XXXXXX";
    if (!::mkdtemp(made.data())) throw std::runtime_error("no folder in /dev/shm");
    folder = made;
    ::setenv("H5FLUME_STATISTICS", folder.c_str(), 1);
  }
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;
  ~Published() {
    ::unsetenv("H5FLUME_STATISTICS");
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  bool is_empty() const { return std::filesystem::is_empty(folder); }

  // The dict of the only program, once it is there.
  SharedDict dict() const {
    for (;;) {
      const auto programs = published_programs(folder);
      try {
        if (programs.size() == 1) return SharedDict::attach(programs[0].dict, {.folder = folder});
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kNotFound) throw;  // given up meanwhile for another
      }
      std::this_thread::yield();  // its thread makes it
    }
  }

  // The streams of the only program, once `is_right` of them; each look follows a change.
  template <class IsRight>
  std::vector<PublishedStream> streams_when(const IsRight& is_right) const {
    const SharedDict changes = dict();
    for (std::uint64_t version = 0;;) {
      version = changes.wait_for_change(version).value();
      const auto programs = published_programs(folder);
      if (programs.size() == 1 && programs[0].readable && is_right(programs[0].streams)) {
        return programs[0].streams;
      }
    }
  }

  // The only stream, once it has told of so many blocks.
  PublishedStream stream_after(std::uint64_t blocks) const {
    return streams_when([=](const auto& streams) {
             return streams.size() == 1 && streams[0].statistics.blocks == blocks;
           })
        .front();
  }

  std::string folder;
};

// Streams the file of its first argument for ever, publishing, and says on descriptor 3 who works
// for it.
int publish_until_killed(const std::vector<std::string>& arguments) {
  Channel channel{FileDescriptor(3)};
  auto queue = Streamer(arguments[0], {.worker_path = H5FLUME_TEST_WORKER_PATH})
                   .queue("/t", {.cyclic = true, .workers = 1, .block_rows = kBlockRows});
  channel.send(std::to_string(queue.worker_pids().at(0)));
  while (queue.take()) {
  }
  return 0;
}

const ChildRole kPublisher("stream-publisher", publish_until_killed);

}  // namespace

TEST_CASE("a published stream tells what it does, until its queue is gone",
          "[reader][stream][publish]") {
  const Published published;
  const StreamFixture data;
  auto options = data.options();
  options.ordered = true;
  options.block_rows = 10;
  {
    auto queue = data.queue(options);
    std::vector<Block> held;
    for (int i = 0; i < 3; ++i) held.push_back(queue.take().value());
    held.pop_back();
    const auto stream = published
                            .streams_when([](const auto& streams) {
                              return streams.size() == 1 && streams[0].statistics.blocks == 3 &&
                                     streams[0].held_slots == 2;
                            })
                            .front();
    CHECK(stream.file == data.path);
    CHECK(stream.dataset == "/t");
    CHECK(stream.ordered);
    CHECK_FALSE(stream.cyclic);
    CHECK_FALSE(stream.finished);
    CHECK(stream.pass_rows == 100);
    CHECK(stream.pass_blocks == 10);
    CHECK(stream.pass == 0);
    CHECK(stream.pass_done == 0.3);
    CHECK(stream.statistics.rows == 30);
    CHECK(stream.statistics.bytes == queue.statistics().bytes);
    CHECK(stream.held_slots == 2);
    CHECK(stream.free_slots + stream.filling_slots + stream.readable_slots == 3);
    REQUIRE(stream.workers.size() == 2);
    CHECK(stream.workers[0].blocks + stream.workers[1].blocks == 3);
    CHECK((stream.workers[0].pid == 0) == (data.kind == WorkerKind::kThreads));

    held.clear();
    while (queue.take()) {
    }
    const auto end = published.streams_when(
        [](const auto& streams) { return streams[0].finished && streams[0].workers.empty(); });
    CHECK(end[0].statistics.blocks == 10);
    CHECK(end[0].pass_done == 1);
  }
  CHECK(published.is_empty());
}

TEST_CASE("nothing is published unless it is asked for", "[reader][stream][publish]") {
  const Published published;
  ::unsetenv("H5FLUME_STATISTICS");
  const StreamFixture data;
  auto queue = data.queue(data.options());
  CHECK(queue.take());
  CHECK(published.is_empty());
  for (const auto& program : published_programs()) CHECK(program.pid != ::getpid());
}

TEST_CASE("closing a queue ends its being published", "[reader][stream][publish]") {
  const Published published;
  const StreamFixture data;
  auto queue = data.queue(data.options());
  const SharedDict dict = published.dict();
  queue.close();
  CHECK(published_programs(published.folder).empty());
  CHECK(dict.status().unlinked);
}

TEST_CASE("the streams of a program share a dict, and each leaves it with its end",
          "[reader][stream][publish]") {
  const Published published;
  const StreamFixture data;
  auto first = data.queue(data.options());
  {
    const auto second = data.queue(data.options());
    const auto two =
        published.streams_when([](const auto& streams) { return streams.size() == 2; });
    CHECK(two[0].id != two[1].id);
  }
  const auto left = published.streams_when([](const auto& streams) { return streams.size() == 1; });
  CHECK(left[0].since <= std::chrono::system_clock::now());
  CHECK(list_shared_dicts(published.folder).size() == 1);
}

TEST_CASE("passes of an endless stream are counted", "[reader][stream][publish]") {
  const Published published;
  const StreamFixture data;
  auto options = data.options();
  options.cyclic = true;
  options.block_rows = 30;  // 100 rows: blocks wrap
  auto queue = data.queue(options);
  for (int i = 0; i < 8; ++i) CHECK(queue.take());
  const auto stream = published.stream_after(8);
  CHECK(stream.cyclic);
  CHECK(stream.pass_blocks == 4);
  CHECK(stream.pass == 2);
  CHECK(stream.pass_done == 0.4);
}

TEST_CASE("a killed worker is counted, and its successor is among the living",
          "[reader][stream][publish][kill]") {
  const Published published;
  ProcessFixture data(GENERATE(true, false));
  data.options.cyclic = true;
  const Accident accident("block.reading 7 die " + data.folder.file("once"));
  auto queue = data.queue();
  const auto before = published.streams_when(
      [](const auto& streams) { return streams.size() == 1 && streams[0].workers.size() == 2; });
  for (int i = 0; i < 20; ++i) CHECK(queue.take());
  const auto after = published.streams_when([](const auto& streams) {
    return streams[0].statistics.worker_restarts == 1 && streams[0].workers.size() == 2;
  });
  CHECK((before[0].workers[0].pid != after[0].workers[0].pid ||
         before[0].workers[1].pid != after[0].workers[1].pid));
}

TEST_CASE("streams that cannot be published are delivered all the same",
          "[reader][stream][publish]") {
  const Published published;
  ProcessFixture data;
  SECTION("the folder is not there") {
    ::setenv("H5FLUME_STATISTICS", (published.folder + "/nowhere").c_str(), 1);
    auto queue = data.queue();
    CHECK(drain(queue).complete());
  }
  SECTION("somebody holds the lock of the dict, and gets another in its place") {
    auto queue = data.queue();
    SharedDict dict = published.dict();
    const auto lock = dict.lock();
    CHECK(drain(queue).complete());
    while (!dict.status().unlinked) std::this_thread::yield();
    CHECK(published.stream_after(kRows / kBlockRows).finished);
  }
  SECTION("somebody has removed the dict") {
    auto queue = data.queue();
    const SharedDict dict = published.dict();
    CHECK(unlink_shared_dict(dict.name(), published.folder));
    CHECK(drain(queue).complete());
  }
}

TEST_CASE("streams of many threads begin and end while they are published",
          "[reader][stream][publish]") {
  const Published published;
  const StreamFixture data;
  const auto kept = data.queue(data.options());
  std::atomic<int> complete{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        auto queue = data.queue({.kind = data.kind, .workers = 1, .block_rows = 10});
        int blocks = 0;
        while (queue.take()) ++blocks;
        complete += blocks == 10;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(complete == 20);
  CHECK(published.streams_when([](const auto& streams) { return streams.size() == 1; }).size() ==
        1);
}

TEST_CASE("what a killed program leaves is shown as such, and cleaned away",
          "[reader][stream][publish][kill]") {
  const Published published;
  const ProcessFixture data;
  auto [channel, other_end] = Channel::make();
  auto program = start_child("stream-publisher", {data.path}, {other_end.get()});
  other_end.reset();
  const auto worker = channel.receive();
  REQUIRE(worker);
  const auto workers = watch({std::stoi(worker->text)});
  published.streams_when(
      [](const auto& streams) { return streams.size() == 1 && streams[0].statistics.blocks > 0; });
  CHECK(published_programs(published.folder)[0].alive);

  program.kill();
  program.wait();
  CHECK(workers[0].ended(std::chrono::seconds(10)));
  const auto left = published_programs(published.folder);
  REQUIRE(left.size() == 1);
  CHECK(left[0].pid == program.pid());
  CHECK_FALSE(left[0].alive);
  CHECK(left[0].streams.empty());
  CHECK_FALSE(clean_shared_dicts(published.folder).empty());
  CHECK(published.is_empty());
}

TEST_CASE("a dict that is none of statistics is not taken for one", "[reader][stream][publish]") {
  const Published published;
  const auto make = [&](const std::string& name) {
    return SharedDict::create(name, {.folder = published.folder});
  };
  const auto other = make("h5flume-streams.x");
  auto ours = make("h5flume-streams." + std::to_string(::getpid()) + ".1");
  const Json contents =
      GENERATE(Json::object(), Json{{"format", 2}}, Json{{"format", "1"}},
               Json{{"format", 1}, {"program", "p"}, {"updated", 1e300}, {"streams", 7}},
               Json{{"format", 1},
                    {"program", "p"},
                    {"updated", -1e300},
                    {"streams", {{"x", {{"since", 1e300}, {"workers", {{"y", nullptr}}}}}}}});
  ours.update(contents);
  const auto programs = published_programs(published.folder);
  REQUIRE(programs.size() == 1);
  CHECK(programs[0].alive);
  CHECK_FALSE(programs[0].readable);
  CHECK_FALSE(programs[0].name.empty());
  CHECK(programs[0].streams.empty());
}
