#include "readers/chunks/row_reader.h"

#include <fcntl.h>

#include <fstream>
#include <random>

#include "tests/readers/hdf5/hdf5_support.h"

using namespace h5flume;

namespace {

std::vector<std::byte> rows_of(RowReader& reader, std::uint64_t first, std::uint64_t count) {
  std::vector<std::byte> bytes(count * reader.info().row_bytes());
  reader.read_rows(first, count, bytes);
  return bytes;
}

// Random runs of rows of a dataset, or of some of its fields, are the same, read directly and by
// libhdf5.
void check_same(const std::string& file, const std::string& path,
                const std::vector<std::string>& fields = {}) {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed, path, fields);
  std::mt19937_64 random(seed);
  const auto direct = open_row_reader(file, path, {.fields = fields});
  const auto library = open_row_reader(file, path, {.fields = fields, .direct = false});
  CHECK(direct->info().hdf5_reason.empty());
  CHECK(direct->info().type == library->info().type);
  CHECK_FALSE(library->info().hdf5_reason.empty());
  const std::uint64_t rows = direct->info().row_count();
  for (int i = 0; i < 40; ++i) {
    const std::uint64_t first = random() % rows;
    const std::uint64_t count = random() % (rows - first) + 1;
    REQUIRE(rows_of(*direct, first, count) == rows_of(*library, first, count));
  }
}

H5::DSetCreatPropList gzip_chunks(const std::vector<hsize_t>& chunk) {
  auto creation = hdf5::chunked(chunk);
  creation.setShuffle();
  creation.setDeflate(4);
  return creation;
}

// Overwrites a byte in the middle of the one chunk of "x".
void damage(const std::string& file) {
  hdf5::StorageMap map;
  {
    const hdf5::Dataset dataset(file, "x");
    map = dataset.storage_map();
  }
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(static_cast<std::streamoff>(map.chunks[0].address + map.chunks[0].size_bytes / 2));
  stream.write("damage", 6);
}

}  // namespace

TEST_CASE("rows read directly are those that libhdf5 reads", "[reader][chunks]") {
  const hdf5::ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  {
    H5::H5File file(path, H5F_ACC_TRUNC);
    hdf5::write_ints(file, "contiguous", {50, 3}, hdf5::counting(150));
    hdf5::write_ints(file, "plain", {50, 3}, hdf5::counting(150), hdf5::chunked({7, 3}));
    hdf5::write_ints(file, "plain_tiles", {50, 30}, hdf5::counting(1500), hdf5::chunked({7, 8}));
    hdf5::write_ints(file, "gzip", {50, 3}, hdf5::counting(150), gzip_chunks({7, 3}));
    hdf5::write_ints(file, "gzip_tiles", {50, 30}, hdf5::counting(1500), gzip_chunks({7, 8}));
    hdf5::write_ints(file, "large_plain", {500, 100}, hdf5::counting(50'000),
                     hdf5::chunked({64, 100}));
    hdf5::write_dataset(file, "big_endian", {50, 3}, hdf5::counting(150), H5::PredType::STD_I32BE,
                        H5::PredType::NATIVE_INT32, gzip_chunks({7, 3}));
    hdf5::write_ints(file, "never_written", {50, 3}, {}, gzip_chunks({7, 3}));
  }
  for (const char* dataset : {"contiguous", "plain", "plain_tiles", "gzip", "gzip_tiles",
                              "large_plain", "big_endian", "never_written"}) {
    check_same(path, dataset);
  }
}

TEST_CASE("fields read directly are those that libhdf5 reads", "[reader][chunks]") {
  struct Point {
    float x;
    float y;
  };
  struct Record {
    std::int16_t id;
    Point at[2];
    char name[5];
    double weight;
    Point centre;
  };
  H5::CompType point(sizeof(Point));
  point.insertMember("x", HOFFSET(Point, x), H5::PredType::NATIVE_FLOAT);
  point.insertMember("y", HOFFSET(Point, y), H5::PredType::NATIVE_FLOAT);
  H5::StrType spaces(H5::PredType::C_S1, 5);
  spaces.setStrpad(H5T_STR_SPACEPAD);
  const hsize_t two = 2;
  H5::CompType record(sizeof(Record));
  record.insertMember("id", HOFFSET(Record, id), H5::PredType::NATIVE_INT16);
  record.insertMember("at", HOFFSET(Record, at), H5::ArrayType(point, 1, &two));
  record.insertMember("name", HOFFSET(Record, name), spaces);
  record.insertMember("weight", HOFFSET(Record, weight), H5::PredType::NATIVE_DOUBLE);
  record.insertMember("centre", HOFFSET(Record, centre), point);
  std::vector<Record> records(150);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto number = static_cast<float>(i);
    records[i] = {static_cast<std::int16_t>(i),
                  {{number, 1}, {2, -number}},
                  {'a', 'b', ' ', ' ', ' '},
                  number / 3,
                  {-1, number}};
  }
  const hdf5::ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  {
    H5::H5File file(path, H5F_ACC_TRUNC);
    hdf5::write_dataset(file, "contiguous", {50, 3}, records, record, record);
    hdf5::write_dataset(file, "gzip", {50, 3}, records, record, record, gzip_chunks({7, 2}));
  }
  for (const char* dataset : {"contiguous", "gzip"}) {
    check_same(path, dataset);
    for (const char* field : {"id", "at", "name", "weight", "centre", "centre/y"}) {
      check_same(path, dataset, {field});
    }
    check_same(path, dataset, {"weight", "name", "id"});
    check_same(path, dataset, {"centre/y", "at"});
  }
  const auto whole = open_row_reader(path, "gzip");
  const auto part = open_row_reader(path, "gzip", {.fields = {"name"}});
  CHECK(part->index() == whole->index());
  CHECK(rows_of(*part->clone(), 3, 20) == rows_of(*part, 3, 20));
  CHECK(hdf5::says(hdf5::error_of([&] { open_row_reader(path, "gzip", {.fields = {"energy"}}); }),
                   "weight"));
}

