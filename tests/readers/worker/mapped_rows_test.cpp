#include "readers/worker/mapped_rows.h"

#include <algorithm>
#include <filesystem>

#include "readers/chunks/row_reader.h"
#include "tests/readers/hdf5/hdf5_support.h"
#include "tests/readers/stream/process_fixture.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

// A file whose dataset "x" each test writes as it likes.
struct MappedFixture {
  TemporaryFolder folder;
  std::string path = folder.file("a.h5");

  MappedRows open(const std::string& dataset = "x") const { return MappedRows(path, dataset); }
};

// All rows, those that lie together at once.
std::vector<std::byte> all_rows(const MappedRows& mapped) {
  std::vector<std::byte> bytes;
  for (std::uint64_t row = 0; row < mapped.info().row_count();) {
    const auto some = mapped.rows(row, mapped.contiguous_rows(row));
    bytes.insert(bytes.end(), some.bytes().begin(), some.bytes().end());
    row += some.row_count();
  }
  return bytes;
}

}  // namespace

TEST_CASE("rows in a mapping are those that libhdf5 reads", "[reader][mapped]") {
  const MappedFixture data;
  const bool is_chunked = GENERATE(false, true);
  hdf5::write_counting_file(data.path, 50, 3,
                            is_chunked ? hdf5::chunked({7, 3}) : H5::DSetCreatPropList());
  const MappedRows mapped = data.open();
  CHECK(mapped.contiguous_rows(0) == (is_chunked ? 7 : 50));
  CHECK(mapped.contiguous_rows(10) == (is_chunked ? 4 : 40));
  CHECK(mapped.contiguous_rows(49) == 1);
  CHECK(mapped.contiguous_rows(50) == 0);
  const auto values = hdf5::read_all(data.path, "x");
  const auto expected = std::as_bytes(std::span(values));
  const auto found = all_rows(mapped);
  CHECK(std::equal(found.begin(), found.end(), expected.begin(), expected.end()));
}

TEST_CASE("rows in place are viewed by type, and keep their mapping", "[reader][mapped]") {
  const MappedFixture data;
  hdf5::write_counting_file(data.path, 50, 3);
  std::optional<MappedRows> mapped(data.open());
  auto rows = mapped->rows(10, 5);
  mapped.reset();
  const auto view = rows.view<std::int32_t>();
  CHECK(view.shape() == std::vector<std::uint64_t>{5, 3});
  CHECK(view(4, 2) == 14 * 3 + 2);
  CHECK_THROWS_WITH(rows.view<double>(), contains("float64"));
  rows.release();
  CHECK(hdf5::error_of([&] { view.data(); }).code() == ErrorCode::kExpiredView);
  CHECK(hdf5::error_of([&] { rows.bytes(); }).code() == ErrorCode::kExpiredView);
}

TEST_CASE("rows moved into another take its place and its views' lease", "[reader][mapped]") {
  const MappedFixture data;
  hdf5::write_counting_file(data.path, 50, 3);
  const MappedRows mapped = data.open();
  auto rows = mapped.rows(0, 1);
  const auto before = rows.view<std::int32_t>();
  rows = mapped.rows(1, 1);
  CHECK(hdf5::error_of([&] { before.data(); }).code() == ErrorCode::kExpiredView);
  CHECK(rows.view<std::int32_t>()(0, 0) == 3);
}

TEST_CASE("rows that do not lie together or are not there are refused", "[reader][mapped]") {
  const MappedFixture data;
  hdf5::write_counting_file(data.path, 50, 3, hdf5::chunked({7, 3}));
  const MappedRows mapped = data.open();
  CHECK(hdf5::says(hdf5::error_of([&] { (void)mapped.rows(5, 3); }), "only 2 rows lie together"));
  CHECK(hdf5::says(hdf5::error_of([&] { (void)mapped.rows(49, 2); }), "only 1 rows lie together"));
  CHECK(hdf5::says(hdf5::error_of([&] { (void)mapped.rows(51, 1); }), "the dataset has 50 rows"));
  CHECK(hdf5::error_of([&] { mapped.contiguous_rows(UINT64_MAX); }).code() ==
        ErrorCode::kInvalidArgument);
  CHECK(mapped.rows(50, 0).bytes().empty());
}

