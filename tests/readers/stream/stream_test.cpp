#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "h5flume.h"
#include "tests/support/catch.h"
#include "tests/support/sample_data.h"
#include "tests/support/temporary_folder.h"

// The contract of a stream: every case runs over worker processes and over threads.

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

// A file of one dataset "/t", and a streamer for it.
struct Fixture {
  explicit Fixture(const TableShape& shape = {.rows = 100, .columns = 4, .chunk_rows = 8}) {
    write_table(path, "/t", shape);
  }
  TemporaryFolder folder;
  std::string path = folder.file("t.h5");
  WorkerKind kind = GENERATE(WorkerKind::kProcesses, WorkerKind::kThreads);

  StreamOptions options() const {
    StreamOptions options;
    options.kind = kind;
    options.workers = 2;
    return options;
  }
  BlockQueue queue(const StreamOptions& options) const {
    return Streamer(path).queue("/t", options);
  }
};

// First rows of all blocks that come, in the order they come; checks what they hold.
std::vector<std::uint64_t> first_rows(BlockQueue& queue, std::size_t limit = ~std::size_t{0}) {
  std::vector<std::uint64_t> rows;
  bool all_right = true;
  while (rows.size() < limit) {
    const auto block = queue.take();
    if (!block) break;
    all_right = all_right && holds_rows(*block);
    rows.push_back(block->first_row());
  }
  CHECK(all_right);
  return rows;
}

std::vector<std::uint64_t> every(std::uint64_t step, std::uint64_t end) {
  std::vector<std::uint64_t> rows;
  for (std::uint64_t row = 0; row < end; row += step) rows.push_back(row);
  return rows;
}

}  // namespace

TEST_CASE("an ordered stream delivers every full block in dataset order", "[reader][stream]") {
  const Fixture data;
  auto options = data.options();
  options.ordered = true;
  options.block_rows = GENERATE(1, 7, 8, 16, 50, 100);
  CAPTURE(*options.block_rows);
  auto queue = data.queue(options);
  const auto rows = static_cast<std::uint64_t>(*options.block_rows);
  CHECK(first_rows(queue) == every(rows, 100 / rows * rows));
  CHECK(queue.block_count() == 100 / rows);
  CHECK_FALSE(queue.take());
  CHECK_FALSE(queue.take());
}

TEST_CASE("an unordered stream delivers the same blocks in any order", "[reader][stream]") {
  const Fixture data;
  auto options = data.options();
  options.block_rows = 7;
  auto queue = data.queue(options);
  auto rows = first_rows(queue);
  std::sort(rows.begin(), rows.end());
  CHECK(rows == every(7, 98));
}

TEST_CASE("remainder rows are left out, delivered last, or fetched, as asked", "[reader][stream]") {
  const Fixture data;
  auto options = data.options();
  options.ordered = true;
  options.block_rows = 30;
  auto without = data.queue(options);
  CHECK(first_rows(without) == every(30, 90));
  const RowsCopy rest = without.remainder();
  CHECK(rest.first_row == 90);
  CHECK(rest.row_count == 10);
  REQUIRE(rest.bytes.size() == 10 * 4 * sizeof(std::uint32_t));
  std::uint32_t last = 0;
  std::memcpy(&last, rest.bytes.data() + rest.bytes.size() - sizeof last, sizeof last);
  CHECK(last == value_at(99, 3));

  options.remainder = true;
  auto with = data.queue(options);
  CHECK(with.block_count() == 4u);
  CHECK(first_rows(with) == every(30, 100));

  options.block_rows = 25;
  CHECK(data.queue(options).remainder().row_count == 0);
}

TEST_CASE("a dataset shorter than a block is all remainder", "[reader][stream]") {
  const Fixture data;
  auto options = data.options();
  options.block_rows = 1000;
  auto queue = data.queue(options);
  CHECK_FALSE(queue.take());
  CHECK(queue.remainder().row_count == 100);
}

TEST_CASE("an ordered cyclic stream goes round and wraps", "[reader][stream]") {
  const Fixture data;
  auto options = data.options();
  options.ordered = true;
  options.cyclic = true;
  options.block_rows = GENERATE(20, 30, 250);  // divides, does not divide, longer than the dataset
  CAPTURE(*options.block_rows);
  auto queue = data.queue(options);
  CHECK_FALSE(queue.block_count());
  const auto rows = static_cast<std::uint64_t>(*options.block_rows);
  for (std::uint64_t i = 0; i < 40; ++i) {
    const auto block = queue.take().value();
    CHECK(block.first_row() == i * rows % 100);
    CHECK(block.epoch() == i * rows / 100);
    CHECK(block.row_count() == rows);
    CHECK(holds_rows(block));
  }
}

