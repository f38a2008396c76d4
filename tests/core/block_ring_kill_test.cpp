#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/block_ring.h"
#include "core/test_point.h"
#include "tests/support/catch.h"
#include "tests/support/child_role.h"
#include "tests/support/ring_blocks.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

WorkerId worker_id(const std::string& number, const std::string& incarnation) {
  return {static_cast<std::uint8_t>(std::stoi(number)),
          static_cast<std::uint8_t>(std::stoi(incarnation))};
}

// Fills blocks of the ring at descriptor 3 until it is stopped. Arguments: worker number,
// incarnation, the point to park at or "", the parent's process id.
int write_blocks(const std::vector<std::string>& arguments) {
  die_with_parent(std::stoi(arguments[3]));
  park_at(arguments[2]);
  BlockRing ring = BlockRing::attach(FileDescriptor(3));
  while (auto slot = ring.reserve(worker_id(arguments[0], arguments[1]))) {
    const std::size_t words = slot->bytes().size() / sizeof(std::uint64_t);
    write_words(slot->bytes(), slot->ticket(), 0, words / 2);
    test_point("test.half_filled", slot->ticket());
    write_words(slot->bytes(), slot->ticket(), words / 2, words);
    const std::size_t size = slot->bytes().size();
    std::move(*slot).commit(size);
  }
  return 0;
}

const ChildRole kWriter("ring-writer", write_blocks);

ChildProcess start_writer(const BlockRing& ring, WorkerId worker, const std::string& park = "") {
  return start_child("ring-writer",
                     {std::to_string(worker.number), std::to_string(worker.incarnation), park,
                      std::to_string(::getpid())},
                     {ring.descriptor()});
}

}  // namespace

TEST_CASE("a worker killed before it published leaves nothing visible and loses no slot",
          "[core][ring][kill]") {
  const std::string point = GENERATE("ring.claimed", "test.half_filled", "ring.filled");
  CAPTURE(point);
  BlockRing ring({.slot_count = 2, .block_bytes = 4096, .ticket_count = 2, .window_end = {}});
  auto writer = start_writer(ring, {0, 0}, point);
  REQUIRE(wait_until_parked(writer.pid()));
  CHECK(ring.reclaim({0, 1}) == 0);  // another life of that worker: not its slot
  CHECK(ring.count(SlotState::kClaimed) == 1);
  writer.kill();
  CHECK(writer.wait()->signal == SIGKILL);

  CHECK(ring.count(SlotState::kReady) == 0);
  CHECK(ring.reclaim({0, 0}) == 1);
  CHECK(ring.count(SlotState::kFree) == 2);

  auto successor = start_writer(ring, {0, 1});
  for (int i = 0; i < 2; ++i) {
    const auto block = ring.take().value();
    CHECK(holds_block(block.bytes(), block.ticket()));
  }
  ring.stop();
  CHECK(successor.wait()->code == 0);
}

TEST_CASE("a block published by a worker that was killed before it woke anyone is delivered",
          "[core][ring][kill]") {
  BlockRing ring({.slot_count = 2, .block_bytes = 4096, .ticket_count = 2, .window_end = {}});
  auto writer = start_writer(ring, {0, 0}, "ring.published");
  REQUIRE(wait_until_parked(writer.pid()));
  writer.kill();
  writer.wait();
  CHECK(ring.reclaim({0, 0}) == 0);
  const auto block = ring.take().value();
  CHECK(holds_block(block.bytes(), 0));
}

TEST_CASE("a worker killed while it waits costs nothing", "[core][ring][kill]") {
  const std::string point = GENERATE("ring.reserving", "ring.waiting");
  const std::chrono::microseconds spin(GENERATE(0, 1'000'000));  // asleep, or looking again
  CAPTURE(point, spin.count());
  BlockRing ring(
      {.slot_count = 2, .block_bytes = 64, .spin = spin, .ticket_count = 100, .window_end = {}});
  auto writer = start_writer(ring, {0, 0}, point);
  REQUIRE(wait_until_parked(writer.pid()));
  writer.kill();
  writer.wait();
  CHECK(ring.reclaim({0, 0}) == 0);

  auto successor = start_writer(ring, {0, 1});
  for (int i = 0; i < 100; ++i) {
    const auto block = ring.take().value();
    CHECK(holds_block(block.bytes(), block.ticket()));
  }
  CHECK(ring.finished());
}

TEST_CASE("workers killed at random lose, double and damage nothing", "[core][ring][kill]") {
  const bool ordered = GENERATE(false, true);
  const std::chrono::microseconds spin(GENERATE(0, 20));
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed, ordered, spin.count());
  constexpr unsigned kWorkers = 3;
  constexpr std::uint64_t kTickets = 20'000;
  std::mt19937_64 random(seed);

  RingOptions options{.slot_count = 6,
                      .block_bytes = 16384,
                      .spin = spin,
                      .ticket_count = kTickets,
                      .window_end = {}};
  if (ordered) options.window_end = [](std::uint64_t delivered) { return delivered + 1; };
  BlockRing ring(options);
  std::vector<WorkerId> ids;
  std::vector<ChildProcess> workers;
  for (unsigned i = 0; i < kWorkers; ++i) {
    ids.push_back({static_cast<std::uint8_t>(i), 250});  // soon to wrap
    workers.push_back(start_writer(ring, ids[i]));
  }
  std::vector<unsigned> seen(kTickets);
  unsigned damaged = 0;
  unsigned out_of_order = 0;
  unsigned deaths = 0;
  for (std::uint64_t count = 0; count < kTickets; ++count) {
    if (random() % 200 == 0) {
      const std::size_t victim = random() % kWorkers;
      workers[victim].kill();
      workers[victim].wait();
      ++deaths;
      ring.reclaim(ids[victim]);
      ++ids[victim].incarnation;
      workers[victim] = start_writer(ring, ids[victim]);
    }
    const auto block = ring.take().value();
    ++seen[block.ticket()];
    damaged += !holds_block(block.bytes(), block.ticket());
    out_of_order += ordered && block.ticket() != count;
  }
  CAPTURE(deaths);
  CHECK(std::count(seen.begin(), seen.end(), 1u) == static_cast<long>(kTickets));
  CHECK(damaged == 0);
  CHECK(out_of_order == 0);
}
