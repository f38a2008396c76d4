#include <latch>
#include <numeric>

#include "tests/readers/random/library_support.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

constexpr LibraryStorage kAll[] = {LibraryStorage::kCompact, LibraryStorage::kExternal,
                                   LibraryStorage::kVirtual, LibraryStorage::kScaleOffset,
                                   LibraryStorage::kGzip,    LibraryStorage::kContiguous};

Reader reader_of(const std::string& path, LibraryStorage storage, bool trusted,
                 ReaderOptions options = {}) {
  options.direct = !is_direct_by_default(storage);
  options.workers = options.workers.value_or(2);
  return Reader(path, options, {.trusted = trusted});
}

}  // namespace

TEST_CASE("any selection of what libhdf5 has to read gives what numpy would",
          "[reader][random][library]") {
  const auto seed = test_seed();
  INFO("H5FLUME_TEST_SEED=" << seed);
  RandomSelections random(seed);
  for (int round = 0; round < 24; ++round) {
    const TemporaryFolder folder;
    std::vector<hsize_t> shape;
    std::vector<hsize_t> chunk;
    for (auto rank = 1 + random.below(4); rank > 0; --rank) {
      shape.push_back(1 + random.below(rank > 2 ? 6 : 18));  // compact data has 64 KiB at most
      chunk.push_back(1 + random.below(shape.back()));
    }
    const LibraryStorage storage = kAll[round % std::size(kAll)];
    const bool trusted = random.below(2) == 0;
    CAPTURE(round, name_of(storage), shape, chunk, trusted);
    const Reader reader = reader_of(library_file(folder, storage, shape, chunk), storage, trusted);
    const Dataset dataset = reader.dataset("/x");
    REQUIRE_FALSE(dataset.info().hdf5_reason.empty());
    const Stage stage = dataset.stage({2 * shape[0] + 12});
    for (int i = 0; i < 12; ++i) {
      const Selection selection = random.next(dataset.shape());
      const Request wanted = dataset[selection];
      CAPTURE(to_string(selection));
      const auto right = expected(selection, dataset.shape());
      REQUIRE(values_of(wanted.read()) == right);
      if (wanted.bytes() <= stage.bytes()) {
        REQUIRE(values_of(reader.request(wanted, stage).get()) == right);
      }
    }
  }
}

TEST_CASE("rows and chunks larger than what is read at a time are served in parts",
          "[reader][random][library]") {
  const auto storage = GENERATE(LibraryStorage::kContiguous, LibraryStorage::kVirtual);
  const TemporaryFolder folder;
  const std::vector<hsize_t> shape{3, 700, 1000};  // rows of 2.8 MB
  const Reader reader =
      reader_of(library_file(folder, storage, shape, {1, 700, 1000}), storage, false);
  const Dataset dataset = reader.dataset("/x");
  for (const Selection& selection :
       {Selection(), Selection(select(at(1), span(690, 10, -17), span(999, 0, -3))),
        Selection(select(all(), list({699, 0, 350, 0}))), Selection(select(-1, -1, -1))}) {
    CAPTURE(to_string(selection));
    REQUIRE(values_of(dataset.read(selection)) == expected(selection, dataset.shape()));
  }
}

TEST_CASE("fields of a compound that libhdf5 converts are picked before and after rows",
          "[reader][random][library]") {
  struct Record {
    std::int16_t id;
    std::int32_t pair[2];
    double weight;
  };
  const TemporaryFolder folder;
  const std::string path = folder.file("table.h5");
  {
    const hsize_t dims[] = {2};
    const auto record = [&](const H5::DataType& id, const H5::DataType& pair,
                            const H5::DataType& weight) {
      H5::CompType type(sizeof(Record));
      type.insertMember("id", offsetof(Record, id), id);
      type.insertMember("pair", offsetof(Record, pair), H5::ArrayType(pair, 1, dims));
      type.insertMember("weight", offsetof(Record, weight), weight);
      return type;
    };
    std::vector<Record> records(50);
    for (int i = 0; i < 50; ++i) {
      records[i] = {static_cast<std::int16_t>(i), {1000 + i, -i}, i / 2.0};
    }
    H5::H5File file(path, H5F_ACC_TRUNC);
    hdf5::write_dataset(
        file, "/t", {50}, records,
        record(H5::PredType::STD_I16BE, H5::PredType::STD_I32BE, H5::PredType::IEEE_F64BE),
        record(H5::PredType::NATIVE_INT16, H5::PredType::NATIVE_INT32, H5::PredType::NATIVE_DOUBLE),
        creation_of(Storage::kGzip, {7}));
  }
  const Reader reader(path, {.workers = 1}, {.trusted = GENERATE(false, true)});
  const Dataset table = reader.dataset("/t");
  REQUIRE_FALSE(table.info().hdf5_reason.empty());
  CHECK(values_of<std::int16_t>(table[field("id")][rows(30, 5, -10)].read()) ==
        std::vector<std::int16_t>{30, 20, 10});
  CHECK(values_of(table[select(list({40, 2, 40}))][field("pair")].read()) ==
        std::vector<std::int32_t>{1040, -40, 1002, -2, 1040, -40});
  CHECK(values_of(table[field("pair")][select(rows(7, 9), 1)].read()) ==
        std::vector<std::int32_t>{-7, -8});
  const Array two = table[fields("weight", "id")][at(-1)].read();
  CHECK(two.bytes().size() == 10);
  CHECK(values_in<double>(two.bytes().first(8)) == std::vector<double>{24.5});
  CHECK(values_in<std::int16_t>(two.bytes().subspan(8)) == std::vector<std::int16_t>{49});
}

