#include <H5Cpp.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "readers/random/reader.h"
#include "tests/readers/stream/stream_fixture.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

using Rows = std::vector<std::uint64_t>;

struct Hit {
  std::int32_t pos;
  std::uint8_t layer;
  char name[11];  // so that there is no padding, whose bytes nobody knows
  double energy;
  std::int64_t id;
  bool operator==(const Hit& other) const { return std::memcmp(this, &other, sizeof *this) == 0; }
};
static_assert(sizeof(Hit) == 32);

Hit hit(std::uint64_t row) {
  Hit made{};
  made.pos = static_cast<std::int32_t>(row % 10);
  made.layer = static_cast<std::uint8_t>(row % 4);
  const std::string name = "n" + std::to_string(row % 3);
  std::copy(name.begin(), name.end(), made.name);
  made.energy = static_cast<double>(row) / 2;
  made.id = static_cast<std::int64_t>(row);
  return made;
}

H5::CompType hit_type() {
  H5::CompType type(sizeof(Hit));
  type.insertMember("pos", offsetof(Hit, pos), H5::PredType::NATIVE_INT32);
  type.insertMember("layer", offsetof(Hit, layer), H5::PredType::NATIVE_UINT8);
  type.insertMember("name", offsetof(Hit, name), H5::StrType(H5::PredType::C_S1, 11));
  type.insertMember("energy", offsetof(Hit, energy), H5::PredType::NATIVE_DOUBLE);
  type.insertMember("id", offsetof(Hit, id), H5::PredType::NATIVE_INT64);
  return type;
}

void write_hits(const std::string& path, std::uint64_t rows) {
  std::vector<Hit> hits;
  for (std::uint64_t row = 0; row < rows; ++row) hits.push_back(hit(row));
  H5::DSetCreatPropList properties;
  const hsize_t chunk_rows = std::min<hsize_t>(64, rows);
  properties.setChunk(1, &chunk_rows);
  properties.setDeflate(4);
  const hsize_t dims[] = {rows};
  H5::H5File file(path, H5F_ACC_TRUNC);
  file.createDataSet("/hits", hit_type(), H5::DataSpace(1, dims), properties)
      .write(hits.data(), hit_type());
}

// Which rows of `count` the model finds.
template <class Holds>
Rows rows_where(std::uint64_t count, Holds holds) {
  Rows rows;
  for (std::uint64_t row = 0; row < count; ++row) {
    if (holds(hit(row))) rows.push_back(row);
  }
  return rows;
}

struct HitsFixture {
  explicit HitsFixture(std::uint64_t rows = 1000) { write_hits(path, rows); }

  TemporaryFolder folder;
  std::string path = folder.file("hits.h5");
  WorkerKind kind = GENERATE(WorkerKind::kProcesses, WorkerKind::kThreads);
  bool direct = GENERATE(true, false);

  StreamOptions where(const std::string& condition, std::int64_t block_rows = 30) const {
    StreamOptions options;
    options.kind = kind;
    options.direct = direct;
    options.workers = 3;
    options.block_rows = block_rows;
    options.remainder = true;
    options.where = condition;
    return options;
  }
  BlockQueue queue(const StreamOptions& options) const {
    return Streamer(path).queue("/hits", options);
  }
  std::string refusal(const StreamOptions& options, const std::string& dataset = "/hits") const {
    try {
      Streamer(path).queue(dataset, options);
    } catch (const Error& error) {
      return std::string(to_string(error.code())) + ": " + error.what();
    }
    return "no error";
  }
};

// The numbers of the rows of a block, if it holds what those rows should.
void append_rows(const Block& block, Rows& rows) {
  const auto hits = block.view<Hit>();
  REQUIRE(block.row_count() > 0);
  REQUIRE(hits.shape() == Rows{block.row_count()});
  bool all_right = true;
  for (std::uint64_t i = 0; i < block.row_count(); ++i) {
    rows.push_back(block.row_number(i));
    all_right = all_right && hits(i) == hit(rows.back());
  }
  REQUIRE(all_right);
}