TEST_CASE("clones of a reader read the same, and outlive it", "[reader][chunks]") {
  const hdf5::ScratchFolder folder;
  hdf5::write_counting_file(folder.file("a.h5"), 100, 2, gzip_chunks({7, 2}));
  const bool direct = GENERATE(true, false);
  auto reader = open_row_reader(folder.file("a.h5"), "x", {.direct = direct});
  const auto clone = reader->clone();
  const auto rows = rows_of(*reader, 3, 50);
  CHECK(clone->info() == reader->info());
  reader.reset();
  CHECK(rows_of(*clone, 3, 50) == rows);
}

TEST_CASE("rows that are not there and buffers that do not fit are refused", "[reader][chunks]") {
  const hdf5::ScratchFolder folder;
  hdf5::write_counting_file(folder.file("a.h5"), 10, 2, hdf5::chunked({3, 2}));
  const auto reader = open_row_reader(folder.file("a.h5"), "x");
  std::vector<std::byte> bytes(100 * 8);
  CHECK(hdf5::says(hdf5::error_of([&] { reader->read_rows(5, 6, std::span(bytes).first(48)); }),
                   "the dataset has 10 rows"));
  CHECK(hdf5::says(hdf5::error_of([&] { reader->read_rows(0, 5, std::span(bytes).first(41)); }),
                   "the buffer has 41 bytes, the rows have 40"));
}

TEST_CASE("a damaged chunk is an error that names file, rows and chunk", "[reader][chunks]") {
  const hdf5::ScratchFolder folder;
  hdf5::write_counting_file(folder.file("a.h5"), 1000, 2, gzip_chunks({1000, 2}));
  damage(folder.file("a.h5"));
  const auto reader = open_row_reader(folder.file("a.h5"), "x");
  const Error error = hdf5::error_of([&] { rows_of(*reader, 0, 10); });
  CHECK(error.code() == ErrorCode::kCorruptData);
  CHECK(hdf5::says(error, "read 'x' rows 0-9"));
  CHECK(hdf5::says(error, "chunk (0,0)"));
}

TEST_CASE("a file that is cut or written to while it is read is an error", "[reader][chunks]") {
  const hdf5::ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  hdf5::write_counting_file(path, 1000, 2, hdf5::chunked({10, 2}));
  const auto reader = open_row_reader(path, "x");
  rows_of(*reader, 0, 10);
  const bool cut = GENERATE(true, false);
  if (cut) {
    std::filesystem::resize_file(path, 3000);
  } else {
    std::ofstream(path, std::ios::app) << "more";
  }
  CHECK(hdf5::error_of([&] { rows_of(*reader, 900, 100); }).code() == ErrorCode::kSourceChanged);
}

TEST_CASE("chunks that reach beyond the rows asked for are decoded once", "[reader][chunks]") {
  const hdf5::ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  hdf5::write_counting_file(path, 1000, 2, gzip_chunks({500, 2}));
  const auto reader = open_row_reader(path, "x");
  const auto first = rows_of(*reader, 0, 10);
  // What was decoded is kept: the file is not needed for the other rows of the chunk. (That it was
  // written to is noticed, but only after they have been read.)
  std::vector<std::byte> bytes(10 * 8);
  damage(path);
  CHECK(hdf5::error_of([&] { reader->read_rows(10, 10, bytes); }).code() ==
        ErrorCode::kSourceChanged);
  std::int32_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  CHECK(value == 20);
}
