#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/readers/hdf5/ragged_support.h"
#include "tests/readers/stream/process_fixture.h"

using namespace h5flume;
using namespace h5flume::test;
using hdf5::counting_lists;
using hdf5::counting_texts;
using hdf5::Lists;

namespace {

constexpr std::uint64_t kColumns = 3;

// A file of 100 rows of three lists in /lists, three strings in /texts, and a streamer for it.
struct RaggedFixture {
  RaggedFixture() {
    H5::H5File file(path, H5F_ACC_TRUNC);
    H5::DSetCreatPropList creation = hdf5::chunked({8, 2});
    creation.setDeflate(1);
    hdf5::write_lists(file, "lists", {100, kColumns}, lists, H5::PredType::STD_I32BE,
                      H5::PredType::NATIVE_INT32, creation);
    hdf5::write_texts(file, "texts", {100, kColumns}, texts);
  }
  TemporaryFolder folder;
  std::string path = folder.file("ragged.h5");
  Lists<std::int32_t> lists = counting_lists(100 * kColumns);
  hdf5::Texts texts = hdf5::without_nulls(counting_texts(100 * kColumns));
  WorkerKind kind = GENERATE(WorkerKind::kProcesses, WorkerKind::kThreads);

  StreamOptions options() const {
    StreamOptions options;
    options.kind = kind;
    options.workers = 2;
    return options;
  }
  BlockQueue queue(const std::string& dataset, const StreamOptions& options) const {
    return Streamer(path, {.worker_path = H5FLUME_TEST_WORKER_PATH}).queue(dataset, options);
  }