TEST_CASE("passes of an unordered cyclic stream do not mix", "[reader][stream]") {
  const Fixture data;
  auto options = data.options();
  options.cyclic = true;
  options.workers = 3;
  options.block_rows = GENERATE(5, 30);
  auto queue = data.queue(options);
  std::uint64_t epoch = 0;
  std::map<std::uint64_t, std::set<std::uint64_t>> by_epoch;
  for (int i = 0; i < 300; ++i) {
    const auto block = queue.take().value();
    CHECK(block.epoch() >= epoch);
    epoch = block.epoch();
    CHECK(by_epoch[epoch].insert(block.first_row()).second);
    CHECK(holds_rows(block));
  }
}

TEST_CASE("passes mix where an option allows it, and still nothing is lost", "[reader][stream]") {
  const Fixture data;
  auto options = data.options();
  options.cyclic = true;
  options.mix_passes = true;
  options.block_rows = 50;
  options.read_ahead = 6;
  auto queue = data.queue(options);
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  for (int i = 0; i < 60; ++i) {
    const auto block = queue.take().value();
    CHECK(seen.emplace(block.epoch(), block.first_row()).second);
  }
}

TEST_CASE("rows come one by one, in order, with the remainder", "[reader][stream]") {
  const Fixture data;
  auto options = data.options();
  options.block_rows = 30;
  auto rows = Streamer(data.path).rows("/t", options);
  std::uint64_t index = 0;
  std::vector<Row> kept;
  for (const Row& row : rows) {
    CHECK(row.index() == index);
    CHECK(row.as<std::uint32_t>()[3] == value_at(index, 3));
    kept.push_back(row);
    ++index;
  }
  CHECK(index == 100);
  CHECK(kept.front().as<std::uint32_t>()[0] == value_at(0, 0));  // copies may be kept
}

TEST_CASE("rows of a cyclic stream have no end", "[reader][stream]") {
  const Fixture data;
  auto options = data.options();
  options.cyclic = true;
  options.block_rows = 30;
  auto rows = Streamer(data.path).rows("/t", options);
  for (std::uint64_t i = 0; i < 350; ++i) {
    const Row row = rows.next().value();
    CHECK(row.index() == i % 100);
    CHECK(row.as<std::uint32_t>()[1] == value_at(i % 100, 1));
  }
}

TEST_CASE("sixteen consumers share one queue and get every block once", "[reader][stream]") {
  const Fixture data({.rows = 1000, .columns = 4});
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
  const Fixture data;
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
  const Fixture data;
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
  const Fixture data;
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
  const Fixture data;
  std::optional<Block> kept;
  {
    auto queue = data.queue(data.options());
    kept = queue.take();
  }
  CHECK(holds_rows(*kept));
}

