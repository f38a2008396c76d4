#include "core/block_ring.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "core/shared_memory.h"
#include "core/test_point.h"
#include "tests/support/catch.h"
#include "tests/support/ring_blocks.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

constexpr WorkerId kWorker{0, 0};

RingOptions small_ring(std::uint32_t slots, std::uint64_t tickets = SlotWord::kTicketLimit) {
  return {.slot_count = slots, .block_bytes = 64, .ticket_count = tickets, .window_end = {}};
}

RingOptions in_order(RingOptions options) {
  options.window_end = [](std::uint64_t delivered) { return delivered + 1; };
  return options;
}

void commit_next(BlockRing& ring, WorkerId worker = kWorker) {
  commit_block(ring.reserve(worker).value());
}

auto soon() { return WaitWord::Clock::now() + 1ms; }

}  // namespace

TEST_CASE("a block comes out as it was committed", "[core][ring]") {
  BlockRing ring(small_ring(2));
  commit_next(ring);

  const auto block = ring.take();
  REQUIRE(block);
  CHECK(block->ticket() == 0);
  CHECK(block->bytes().size() == 64);
  CHECK(holds_block(block->bytes(), 0));
  CHECK_FALSE(block->error());
}

TEST_CASE("a shorter commit shows only what was committed", "[core][ring]") {
  BlockRing ring(small_ring(1));
  auto slot = ring.reserve(kWorker).value();
  std::move(slot).commit(10, 5ns);

  const auto block = ring.take().value();
  CHECK(block.bytes().size() == 10);
  CHECK(block.work_time() == 5ns);
}

TEST_CASE("a commit that does not fit is refused and keeps the slot", "[core][ring]") {
  BlockRing ring(small_ring(1));
  auto slot = ring.reserve(kWorker).value();
  CHECK_THROWS_AS(std::move(slot).commit(65), Error);
  CHECK(ring.count(SlotState::kClaimed) == 1);
  std::move(slot).commit(64);
  CHECK(ring.count(SlotState::kReady) == 1);
}

TEST_CASE("a dropped write reservation gives slot and ticket back", "[core][ring]") {
  BlockRing ring(small_ring(2));
  { const auto dropped = ring.reserve(kWorker); }
  CHECK(ring.count(SlotState::kFree) == 2);
  CHECK(ring.reserve(kWorker)->ticket() == 0);
}

TEST_CASE("a dropped read reservation gives its slot to a later ticket", "[core][ring]") {
  BlockRing ring(small_ring(1));
  commit_next(ring);
  { const auto dropped = ring.take(); }
  CHECK(ring.reserve(kWorker)->ticket() == 1);
}

TEST_CASE("an error takes the place of data", "[core][ring]") {
  BlockRing ring(small_ring(1));
  ring.reserve(kWorker)->abandon();
  auto slot = ring.reserve(kWorker).value();
  std::move(slot).fail(Error(ErrorCode::kCorruptData, std::string(3000, 'x')));

  const auto block = ring.take().value();
  REQUIRE(block.error());
  CHECK(block.error()->code() == ErrorCode::kCorruptData);
  CHECK(std::string(block.error()->what()) == std::string(1000, 'x'));
  CHECK(block.bytes().empty());
}

TEST_CASE("an ordered ring waits for the next ticket although a later one is ready",
          "[core][ring]") {
  BlockRing ring(in_order(small_ring(3)));
  auto first = ring.reserve(kWorker).value();
  commit_next(ring);
  CHECK_FALSE(ring.take(soon()));
  commit_block(std::move(first));
  CHECK(ring.take()->ticket() == 0);
  CHECK(ring.take()->ticket() == 1);
}

TEST_CASE("an unordered ring delivers what is ready while a slow block is not", "[core][ring]") {
  BlockRing ring(small_ring(3));
  const auto slow = ring.reserve(kWorker).value();
  commit_next(ring);
  CHECK(ring.take()->ticket() == 1);
}

TEST_CASE("a window holds back the next pass until this one is delivered", "[core][ring]") {
  auto options = small_ring(4);
  options.window_end = [](std::uint64_t delivered) { return (delivered / 2 + 1) * 2; };
  BlockRing ring(std::move(options));
  auto slow = ring.reserve(kWorker).value();  // ticket 0, pass 0
  for (int i = 0; i < 3; ++i) commit_next(ring);
  CHECK(ring.take()->ticket() == 1);
  CHECK_FALSE(ring.take(soon()));  // 2 and 3 are ready, but of pass 1
  commit_block(std::move(slow));
  CHECK(ring.take()->ticket() == 0);
  CHECK(ring.take()->ticket() == 2);
}

TEST_CASE("a held slot is neither written nor reused while others flow", "[core][ring]") {
  BlockRing ring(small_ring(2));
  commit_next(ring);
  const auto held = ring.take().value();
  for (std::uint64_t ticket = 1; ticket < 50; ++ticket) {
    commit_next(ring);
    CHECK(ring.take()->ticket() == ticket);
  }
  CHECK(holds_block(held.bytes(), 0));
}