  // What a block should hold, wrapped ones too.
  Lists<std::int32_t> expected(std::uint64_t first_row, std::uint64_t row_count) const {
    Lists<std::int32_t> wanted;
    for (std::uint64_t i = 0; i < row_count * kColumns; ++i) {
      wanted.push_back(lists[(first_row * kColumns + i) % lists.size()]);
    }
    return wanted;
  }
  bool holds(const Block& block) const {
    return hdf5::lists_in(block.lists<std::int32_t>()) ==
           expected(block.first_row(), block.row_count());
  }
};

std::string message_of(const std::function<void()>& code) {
  try {
    code();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("variable-length data streams in any order, and each block is exactly full",
          "[reader][stream][lists]") {
  const RaggedFixture data;
  auto options = data.options();
  options.ordered = GENERATE(false, true);
  options.block_rows = GENERATE(1, 7, 8, 100);
  options.remainder = true;
  auto queue = data.queue("/lists", options);
  CHECK(queue.dataset().type.is_variable_length());
  std::set<std::uint64_t> rows;
  bool right = true;
  while (const auto block = queue.take()) {
    const auto lists = block->lists<std::int32_t>();
    right = right && data.holds(*block) &&
            block->bytes().size() == lists.offsets().size_bytes() + lists.values().size_bytes();
    rows.insert(block->first_row());
  }
  CHECK(right);
  const auto block_rows = static_cast<std::uint64_t>(*options.block_rows);
  CHECK(rows.size() == (100 + block_rows - 1) / block_rows);
}

TEST_CASE("a wrapped block is one run of offsets over all its rows", "[reader][stream][lists]") {
  const RaggedFixture data;
  auto options = data.options();
  options.ordered = GENERATE(false, true);
  options.cyclic = true;
  options.block_rows = GENERATE(7, 64, 250);  // the last wraps more than once
  auto queue = data.queue("/lists", options);
  for (int i = 0; i < 30; ++i) {
    const auto block = queue.take().value();
    CHECK(data.holds(block));
    CHECK(block.lists<std::int32_t>().offsets().front() == 0);
  }
}

TEST_CASE("strings are shown in place", "[reader][stream][lists]") {
  const RaggedFixture data;
  auto options = data.options();
  options.ordered = true;
  options.block_rows = 50;
  auto queue = data.queue("/texts", options);
  const auto block = queue.take().value();
  const auto strings = block.strings();
  REQUIRE(strings.size() == 50 * kColumns);
  for (std::size_t i = 0; i < strings.size(); ++i) CHECK(strings[i] == data.texts[i]);
  CHECK(strings[4].empty());  // a null pointer in the file
  CHECK(static_cast<const void*>(strings.offsets().data()) == block.bytes().data());
  CHECK(block.lists<std::byte>()[9].size() == data.texts[9]->size());
}

TEST_CASE("a view that does not fit variable-length data says which does",
          "[reader][stream][lists]") {
  const RaggedFixture data;
  auto text_queue = data.queue("/texts", data.options());
  auto list_queue = data.queue("/lists", data.options());
  const auto texts = text_queue.take().value();
  const auto lists = list_queue.take().value();
  const auto says = [](const auto& code, const std::string& words) {
    CHECK_THAT(message_of(code), contains(words));
  };
  says([&] { texts.view<std::uint8_t>(); }, "view a block of string as an array");
  says([&] { texts.view<std::byte>(); }, "use strings()");
  says([&] { lists.view<std::int32_t>(); }, "use lists<T>()");
  says([&] { lists.strings(); }, "view a block of list of int32 as strings");
  says([&] { lists.lists<float>(); }, "view a block of list of int32 as lists of float32");
  says([&] { texts.lists<std::uint8_t>(); }, "view a block of string as lists of uint8");
}

TEST_CASE("a view of variable-length data expires with its block", "[reader][stream][lists]") {
  const RaggedFixture data;
  auto queue = data.queue("/texts", data.options());
  auto block = queue.take().value();
  const auto strings = block.strings();
  CHECK_NOTHROW(strings[0]);
  block.release();
  CHECK_THROWS_WITH(strings[0], contains("reservation has been released"));
  CHECK_THROWS_AS(strings.values(), Error);
  CHECK_THROWS_AS(block.strings(), Error);
}

TEST_CASE("remainder rows of variable length are a copy of their own", "[reader][stream][lists]") {
  const RaggedFixture data;
  auto options = data.options();
  options.block_rows = 30;
  auto queue = data.queue("/lists", options);
  const RowsCopy rest = queue.remainder();
  CHECK(rest.first_row == 90);
  CHECK(hdf5::lists_in(rest.lists<std::int32_t>()) == data.expected(90, 10));
  options.block_rows = 50;
  CHECK(data.queue("/texts", options).remainder().strings().size() == 0);
}

TEST_CASE("rows of variable length come one by one", "[reader][stream][lists]") {
  const RaggedFixture data;
  auto options = data.options();
  options.block_rows = 7;
  std::uint64_t next = 0;
  const Streamer streamer(data.path);
  for (const Row& row : streamer.rows("/lists", options)) {
    REQUIRE(row.index() == next++);
    REQUIRE(hdf5::lists_in(row.lists<std::int32_t>()) == data.expected(row.index(), 1));
    CHECK_THROWS_AS(row.as<std::int32_t>(), Error);
  }
  CHECK(next == 100);
  next = 0;
  for (const Row& row : streamer.rows("/texts", options)) {
    REQUIRE(row.strings()[1] == data.texts[next++ * kColumns + 1]);
  }
}

TEST_CASE("a block beyond the capacity is an error that says what to change",
          "[reader][stream][lists]") {
  const RaggedFixture data;
  auto options = data.options();
  options.ordered = true;
  options.block_rows = 10;
  options.block_capacity_bytes = 31 * 8 + 600;
  auto queue = data.queue("/lists", options);
  int errors = 0;
  int blocks = 0;
  while (!queue.finished()) {
    try {
      if (const auto block = queue.take()) blocks += data.holds(*block);
    } catch (const Error& error) {
      ++errors;
      CHECK(error.code() == ErrorCode::kResourceLimit);
      CHECK_THAT(error.what(), contains("'/lists' rows ") && contains("need ") &&
                                   contains("block_capacity_bytes is 848") &&
                                   contains("block_rows"));
    }
  }
  CHECK(errors > 0);
  CHECK(blocks > 0);
  CHECK(errors + blocks == 10);
}

TEST_CASE("a capacity without room for the offsets is refused at once", "[reader][stream][lists]") {
  const RaggedFixture data;
  auto options = data.options();
  options.block_rows = 10;
  options.block_capacity_bytes = 31 * 8 - 1;
  CHECK_THROWS_WITH(data.queue("/lists", options), contains("block_capacity_bytes, which is 247"));
  options.block_capacity_bytes = 0;
  CHECK_THROWS_WITH(data.queue("/lists", options), contains("block_capacity_bytes is 0"));
  options.block_capacity_bytes.reset();
  options.cyclic = true;
  options.block_rows = std::int64_t{1} << 62;
  CHECK_THROWS_AS(data.queue("/lists", options), Error);
}

TEST_CASE("a generous capacity takes no memory that is not used", "[reader][stream][lists]") {
  const RaggedFixture data;
  auto options = data.options();
  options.read_ahead = 8;
  options.block_capacity_bytes = std::size_t{1} << 36;  // of each slot
  auto queue = data.queue("/lists", options);
  CHECK(data.holds(queue.take().value()));
}

TEST_CASE("default blocks of variable-length data shrink where elements may be large",
          "[reader][stream][lists]") {
  hdf5::DatasetInfo info;
  info.shape = {1'000'000, 2};
  info.type.kind = ElementKind::kText;
  info.mean_value_bytes_at_most = 20;
  CHECK(default_block_rows(info) == 1024);
  info.chunk = {100, 2};
  CHECK(default_block_rows(info) == 1000);
  info.chunk = {50'000, 2};
  CHECK(default_block_rows(info) == 1024);
  info.mean_value_bytes_at_most = 1 << 20;
  CHECK(default_block_rows(info) == 2);
  info.mean_value_bytes_at_most = 1 << 30;
  CHECK(default_block_rows(info) == 1);
}

TEST_CASE("an empty dataset of variable length is a stream of nothing", "[reader][stream][lists]") {
  const RaggedFixture data;
  {
    H5::H5File file(data.path, H5F_ACC_RDWR);
    file.createDataSet("none", hdf5::text_type(), hdf5::space_of({0, 4}));
    file.createDataSet("hollow", hdf5::text_type(), hdf5::space_of({5, 0}));
  }
  CHECK_FALSE(data.queue("/none", data.options()).take());
  const auto block = data.queue("/hollow", data.options()).take().value();
  CHECK(block.row_count() == 5);
  CHECK(block.strings().size() == 0);
}

TEST_CASE("a worker killed over a block of variable length loses and doubles nothing",
          "[reader][stream][lists][kill]") {
  RaggedFixture data;
  data.kind = WorkerKind::kProcesses;
  auto options = data.options();
  options.block_rows = 10;
  options.ordered = GENERATE(false, true);
  const std::string point = GENERATE("block.reading", "ring.filled");
  const Accident accident(point + " 4 die " + data.folder.file("once"));
  auto queue = data.queue("/lists", options);
  std::multiset<std::uint64_t> rows;
  bool right = true;
  while (const auto block = queue.take()) {
    right = right && data.holds(*block);
    rows.insert(block->first_row());
  }
  CHECK(right);
  CHECK(rows == std::multiset<std::uint64_t>{0, 10, 20, 30, 40, 50, 60, 70, 80, 90});
  CHECK(queue.statistics().worker_restarts == 1);
}

TEST_CASE("random lengths come back, whatever the blocks", "[reader][stream][lists]") {
  const TemporaryFolder folder;
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Lists<double> lists;
  for (int i = 0; i < 3'000; ++i) {
    const std::size_t length = random() % 4 == 0 ? 0 : random() % (i % 100 == 7 ? 20'000 : 30);
    lists.push_back(hdf5::counting<double>(length, i));
  }
  {
    H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
    hdf5::write_lists(file, "x", {3'000}, lists, H5::PredType::IEEE_F64BE,
                      H5::PredType::NATIVE_DOUBLE, hdf5::chunked({1 + random() % 500}));
  }
  StreamOptions options;
  options.remainder = true;
  if (random() % 4 != 0) options.block_rows = static_cast<std::int64_t>(1 + random() % 700);
  auto queue = Streamer(folder.file("a.h5")).queue("/x", options);
  std::uint64_t rows = 0;
  bool right = true;
  while (const auto block = queue.take()) {
    rows += block->row_count();
    right = right && hdf5::lists_in(block->lists<double>()) ==
                         hdf5::slice(lists, block->first_row(), block->row_count());
  }
  CHECK(right);
  CHECK(rows == 3'000);
}