TEST_CASE("what cannot be looked at in place is refused with the reason", "[reader][mapped]") {
  const MappedFixture data;
  std::string reason;
  {
    H5::H5File file(data.path, H5F_ACC_TRUNC);
    auto creation = hdf5::chunked({7, 3});
    SECTION("filters") {
      creation.setDeflate(1);
      hdf5::write_ints(file, "x", {50, 3}, hdf5::counting(150), creation);
      reason = "its chunks are filtered (gzip)";
    }
    SECTION("parts of rows") {
      hdf5::write_ints(file, "x", {50, 3}, hdf5::counting(150), hdf5::chunked({7, 2}));
      reason = "its chunks hold parts of rows";
    }
    SECTION("the other byte order") {
      hdf5::write_dataset(file, "x", {50, 3}, hdf5::counting(150), H5::PredType::STD_I32BE,
                          H5::PredType::NATIVE_INT32);
      reason = "byte order";
    }
    SECTION("strings") {
      const H5::StrType text(H5::PredType::C_S1, 4);
      hdf5::write_dataset(file, "x", {4}, std::vector<char>(16, 'x'), text, text);
      reason = "padded";
    }
    SECTION("compact") {
      H5::DSetCreatPropList compact;
      compact.setLayout(H5D_COMPACT);
      hdf5::write_ints(file, "x", {4}, hdf5::counting(4), compact);
      reason = "its layout is compact";
    }
  }
  const Error error = hdf5::error_of([&] { data.open(); });
  CHECK(error.code() == ErrorCode::kUnsupported);
  CHECK(hdf5::says(error, reason));
}

TEST_CASE("rows that were never written are no rows in the file", "[reader][mapped]") {
  const MappedFixture data;
  {
    H5::H5File file(data.path, H5F_ACC_TRUNC);
    hdf5::write_ints(file, "x", {50, 3}, {},
                     GENERATE(true, false) ? hdf5::chunked({7, 3}) : H5::DSetCreatPropList());
  }
  const MappedRows mapped = data.open();
  const Error error = hdf5::error_of([&] { (void)mapped.rows(0, 1); });
  CHECK(error.code() == ErrorCode::kUnsupported);
  CHECK(hdf5::says(error, "map 'x' rows 0-0 of " + data.path + ": they were never written"));
}

TEST_CASE("elements at odd addresses can be had as bytes only", "[reader][mapped]") {
  const MappedFixture data;
  {
    // Chunks of an odd number of bytes push those of another dataset to odd addresses.
    H5::H5File file(data.path, H5F_ACC_TRUNC);
    H5::DSetCreatPropList creation = hdf5::chunked({1});
    creation.setAllocTime(H5D_ALLOC_TIME_EARLY);
    hdf5::write_dataset(file, "odd", {3}, hdf5::counting<std::uint8_t>(3), H5::PredType::STD_U8LE,
                        H5::PredType::NATIVE_UINT8, creation);
    hdf5::write_ints(file, "x", {3, 3}, hdf5::counting(9), hdf5::chunked({1, 3}));
  }
  const MappedRows mapped = data.open();
  for (std::uint64_t row = 0; row < 3; ++row) {
    const auto rows = mapped.rows(row, 1);
    REQUIRE(rows.bytes().size() == 12);
    if (reinterpret_cast<std::uintptr_t>(rows.bytes().data()) % 4 == 0) {
      CHECK(rows.view<std::int32_t>()(0, 0) == static_cast<int>(3 * row));
    } else {
      CHECK(hdf5::error_of([&] { rows.view<std::int32_t>(); }).code() == ErrorCode::kUnsupported);
    }
    CHECK(rows.view<std::byte>().shape().back() == 4);
  }
}

TEST_CASE("a mapped file that changed gives out no more rows", "[reader][mapped]") {
  const MappedFixture data;
  hdf5::write_counting_file(data.path, 5000, 3);
  const MappedRows mapped = data.open();
  CHECK(mapped.rows(4999, 1).view<std::int32_t>()(0, 2) == 14'999);
  const auto size = std::filesystem::file_size(data.path);
  std::filesystem::resize_file(data.path, GENERATE_COPY(size / 2, size + 1));
  CHECK(hdf5::error_of([&] { (void)mapped.rows(0, 1); }).code() == ErrorCode::kSourceChanged);
}

TEST_CASE("a file that takes down whoever opens it is an error of mapping, too",
          "[reader][mapped][kill]") {
  const ProcessFixture data;
  const Accident accident("worker.opening 0 crash");
  const FileOptions options{.worker_path = H5FLUME_TEST_WORKER_PATH};
  CHECK(hdf5::error_of([&] { MappedRows(data.path, "/t", options); }).code() ==
        ErrorCode::kWorkerFailed);
}