TEST_CASE("tickets end where the stream does", "[core][ring]") {
  BlockRing ring(small_ring(4, 3));
  CHECK(ring.count(SlotState::kRetired) == 1);
  for (int i = 0; i < 3; ++i) commit_next(ring);
  for (int i = 0; i < 3; ++i) CHECK(ring.take());
  CHECK(ring.finished());
  CHECK_FALSE(ring.take());
  CHECK_FALSE(ring.take());
  CHECK(ring.count(SlotState::kRetired) == 4);
}

TEST_CASE("a stream without blocks is over at once", "[core][ring]") {
  BlockRing ring(small_ring(1, 0));
  CHECK(ring.finished());
  CHECK_FALSE(ring.take());
}

TEST_CASE("a full ring makes workers wait, and stop ends the wait", "[core][ring]") {
  BlockRing ring(small_ring(2));
  std::thread worker([&] {
    while (auto slot = ring.reserve(kWorker)) commit_block(std::move(*slot));
  });
  const auto first = ring.take().value();
  const auto second = ring.take().value();
  CHECK_FALSE(ring.take(WaitWord::Clock::now() + 20ms));
  CHECK(ring.count(SlotState::kHeld) == 2);
  ring.stop();
  worker.join();
}

TEST_CASE("a worker that sleeps is woken when the last held slot but one comes back",
          "[core][ring]") {
  // The consumer that waits is not the one that releases, and one free slot of four is too little
  // for a wake by itself.
  BlockRing ring(small_ring(4));
  std::thread worker([&] {
    while (auto slot = ring.reserve(kWorker)) commit_block(std::move(*slot));
  });
  std::vector<ReadReservation> held;
  for (int i = 0; i < 4; ++i) held.push_back(ring.take().value());
  std::thread releaser([&] { held.pop_back(); });
  CHECK(ring.take()->ticket() == 4);
  releaser.join();
  ring.stop();
  worker.join();
}

TEST_CASE("stop ends every wait, and what is held stays readable", "[core][ring]") {
  BlockRing ring(small_ring(2));
  commit_next(ring);
  const auto held = ring.take().value();
  std::vector<std::thread> consumers;
  for (int i = 0; i < 3; ++i) consumers.emplace_back([&] { ring.take(); });
  ring.stop();
  for (auto& consumer : consumers) consumer.join();
  CHECK_FALSE(ring.take());
  CHECK_FALSE(ring.reserve(kWorker));
  CHECK(holds_block(held.bytes(), 0));
}

TEST_CASE("a read reservation outlives its ring", "[core][ring]") {
  std::optional<ReadReservation> held;
  {
    BlockRing ring(small_ring(1));
    commit_next(ring);
    held = ring.take();
  }
  CHECK(holds_block(held->bytes(), 0));
}

TEST_CASE("a consumer that sleeps for several short blocks gets one that stays alone",
          "[core][ring]") {
  const bool fails = GENERATE(false, true);
  CAPTURE(fails);
  BlockRing ring(small_ring(6));
  for (int i = 0; i < 2; ++i) {
    commit_block(ring.reserve(kWorker).value(), 10us);
    CHECK(ring.take()->work_time() == 10us);
  }
  static std::atomic<bool> sleeps;
  sleeps = false;
  test_point_hook = [](const char* name, std::uint64_t) {
    if (std::string_view(name) == "ring.consumer_sleeps") sleeps = true;
  };
  std::thread worker([&] {
    while (!sleeps) std::this_thread::yield();
    auto slot = ring.reserve(kWorker).value();
    if (fails) {
      std::move(slot).fail(Error(ErrorCode::kIo, "no luck"));
    } else {
      commit_block(std::move(slot), 10us);
    }
  });
  const auto block = ring.take();
  worker.join();
  test_point_hook = nullptr;
  REQUIRE(block);
  CHECK(block->ticket() == 2);
  CHECK(block->error().has_value() == fails);
}