Rows delivered_rows(BlockQueue& queue) {
  Rows rows;
  for (const Block& block : queue) append_rows(block, rows);
  return rows;
}

Rows sorted(Rows rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

TEST_CASE("a stream with a condition delivers every row that it holds for once",
          "[reader][stream][condition]") {
  const HitsFixture data;
  auto options = data.where("(pos > 3) & (layer == 1)", GENERATE(1, 7, 64, 5000));
  options.ordered = GENERATE(false, true);
  auto queue = data.queue(options);
  const Rows rows = delivered_rows(queue);
  const Rows expected = rows_where(1000, [](const Hit& h) { return h.pos > 3 && h.layer == 1; });
  CHECK(sorted(rows) == expected);
  if (options.ordered) CHECK(rows == expected);
  CHECK(queue.statistics().rows == expected.size());
  CHECK(queue.statistics().bytes == expected.size() * sizeof(Hit));
  CHECK(queue.finished());
}

TEST_CASE("blocks of which a condition leaves nothing are passed over",
          "[reader][stream][condition]") {
  const HitsFixture data;
  auto options = data.where("(id >= 500) & (id < 503) | (name == 'n0') & (energy > 499)", 10);
  options.ordered = true;
  auto queue = data.queue(options);
  Rows rows;
  const auto block = queue.take_for(10s).value();
  CHECK(block.first_row() == 500);
  append_rows(block, rows);
  CHECK(rows == Rows{500, 501, 502});
  CHECK_THROWS_WITH(block.row_number(3), contains("row 3 of a block of 3 rows"));
  CHECK(delivered_rows(queue) == Rows{999});
  CHECK(queue.statistics().blocks == 2);
  CHECK(queue.block_count() == 100);

  auto nothing = data.queue(data.where("id < 0"));
  CHECK_FALSE(nothing.take());
  CHECK_FALSE(nothing.take());
  CHECK(nothing.statistics().rows == 0);
}

TEST_CASE("a condition reads other fields than those that are delivered",
          "[reader][stream][condition]") {
  const HitsFixture data;
  auto options = data.where("(pos == 3) & (layer == 1)");
  const Rows expected = rows_where(1000, [](const Hit& h) { return h.pos == 3 && h.layer == 1; });
  options.ordered = true;
  options.fields = {"id"};
  Rows ids;
  auto single = data.queue(options);
  for (const Block& block : single) {
    const auto view = block.view<std::int64_t>();
    ids.insert(ids.end(), view.span().begin(), view.span().end());
  }
  CHECK(ids == expected);

  options.fields = {"id", "layer", "energy"};
  auto several = data.queue(options);
  CHECK(to_string(several.dataset().type) == "{id: int64, layer: uint8, energy: float64}");
  CHECK(several.dataset().type.size == 17);
  Rows found;
  for (const Block& block : several) {
    const auto bytes = block.view<std::byte>();
    for (std::uint64_t i = 0; i < block.row_count(); ++i) {
      const Hit wanted = hit(block.row_number(i));
      std::byte row[17];
      std::memcpy(row, &wanted.id, 8);
      std::memcpy(row + 8, &wanted.layer, 1);
      std::memcpy(row + 9, &wanted.energy, 8);
      CHECK(std::equal(row, row + 17, bytes.row(i).begin()));
      found.push_back(block.row_number(i));
    }
  }
  CHECK(found == expected);
}

TEST_CASE("rows that do not fill a block are filtered too", "[reader][stream][condition]") {
  const HitsFixture data;
  auto options = data.where("(pos == 7) | (pos == 2)", 95);  // 50 remain
  options.remainder = false;
  auto queue = data.queue(options);
  const auto remainder = queue.remainder();
  CHECK(remainder.row_numbers == Rows{952, 957, 962, 967, 972, 977, 982, 987, 992, 997});
  CHECK(remainder.row_count == 10);
  REQUIRE(remainder.bytes.size() == 10 * sizeof(Hit));
  Hit last;
  std::memcpy(&last, &remainder.bytes[9 * sizeof(Hit)], sizeof last);
  CHECK(last == hit(997));
  CHECK(delivered_rows(queue).size() == 190);

  options.where = "id < 900";
  CHECK(data.queue(options).remainder().row_count == 0);
  CHECK(data.queue(options).remainder().bytes.empty());
}

TEST_CASE("a cyclic stream with a condition goes on in passes", "[reader][stream][condition]") {
  const HitsFixture data(101);
  auto options = data.where("pos == 3", 7);  // which wraps
  options.cyclic = true;
  options.ordered = GENERATE(false, true);
  auto queue = data.queue(options);
  const Rows pass = rows_where(101, [](const Hit& h) { return h.pos == 3; });
  Rows rows;
  while (rows.size() < 4 * pass.size()) append_rows(queue.take().value(), rows);
  Rows expected;
  for (int i = 0; i < 4; ++i) expected.insert(expected.end(), pass.begin(), pass.end());
  rows.resize(expected.size());
  CHECK(sorted(rows) == sorted(expected));
  if (options.ordered) CHECK(rows == expected);
}

TEST_CASE("a cyclic stream that could never deliver a row ends with an error",
          "[reader][stream][condition]") {
  const HitsFixture data(101);
  auto options = data.where("pos > 10", 7);
  options.cyclic = true;
  options.mix_passes = GENERATE(false, true);
  auto queue = data.queue(options);
  CHECK_THROWS_WITH(queue.take(), contains("hits.h5 without end: the condition holds for none"));
  CHECK_THROWS_AS(queue.take(), Error);
  CHECK(queue.finished());
}

TEST_CASE("rows one by one know their place although others are left out",
          "[reader][stream][condition]") {
  const HitsFixture data;
  Rows rows;
  auto stream = Streamer(data.path).rows("/hits", data.where("energy * 2 % 100 == 42"));
  for (const Row& row : stream) {
    rows.push_back(row.index());
    CHECK(row.as<Hit>()[0] == hit(row.index()));
  }
  CHECK(rows == Rows{42, 142, 242, 342, 442, 542, 642, 742, 842, 942});
}

TEST_CASE("killed workers lose no row of a filtered stream", "[reader][stream][condition]") {
  const HitsFixture data(5000);
  if (data.kind == WorkerKind::kThreads) return;
  auto queue = data.queue(data.where("layer != 2", 10));
  Rows rows;
  for (int i = 0; i < 3; ++i) {
    append_rows(queue.take().value(), rows);
    for (const int pid : queue.worker_pids()) ::kill(pid, SIGKILL);
  }
  for (const Block& block : queue) append_rows(block, rows);
  CHECK(sorted(rows) == rows_where(5000, [](const Hit& h) { return h.layer != 2; }));
}

TEST_CASE("random streams hold the rows that their conditions ask for",
          "[reader][stream][condition]") {
  const std::uint64_t seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const std::uint64_t count = 200 + random() % 800;
  const HitsFixture data(count);
  for (int round = 0; round < 3; ++round) {
    const auto pos = static_cast<std::int32_t>(random() % 10);
    const auto from = static_cast<std::int64_t>(random() % count);
    auto options =
        data.where("(pos < " + std::to_string(pos) + ") | (id >= " + std::to_string(from) + ")",
                   1 + static_cast<std::int64_t>(random() % 200));
    options.read_ahead = 1 + static_cast<unsigned>(random() % 6);
    options.ordered = random() % 2 == 0;
    INFO(options.where << ", blocks of " << *options.block_rows);
    auto queue = data.queue(options);
    const Rows expected =
        rows_where(count, [&](const Hit& h) { return h.pos < pos || h.id >= from; });
    const bool as_expected = sorted(delivered_rows(queue)) == expected;
    REQUIRE(as_expected);

    const Reader reader(data.path, {.direct = data.direct});
    const Selection chosen = reader.dataset("/hits").where(options.where);
    const bool found = chosen == Selection(list({expected.begin(), expected.end()}));
    REQUIRE(found);
  }
}

TEST_CASE("a condition that cannot be asked is refused when the stream is made",
          "[reader][stream][condition]") {
  const HitsFixture data(50);
  CHECK_THAT(data.refusal(data.where("(pos > 3) & (layr == 1)")),
             contains("invalid_argument: stream '/hits' of " + data.path +
                      ": condition '(pos > 3) & (layr == 1)', position 14: no field 'layr'; the "
                      "fields are pos, layer, name, energy, id"));
  CHECK_THAT(data.refusal(data.where("pos >")), contains("position 6: a field, a number"));
  auto options = data.where("pos > 3");
  options.fields = {"energi"};
  CHECK_THAT(data.refusal(options), contains("no field 'energi'"));
  options.fields = {"pos", "id", "pos"};
  CHECK_THAT(data.refusal(options), contains("field 'pos' is asked for more than once"));

  write_table(data.path, "/t", {.rows = 20, .columns = 1});
  write_table(data.path, "/wide", {.rows = 20, .columns = 4});
  CHECK_THAT(data.refusal(data.where("x > 3"), "/t"), contains("type uint32 have no fields"));
  CHECK_THAT(data.refusal(data.where("x > 3"), "/wide"),
             contains("/wide' of " + data.path + " have 4"));
}

TEST_CASE("rows that a condition cannot compute with are an error of their block",
          "[reader][stream][condition]") {
  const HitsFixture data(100);
  auto options = data.where("id * 922337203685477580 > 0", 10);
  options.ordered = true;
  auto queue = data.queue(options);
  Rows rows;
  append_rows(queue.take().value(), rows);
  CHECK(rows == Rows{1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK_THROWS_WITH(queue.take(),
                    contains("read '/hits' rows 10-19 of " + data.path +
                             ": condition 'id * 922337203685477580 > 0': row 11: 11 * "
                             "922337203685477580 does not fit a 64-bit integer"));
  options.on_error = OnError::kSkip;
  auto skipping = data.queue(options);
  CHECK(delivered_rows(skipping) == rows);
  CHECK(skipping.skipped().size() == 9);
}

TEST_CASE("a table with a field of variable length is filtered by its other fields",
          "[reader][stream][condition]") {
  const HitsFixture data(10);
  struct Noted {
    std::int32_t pos;
    const char* note;
    double energy;
  };
  const H5::StrType text(H5::PredType::C_S1, H5T_VARIABLE);
  H5::CompType type(sizeof(Noted));
  type.insertMember("pos", offsetof(Noted, pos), H5::PredType::NATIVE_INT32);
  type.insertMember("note", offsetof(Noted, note), text);
  type.insertMember("energy", offsetof(Noted, energy), H5::PredType::NATIVE_DOUBLE);
  const std::vector<Noted> rows = {{1, "a", 10}, {2, "bc", 20}, {3, "", 30}};
  const hsize_t dims[] = {rows.size()};
  H5::H5File(data.path, H5F_ACC_RDWR)
      .createDataSet("/noted", type, H5::DataSpace(1, dims))
      .write(rows.data(), type);

  auto options = data.where("pos >= 2");
  CHECK_THAT(data.refusal(options, "/noted"), contains("unsupported: "));
  options.fields = {"energy"};
  auto energies = Streamer(data.path).queue("/noted", options);
  const auto block = energies.take().value();
  CHECK(block.view<double>().span()[0] == 20);
  CHECK(block.view<double>().span()[1] == 30);
  CHECK(block.row_number(1) == 2);
  options.fields = {"pos"};
  auto positions = Streamer(data.path).queue("/noted", options);
  CHECK(positions.take()->view<std::int32_t>().span()[1] == 3);
  options.fields = {"note"};
  CHECK_THAT(data.refusal(options, "/noted"), contains("'note'"));
}
