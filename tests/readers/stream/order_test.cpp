#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "tests/readers/stream/stream_fixture.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

TEST_CASE("an ordered stream delivers every full block in dataset order", "[reader][stream]") {
  const StreamFixture data;
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
  const StreamFixture data;
  auto options = data.options();
  options.block_rows = 7;
  auto queue = data.queue(options);
  auto rows = first_rows(queue);
  std::sort(rows.begin(), rows.end());
  CHECK(rows == every(7, 98));
}

TEST_CASE("remainder rows are left out, delivered last, or fetched, as asked", "[reader][stream]") {
  const StreamFixture data;
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
  const StreamFixture data;
  auto options = data.options();
  options.block_rows = 1000;
  auto queue = data.queue(options);
  CHECK_FALSE(queue.take());
  CHECK(queue.remainder().row_count == 100);
}

TEST_CASE("an ordered cyclic stream goes round and wraps", "[reader][stream]") {
  const StreamFixture data;
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
  const StreamFixture data;
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
  const StreamFixture data;
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
  const StreamFixture data;
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
  const StreamFixture data;
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

TEST_CASE("an empty dataset is a stream without blocks", "[reader][stream]") {
  const StreamFixture data({.rows = 0, .columns = 4});
  auto options = data.options();
  options.cyclic = GENERATE(false, true);
  auto queue = data.queue(options);
  CHECK_FALSE(queue.take());
  CHECK(queue.remainder().row_count == 0);
  CHECK(queue.statistics().blocks == 0);
}

TEST_CASE("rows without elements are streamed as rows of no bytes", "[reader][stream]") {
  const StreamFixture data({.rows = 10, .columns = 0});
  auto options = data.options();
  options.block_rows = 5;
  auto queue = data.queue(options);
  CHECK(first_rows(queue).size() == 2);
}

TEST_CASE("a row larger than the usual block makes a block of one row", "[reader][stream]") {
  const StreamFixture data({.rows = 3, .columns = 200'000});
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
  const StreamFixture data;
  auto options = data.options();
  options.workers.reset();
  auto queue = data.queue(options);
  CHECK(queue.workers() >= 1);
  CHECK(queue.workers() <= 8);
  CHECK(queue.read_ahead() == std::max(2 * queue.workers() + 1, 16U));
  options.workers = 9;
  CHECK(Streamer(data.path).queue("/t", options).read_ahead() == 19);
}