TEST_CASE("a view shows shape, strides and elements without a copy", "[reader][stream]") {
  const Fixture data;
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
  const Fixture data;
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

TEST_CASE("options that make no sense are refused by name", "[reader][stream]") {
  const Fixture data;
  auto options = data.options();
  SECTION("block_rows") {
    options.block_rows = GENERATE(0, -5);
    CHECK_THROWS_WITH(data.queue(options), contains("block_rows"));
  }
  SECTION("workers") {
    options.workers = GENERATE(0u, 256u);
    CHECK_THROWS_WITH(data.queue(options), contains("workers"));
  }
  SECTION("read_ahead") {
    options.read_ahead = 0;
    CHECK_THROWS_WITH(data.queue(options), contains("read_ahead"));
  }
  SECTION("a block larger than the address space") {
    options.block_rows = std::int64_t{1} << 62;
    CHECK_THROWS_WITH(data.queue(options), contains("address space"));
  }
  SECTION("a ring larger than the memory") {
    options.block_rows = std::int64_t{1} << 42;
    CHECK_THROWS_WITH(data.queue(options), contains("bytes are available"));
  }
}

TEST_CASE("a block that cannot be read is an error that names it, and the stream goes on",
          "[reader][stream]") {
  Fixture data;
  data.path = data.folder.file("corrupt.h5");
  write_corrupt_table(data.path, "/t", {.rows = 100, .columns = 4, .chunk_rows = 10}, 3);
  auto options = data.options();
  options.ordered = GENERATE(false, true);
  options.block_rows = 10;

  SECTION("raised") {
    auto queue = data.queue(options);
    std::set<std::uint64_t> rows;
    int errors = 0;
    for (bool more = true; more;) {
      try {
        const auto block = queue.take();
        more = block.has_value();
        if (block) rows.insert(block->first_row());
      } catch (const Error& error) {
        ++errors;
        more = !queue.finished();
        CHECK_THAT(error.what(), contains("'/t' rows 30-39 of " + data.path));
      }
    }
    CHECK(errors == 1);
    CHECK(rows.size() == 9);
  }
  SECTION("skipped and reported") {
    options.on_error = OnError::kSkip;
    auto queue = data.queue(options);
    CHECK(first_rows(queue).size() == 9);
    CHECK(queue.statistics().skipped_blocks == 1);
    REQUIRE(queue.skipped().size() == 1);
    CHECK_THAT(queue.skipped()[0].what(), contains("rows 30-39"));
  }
}

TEST_CASE("an empty dataset is a stream without blocks", "[reader][stream]") {
  const Fixture data({.rows = 0, .columns = 4});
  auto options = data.options();
  options.cyclic = GENERATE(false, true);
  auto queue = data.queue(options);
  CHECK_FALSE(queue.take());
  CHECK(queue.remainder().row_count == 0);
  CHECK(queue.statistics().blocks == 0);
}

TEST_CASE("rows without elements are streamed as rows of no bytes", "[reader][stream]") {
  const Fixture data({.rows = 10, .columns = 0});
  auto options = data.options();
  options.block_rows = 5;
  auto queue = data.queue(options);
  CHECK(first_rows(queue).size() == 2);
}

TEST_CASE("a row larger than the usual block makes a block of one row", "[reader][stream]") {
  const Fixture data({.rows = 3, .columns = 200'000});
  auto options = data.options();
  options.ordered = true;
  auto queue = data.queue(options);
  CHECK(queue.block_rows() == 1);
  CHECK(first_rows(queue) == every(1, 3));
}

TEST_CASE("blocks default to whole chunks of about 128 KiB", "[reader][stream]") {
  hdf5::DatasetInfo dataset;
  dataset.type = element_type_of<float>();
  dataset.shape = {10'000'000, 64};  // rows of 256 bytes, 512 of them in 128 KiB
  CHECK(default_block_rows(dataset) == 512);
  dataset.chunk = {100, 64};
  CHECK(default_block_rows(dataset) == 500);
  dataset.chunk = {1000, 64};
  CHECK(default_block_rows(dataset) == 1000);
  dataset.chunk = {1'000'000, 1};
  CHECK(default_block_rows(dataset) == 64 * 1024 * 1024 / 256);
  dataset.shape = {50, 64};
  CHECK(default_block_rows(dataset) == 50);
}

TEST_CASE("the number of workers and slots follows the cores", "[reader][stream]") {
  const Fixture data;
  auto options = data.options();
  options.workers.reset();
  auto queue = data.queue(options);
  CHECK(queue.workers() >= 1);
  CHECK(queue.workers() <= 8);
  CHECK(queue.read_ahead() == 2 * queue.workers() + 1);
}

TEST_CASE("statistics count what was delivered", "[reader][stream]") {
  const Fixture data;
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
  const Fixture data;
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

TEST_CASE("what cannot be streamed is refused with the reason", "[reader][stream]") {
  const Fixture data;
  const Streamer streamer(data.path);
  CHECK_THROWS_WITH(streamer.queue("/nothing", data.options()), contains("/nothing"));
  CHECK_THROWS_WITH(streamer.queue("/", data.options()), contains("group"));
  CHECK_THROWS_WITH(Streamer(data.folder.file("no.h5")), contains("No such file"));
  CHECK_THROWS_WITH(Streamer(data.folder.path().string()), contains("Is a directory"));
}

TEST_CASE("a file that changes while it is streamed is an error, never wrong rows",
          "[reader][stream]") {
  const Fixture data({.rows = 4000, .columns = 16});
  auto options = data.options();
  options.block_rows = 10;
  options.ordered = true;
  auto queue = data.queue(options);
  const auto first = queue.take().value();

  bool must_fail = true;
  SECTION("truncated") { std::filesystem::resize_file(data.path, 3000); }
  SECTION("written over") {
    std::filesystem::resize_file(data.path, std::filesystem::file_size(data.path) + 1);
  }
  SECTION("removed, which leaves it to those who have it open") {
    std::filesystem::remove(data.path);
    must_fail = false;
  }
  SECTION("replaced by another") {
    const std::string other = data.folder.file("other.h5");
    write_table(other, "/t", {.rows = 4000, .columns = 16});
    std::filesystem::rename(other, data.path);
    must_fail = false;
  }
  int failures = 0;
  bool all_right = true;
  for (bool more = true; more;) {
    try {
      const auto block = queue.take();
      more = block.has_value();
      if (block) all_right = all_right && holds_rows(*block);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kSourceChanged);
      ++failures;
      more = !queue.finished();
    }
  }
  CHECK(all_right);
  if (must_fail) CHECK(failures > 0);
}