TEST_CASE(
    "requests for what libhdf5 reads are served by several workers, in stages that take turns",
    "[reader][random][library]") {
  const bool trusted = GENERATE(false, true);
  const auto storage = GENERATE(LibraryStorage::kScaleOffset, LibraryStorage::kContiguous);
  const TemporaryFolder folder;
  const Reader reader =
      reader_of(library_file(folder, storage, {100, 40}, {8, 40}), storage, trusted);
  const Dataset dataset = reader.dataset("/x");
  const StagePool pool = dataset.stage_pool({1}, 6);
  std::vector<Future> futures;
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 6; ++i) futures.push_back(reader.request(dataset[at(3 * round + i)], pool));
    for (int i = 0; i < 6; ++i) {
      REQUIRE(values_of(futures[i].get()) == row_of_40(3 * round + i));
    }
    futures.clear();
  }
  CHECK(pool.free_stages() == 6);
}

TEST_CASE("stages come and go while a worker serves", "[reader][random][library]") {
  const TemporaryFolder folder;
  const auto storage = LibraryStorage::kContiguous;
  const Reader reader =
      reader_of(library_file(folder, storage, {100, 40}, {}), storage, false, {.workers = 1});
  const Dataset dataset = reader.dataset("/x");
  std::vector<Stage> kept;  // more than a worker remembers
  for (std::int32_t i = 0; i < 90; ++i) {
    const Stage passing = dataset.stage({2});
    kept.push_back(dataset.stage({1}));
    REQUIRE(values_of(reader.request(dataset[at(i)], kept.back()).get()) == row_of_40(i));
    REQUIRE(values_of(reader.request(dataset[at(i + 1)], passing).get()) == row_of_40(i + 1));
  }
  for (std::int32_t i = 0; i < 90; ++i) {
    REQUIRE(values_of(reader.request(dataset[at(i)], kept[i]).get()) == row_of_40(i));
  }
}

TEST_CASE("a stage of one kind of dataset is refused by the other", "[reader][random][library]") {
  const TemporaryFolder folder;
  const std::string path = library_file(folder, LibraryStorage::kContiguous, {10, 40}, {});
  const Reader direct(path);
  const Reader library(path, {.direct = false});
  const Dataset here = direct.dataset("/x");
  const Dataset there = library.dataset("/x");
  CHECK(here.info().hdf5_reason.empty());
  CHECK(there.info().hdf5_reason == "it was asked for");
  CHECK_THROWS_WITH(library.request(there[at(1)], here.stage({1})),
                    contains("the stage was made for a dataset that is read in another way"));
  CHECK_THROWS_WITH(direct.request(here[at(1)], there.stage({1})), contains("in another way"));
}

TEST_CASE("a file that is replaced ends requests, not readers", "[reader][random][library]") {
  const bool trusted = GENERATE(false, true);
  const TemporaryFolder folder;
  const auto storage = LibraryStorage::kScaleOffset;
  const std::string path = library_file(folder, storage, {100, 40}, {8, 40});
  const Reader reader = reader_of(path, storage, trusted);
  const Dataset dataset = reader.dataset("/x");
  if (GENERATE(false, true)) CHECK(values_of(dataset.read(at(1))) == row_of_40(1));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  try {
    dataset.read(at(90));
    FAIL("no error");
  } catch (const Error& error) {
    CAPTURE(error.what());
    CHECK(std::string(error.what()).starts_with("read '/x' [90] of " + path + ": "));
    CHECK((error.code() == ErrorCode::kSourceChanged || error.code() == ErrorCode::kCorruptData));
  }
}

TEST_CASE("options for worker processes are checked", "[reader][random][library]") {
  const TemporaryFolder folder;
  const std::string path = library_file(folder, LibraryStorage::kCompact, {10}, {});
  CHECK_THROWS_WITH(Reader(path, {.workers = 0}), contains("workers is 0, but must be 1 to 255"));
  CHECK_THROWS_WITH(Reader(path, {.workers = 256}), contains("workers is 256"));
  CHECK_THROWS_WITH(Reader(path, {.max_deaths_per_request = 0}),
                    contains("max_deaths_per_request is 0"));
}

TEST_CASE("requests of nothing are served without a worker", "[reader][random][library]") {
  const TemporaryFolder folder;
  const Reader reader(library_file(folder, LibraryStorage::kCompact, {10, 4}, {}));
  const Dataset dataset = reader.dataset("/x");
  CHECK(dataset.read(rows(3, 3)).shape() == std::vector<std::uint64_t>{0, 4});
  const Stage stage = dataset.stage(dataset[rows(3, 3)]);
  CHECK(reader.request(dataset[rows(3, 3)], stage).get().size() == 0);
}