TEST_CASE("waiting takes no processor time", "[core][ring]") {
  const auto cpu_time = [] {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_sec * 1'000'000 + usage.ru_stime.tv_usec;
  };
  BlockRing ring(small_ring(2));
  const auto before = cpu_time();
  CHECK_FALSE(ring.take(WaitWord::Clock::now() + 500ms));
  CHECK(cpu_time() - before < 50'000);
}

TEST_CASE("reclaim takes back what the dead had claimed and nothing else", "[core][ring]") {
  BlockRing ring(small_ring(4));
  const WorkerId dead{1, 255};
  const WorkerId successor{1, 0};                                // the incarnation has wrapped
  auto lost = new WriteReservation(ring.reserve(dead).value());  // as a killed process leaves it
  const auto kept = ring.reserve(successor).value();
  CHECK(ring.claimed_by(dead) == 0u);
  CHECK(ring.claimed_by(successor) == 1u);

  CHECK(ring.reclaim(dead) == 1);
  CHECK_FALSE(ring.claimed_by(dead));
  CHECK(ring.claimed_by(successor) == 1u);
  CHECK(ring.reserve(successor)->ticket() == 0);
  delete lost;  // its claim is gone: nothing happens
  CHECK(ring.count(SlotState::kClaimed) == 1);
}

TEST_CASE("a look at the slots tells who fills what, and a block who made it", "[core][ring]") {
  BlockRing ring(small_ring(3));
  const WorkerId other{7, 2};
  commit_next(ring, other);
  const auto filling = ring.reserve(kWorker).value();
  const auto block = ring.take().value();
  CHECK(block.worker() == other);
  CHECK(ring.delivered() == 1);
  std::vector<SlotWord> words;
  ring.for_each_slot([&](const SlotWord& word) { words.push_back(word); });
  CHECK(words == std::vector<SlotWord>{{0, other, SlotState::kHeld},
                                       {1, kWorker, SlotState::kClaimed},
                                       {2, {}, SlotState::kFree}});
}

TEST_CASE("a verdict turns the dead worker's block into an error", "[core][ring]") {
  BlockRing ring(small_ring(2));
  auto lost = new WriteReservation(ring.reserve(kWorker).value());
  CHECK(ring.reclaim(kWorker, [](std::uint64_t ticket) {
    return Error(ErrorCode::kWorkerFailed, "block " + std::to_string(ticket));
  }) == 1);
  CHECK(std::string(ring.take()->error()->what()) == "block 0");
  delete lost;
}

TEST_CASE("impossible rings are refused", "[core][ring]") {
  CHECK_THROWS_AS(BlockRing(small_ring(0)), Error);
  CHECK_THROWS_AS(BlockRing({.slot_count = 1, .block_bytes = 0}), Error);
  CHECK_THROWS_AS(BlockRing({.slot_count = 1000, .block_bytes = ~std::size_t{0} / 8}), Error);
  CHECK_THROWS_WITH(BlockRing({.slot_count = 4, .block_bytes = std::size_t{1} << 50}),
                    contains("bytes are available"));
}

TEST_CASE("memory that is no ring is not attached to", "[core][ring]") {
  const auto memory = SharedMemory::create("not a ring", 4096);
  CHECK_THROWS_WITH(BlockRing::attach(FileDescriptor(::dup(memory.descriptor()))),
                    contains("no ring of this version"));
  const auto tiny = SharedMemory::create("tiny", 16);
  CHECK_THROWS_AS(BlockRing::attach(FileDescriptor(::dup(tiny.descriptor()))), Error);
}

TEST_CASE("every ticket is delivered once, whatever workers and consumers do", "[core][ring]") {
  const bool ordered = GENERATE(false, true);
  const unsigned workers = GENERATE(1u, 4u);
  const unsigned consumers = GENERATE(1u, 4u);
  const std::chrono::microseconds spin(GENERATE(0, 20));
  const std::chrono::microseconds work(GENERATE(0, 50));  // short blocks are waited for together
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed, ordered, workers, consumers, spin.count(), work.count());
  constexpr std::uint64_t kTickets = 3000;

  auto options = small_ring(5, kTickets);
  options.spin = spin;
  BlockRing ring(ordered ? in_order(options) : options);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < workers; ++i) {
    threads.emplace_back([&ring, i, seed, work] {
      std::mt19937_64 random(seed + i);
      while (auto slot = ring.reserve({static_cast<std::uint8_t>(i), 0})) {
        if (random() % 10 == 0) continue;  // abandons
        if (random() % 10 == 0) {
          const Error error(ErrorCode::kIo, std::to_string(slot->ticket()));
          std::move(*slot).fail(error);
        } else {
          commit_block(std::move(*slot), work);
        }
      }
    });
  }
  std::vector<std::vector<std::uint64_t>> taken(consumers);
  std::atomic<unsigned> wrong{0};
  for (unsigned i = 0; i < consumers; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937_64 random(seed + 100 + i);
      std::vector<ReadReservation> held;
      while (auto block = ring.take()) {
        const auto error = block->error();
        const bool right = error ? error->what() == std::to_string(block->ticket())
                                 : holds_block(block->bytes(), block->ticket());
        if (!right) ++wrong;
        taken[i].push_back(block->ticket());
        if (consumers == 1 && random() % 3 == 0) held.push_back(std::move(*block));
        if (held.size() > 3) held.clear();
      }
    });
  }
  for (std::size_t i = workers; i < threads.size(); ++i) threads[i].join();
  ring.stop();
  for (std::size_t i = 0; i < workers; ++i) threads[i].join();

  std::multiset<std::uint64_t> all;
  for (const auto& tickets : taken) all.insert(tickets.begin(), tickets.end());
  CHECK(wrong == 0);
  CHECK(all.size() == kTickets);
  CHECK(std::set<std::uint64_t>(all.begin(), all.end()).size() == kTickets);
  if (ordered) {
    for (const auto& tickets : taken) CHECK(std::is_sorted(tickets.begin(), tickets.end()));
  }
}
