#include <fstream>

#include "tests/readers/hdf5/hdf5_support.h"

namespace h5flume::hdf5 {
namespace {

TEST_CASE("every layout inside one file gives the same rows", "[readers][hdf5][layouts]") {
  const ScratchFolder folder;
  H5::DSetCreatPropList compact;
  compact.setLayout(H5D_COMPACT);
  H5::DSetCreatPropList gzip = chunked({7, 2});
  gzip.setShuffle();
  gzip.setDeflate(4);
  gzip.setFletcher32();
  const auto [creation, layout] = GENERATE_COPY(
      table<H5::DSetCreatPropList, Layout>({{H5::DSetCreatPropList(), Layout::kContiguous},
                                            {compact, Layout::kCompact},
                                            {chunked({7, 2}), Layout::kChunked},
                                            {gzip, Layout::kChunked}}));
  write_counting_file(folder.file("a.h5"), 100, 3, creation);
  const std::uint64_t step = GENERATE(1u, 7u, 9u, 14u, 100u);

  Dataset dataset(folder.file("a.h5"), "x");
  CHECK(dataset.info().layout == layout);
  std::vector<std::int32_t> values;
  for (std::uint64_t row = 0; row < 100; row += step) {
    const auto rows = read(dataset, row, std::min<std::uint64_t>(step, 100 - row));
    values.insert(values.end(), rows.begin(), rows.end());
  }
  CHECK(values == counting(300));
}

TEST_CASE("chunks that were never written give the fill value", "[readers][hdf5][layouts]") {
  const ScratchFolder folder;
  H5::DSetCreatPropList creation = chunked({4});
  const std::int32_t fill = -5;
  creation.setFillValue(H5::PredType::NATIVE_INT32, &fill);
  H5::H5File(folder.file("a.h5"), H5F_ACC_TRUNC)
      .createDataSet("x", H5::PredType::STD_I32BE, space_of({6}), creation);
  CHECK(read_all(folder.file("a.h5"), "x") == std::vector<std::int32_t>(6, -5));
}

TEST_CASE("missing data without a fill value is zero, not what the buffer held",
          "[readers][hdf5][layouts]") {
  const ScratchFolder folder;
  H5::DSetCreatPropList creation = chunked({4});
  SECTION("fill time never") { creation.setFillTime(H5D_FILL_TIME_NEVER); }
  SECTION("no fill value") { H5Pset_fill_value(creation.getId(), H5T_NATIVE_INT, nullptr); }
  H5::H5File(folder.file("a.h5"), H5F_ACC_TRUNC)
      .createDataSet("x", H5::PredType::STD_I32LE, space_of({6}), creation);

  Dataset dataset(folder.file("a.h5"), "x");
  std::vector<std::int32_t> values(6, 77);
  dataset.read_rows(0, 6, std::as_writable_bytes(std::span(values)));
  CHECK(values == std::vector<std::int32_t>(6, 0));
}

TEST_CASE("a checksum that fails names the rows and the filter", "[readers][hdf5][layouts]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  H5::DSetCreatPropList creation = chunked({4, 3});
  creation.setFletcher32();
  write_counting_file(path, 4, 3, creation);
  {
    // The pattern 4, 5, 6, ... stands once in the file; one bit of it flips.
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    const std::vector<std::int32_t> values = counting(12);
    const auto at = bytes.find({reinterpret_cast<const char*>(values.data()), 48});
    REQUIRE(at != std::string::npos);
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put('\x01');
  }
  Dataset dataset(path, "/x");
  const Error error = error_of([&] { read(dataset, 0, 4); });
  CHECK(error.code() == ErrorCode::kCorruptData);
  CHECK(says(error, "read '/x' rows 0-3 of " + path + ": filter 'fletcher32' fails"));
}

TEST_CASE("a filter that is not installed is named when the dataset is opened",
          "[readers][hdf5][layouts]") {
  const ScratchFolder folder;
  constexpr H5Z_filter_t kNobodysFilter = 511;
  H5::DSetCreatPropList creation = chunked({4, 3});
  H5Pset_filter(creation.getId(), kNobodysFilter, H5Z_FLAG_OPTIONAL, 0, nullptr);
  write_counting_file(folder.file("a.h5"), 4, 3, creation);
  const Error error = open_error(folder.file("a.h5"), "/x");
  CHECK(error.code() == ErrorCode::kMissingFilter);
  CHECK(says(error, "filter 511"));
  CHECK(says(error, "HDF5_PLUGIN_PATH"));
}

TEST_CASE("a dataset of more than 2^64 bytes is refused", "[readers][hdf5][layouts]") {
  const ScratchFolder folder;
  H5::H5File(folder.file("a.h5"), H5F_ACC_TRUNC)
      .createDataSet("x", H5::PredType::NATIVE_INT64, space_of({1ull << 62, 8}), chunked({1, 1}));
  CHECK(open_error(folder.file("a.h5"), "x").code() == ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace h5flume::hdf5
