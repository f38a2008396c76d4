#include <signal.h>

#include <filesystem>
#include <random>
#include <sstream>
#include <thread>

#include "core/channel.h"
#include "tests/readers/stream/process_fixture.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

// Without the folders of other tests that run meanwhile.
std::size_t named_segments() {
  std::size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator("/dev/shm")) {
    count += !file.path().filename().string().starts_with("h5flume-test-");
  }
  return count;
}

// A program that streams the file of its first argument, until it is killed: it says on descriptor
// 3 who its workers are once it holds as many blocks as its second argument says. The third orders
// an accident, so that slots are in the state wanted; the fourth says whether it reads directly.
int stream_until_killed(const std::vector<std::string>& arguments) {
  const Accident accident(arguments[2]);
  Channel channel{FileDescriptor(3)};
  auto queue = Streamer(arguments[0], {.worker_path = H5FLUME_TEST_WORKER_PATH})
                   .queue("/t", {.direct = arguments[3] == "direct",
                                 .workers = 2,
                                 .read_ahead = 5,
                                 .block_rows = kBlockRows});
  std::vector<Block> held;
  while (held.size() < std::stoul(arguments[1])) held.push_back(queue.take().value());
  std::string pids;
  for (const int pid : queue.worker_pids()) pids += std::to_string(pid) + " ";
  channel.send(pids);
  channel.receive();  // for ever
  return 0;
}

const ChildRole kConsumer("stream-consumer", stream_until_killed);

}  // namespace

TEST_CASE("a worker killed in any state of its slot loses and doubles nothing",
          "[reader][stream][kill]") {
  ProcessFixture data(GENERATE(true, false));
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
  ProcessFixture data(GENERATE(true, false));
  const std::string point = GENERATE("ring.reserving", "ring.waiting");
  const Accident accident(point + " 0 die " + data.folder.file("once"));
  auto queue = data.queue();
  CHECK(drain(queue, [] {}).complete());
}

TEST_CASE("workers killed at random while a consumer holds blocks lose and double nothing",
          "[reader][stream][kill]") {
  ProcessFixture data(GENERATE(true, false));
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
  ProcessFixture data(GENERATE(true, false));
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
  ProcessFixture data(GENERATE(true, false));
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
  ProcessFixture data(GENERATE(true, false));
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
  auto consumer = start_child("stream-consumer",
                              {data.path, held, order, data.options.direct ? "direct" : "hdf5"},
                              {other_end.get()});
  other_end.reset();
  const auto message = channel.receive();
  REQUIRE(message);
  std::vector<int> pids;
  std::istringstream text(message->text);
  for (int pid = 0; text >> pid;) pids.push_back(pid);
  REQUIRE(pids.size() == (data.options.direct ? 1 : 2));
  const auto workers = watch(pids);
  for (const auto& worker : workers) CHECK(worker.alive());

  consumer.kill();
  consumer.wait();
  for (const auto& worker : workers) CHECK(worker.ended(10s));
  CHECK(named_segments() == segments);
}

TEST_CASE("close leaves no worker behind, also not one that is stuck", "[reader][stream][kill]") {
  ProcessFixture data(GENERATE(true, false));
  const Accident accident("block.reading 3 " + std::string(GENERATE("hang", "stop")));
  auto queue = data.queue();
  const auto workers = watch(queue.worker_pids());
  CHECK(queue.take());
  queue.close();
  for (const auto& worker : workers) CHECK(worker.ended(0ms));
  CHECK_FALSE(queue.take());
}

TEST_CASE("workers end with the stream, not with the queue", "[reader][stream]") {
  ProcessFixture data(GENERATE(true, false));
  auto queue = data.queue();
  const auto workers = watch(queue.worker_pids());
  CHECK(drain(queue).complete());
  for (const auto& worker : workers) CHECK(worker.ended(10s));
}

TEST_CASE("a file that is gone when a worker has to be replaced is an error, not a hang",
          "[reader][stream][kill]") {
  ProcessFixture data(GENERATE(true, false));
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
  ProcessFixture data(GENERATE(true, false));
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
