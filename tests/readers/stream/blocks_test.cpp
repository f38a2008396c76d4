#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>

#include "tests/readers/stream/stream_fixture.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

TEST_CASE("sixteen consumers share one queue and get every block once", "[reader][stream]") {
  const StreamFixture data({.rows = 1000, .columns = 4});
  auto options = data.options();
  options.block_rows = 3;
  options.ordered = GENERATE(false, true);
  auto queue = data.queue(options);
  std::mutex mutex;
  std::multiset<std::uint64_t> rows;
  std::atomic<int> wrong{0};
  std::vector<std::thread> consumers;
  for (int i = 0; i < 16; ++i) {
    consumers.emplace_back([&] {
      while (auto block = queue.take()) {
        if (!holds_rows(*block)) ++wrong;
        const std::lock_guard lock(mutex);
        rows.insert(block->first_row());
      }
    });
  }
  for (auto& consumer : consumers) consumer.join();
  CHECK(wrong == 0);
  const auto expected = every(3, 999);
  CHECK(rows == std::multiset<std::uint64_t>(expected.begin(), expected.end()));
}

TEST_CASE("workers wait when all slots are held, and go on when one is released",
          "[reader][stream]") {
  const StreamFixture data;
  auto options = data.options();
  options.block_rows = 5;
  options.read_ahead = 3;
  auto queue = data.queue(options);
  std::vector<Block> held;
  for (int i = 0; i < 3; ++i) held.push_back(queue.take().value());
  CHECK_THROWS_WITH(queue.take_for(30ms), contains("none was ready in time"));
  for (const Block& block : held) CHECK(holds_rows(block));
  held.pop_back();
  CHECK(holds_rows(queue.take().value()));
}

TEST_CASE("a consumer that throws while it holds a block gives the slot back", "[reader][stream]") {
  const StreamFixture data;
  auto options = data.options();
  options.block_rows = 10;
  options.read_ahead = 1;
  auto queue = data.queue(options);
  int thrown = 0;
  for (int i = 0; i < 10; ++i) {
    try {
      const auto block = queue.take();
      throw std::runtime_error("a failing training step");
    } catch (const std::runtime_error&) {
      ++thrown;
    }
  }
  CHECK(thrown == 10);
  CHECK_FALSE(queue.take());
}

TEST_CASE("close ends the stream at any moment", "[reader][stream]") {
  const StreamFixture data;
  auto options = data.options();
  options.block_rows = 5;
  options.read_ahead = 2;
  auto queue = data.queue(options);

  SECTION("before the first block") {}
  SECTION("with a block held, which stays readable") {
    const auto held = queue.take();
    queue.close();
    CHECK(holds_rows(*held));
  }
  SECTION("while other threads wait for a block") {
    std::vector<Block> held;
    for (int i = 0; i < 2; ++i) held.push_back(queue.take().value());
    std::vector<std::thread> waiting;
    std::atomic<int> ended{0};
    for (int i = 0; i < 3; ++i) {
      waiting.emplace_back([&] { ended += !queue.take().has_value(); });
    }
    queue.close();
    for (auto& thread : waiting) thread.join();
    CHECK(ended == 3);
  }
  queue.close();
  queue.close();
  CHECK_FALSE(queue.take());
  CHECK(queue.worker_pids().empty());
}

TEST_CASE("a block outlives its queue", "[reader][stream]") {
  const StreamFixture data;
  std::optional<Block> kept;
  {
    auto queue = data.queue(data.options());
    kept = queue.take();
  }
  CHECK(holds_rows(*kept));
}

TEST_CASE("a view shows shape, strides and elements without a copy", "[reader][stream]") {
  const StreamFixture data;
  auto options = data.options();
  options.block_rows = 10;
  options.ordered = true;
  auto queue = data.queue(options);
  const auto block = queue.take().value();
  const auto view = block.view<std::uint32_t>();
  CHECK(view.shape() == std::vector<std::uint64_t>{10, 4});
  CHECK(view.strides() == std::vector<std::ptrdiff_t>{16, 4});
  CHECK(view.size() == 40);
  CHECK(view(9, 3) == value_at(9, 3));
  CHECK(view.row(4)[2] == value_at(4, 2));
  CHECK(static_cast<const void*>(view.data()) == block.bytes().data());
  CHECK(block.view<std::byte>().shape() == std::vector<std::uint64_t>{10, 4, 4});
  CHECK_THROWS_WITH(block.view<float>(), contains("view a block of uint32 as float32"));
  CHECK_THROWS_AS(block.view<std::uint64_t>(), Error);
  CHECK_THROWS_AS(view.row(10), Error);
}

TEST_CASE("a view that outlives its reservation is refused, never wrong", "[reader][stream]") {
  const StreamFixture data;
  auto queue = data.queue(data.options());
  auto block = queue.take().value();
  const auto view = block.view<std::uint32_t>();
  const int way = GENERATE(0, 1, 2);
  std::optional<Block> moved;
  if (way == 0) block.release();
  if (way == 1) block = Block();
  if (way == 2) {
    moved = std::move(block);
    CHECK_NOTHROW(view.data());  // the reservation goes on
    moved.reset();
  }
  CHECK_THROWS_WITH(view.data(), contains("reservation has been released"));
  CHECK_THROWS_AS(view.row(0), Error);
  CHECK_THROWS_AS(view.span(), Error);
  CHECK_THROWS_AS(block.bytes(), Error);
}

TEST_CASE("statistics count what was delivered", "[reader][stream]") {
  const StreamFixture data;
  auto options = data.options();
  options.block_rows = 30;
  options.remainder = true;
  auto queue = data.queue(options);
  first_rows(queue);
  const auto statistics = queue.statistics();
  CHECK(statistics.blocks == 4);
  CHECK(statistics.rows == 100);
  CHECK(statistics.bytes == 100 * 4 * sizeof(std::uint32_t));
  CHECK(statistics.read_seconds > 0);
  CHECK(statistics.wait_seconds > 0);
  CHECK(statistics.worker_restarts == 0);
}

TEST_CASE("queues of one streamer do not know each other", "[reader][stream]") {
  const StreamFixture data;
  write_table(data.path, "/other", {.rows = 50, .columns = 2});
  const Streamer streamer(data.path);
  auto options = data.options();
  options.ordered = true;
  options.block_rows = 10;
  auto one = streamer.queue("/t", options);
  auto two = streamer.queue("/t", options);
  auto other = streamer.queue("/other", options);
  for (std::uint64_t row = 0; row < 50; row += 10) {
    CHECK(one.take()->first_row() == row);
    CHECK(two.take()->first_row() == row);
    CHECK(holds_rows(other.take().value()));
  }
  two.close();
  CHECK(first_rows(one).size() == 5);
}
