#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "tests/readers/hdf5/hdf5_support.h"

namespace h5flume::hdf5 {
namespace {

TEST_CASE("rows are read in any order and in any number", "[readers][hdf5]") {
  const ScratchFolder folder;
  write_counting_file(folder.file("a.h5"), 10, 3);
  Dataset dataset(folder.file("a.h5"), "/x");

  CHECK(read(dataset, 4, 2) == counting(6, 12));
  CHECK(read(dataset, 0, 10) == counting(30));
  CHECK(read(dataset, 9, 1) == counting(3, 27));
  CHECK(read(dataset, 10, 0).empty());
}

TEST_CASE("info describes a dataset without reading it", "[readers][hdf5]") {
  const ScratchFolder folder;
  H5::DSetCreatPropList creation = chunked({4, 3});
  creation.setShuffle();
  creation.setDeflate(6);
  write_counting_file(folder.file("a.h5"), 10, 3, creation);

  const DatasetInfo info = Dataset(folder.file("a.h5"), "x").info();
  CHECK(info.shape == std::vector<std::uint64_t>{10, 3});
  CHECK(info.type == element_type_of<std::int32_t>());
  CHECK(info.layout == Layout::kChunked);
  CHECK(info.chunk == std::vector<std::uint64_t>{4, 3});
  CHECK(info.filters == std::vector<Filter>{{2, "shuffle", {4}}, {1, "gzip", {6}}});
  CHECK(info.row_bytes() == 12);
  CHECK(info.decoded_bytes() == 120);
  CHECK(info.stored_bytes > 0);
}

TEST_CASE("rows outside the dataset and buffers of another size are refused", "[readers][hdf5]") {
  const ScratchFolder folder;
  write_counting_file(folder.file("a.h5"), 10, 3);
  Dataset dataset(folder.file("a.h5"), "/x");

  const Error outside = error_of([&] { read(dataset, 8, 3); });
  CHECK(outside.code() == ErrorCode::kInvalidArgument);
  CHECK(says(outside, "read '/x' rows 8-10 of " + folder.file("a.h5")));
  CHECK(says(outside, "has 10 rows"));
  CHECK(error_of([&] { read(dataset, UINT64_MAX, 2); }).code() == ErrorCode::kInvalidArgument);

  std::vector<std::byte> small(7);
  CHECK(error_of([&] { dataset.read_rows(0, 1, small); }).code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("what cannot be opened is named with its reason", "[readers][hdf5]") {
  const ScratchFolder folder;
  const std::string file = folder.file("a.h5");
  {
    H5::H5File out(file, H5F_ACC_TRUNC);
    out.createGroup("g");
    out.createDataSet("scalar", H5::PredType::NATIVE_INT, H5::DataSpace(H5S_SCALAR));
    out.createDataSet("null", H5::PredType::NATIVE_INT, H5::DataSpace(H5S_NULL));
    H5::DataType(H5::PredType::STD_I16BE).commit(out, "t");
  }

  const Error absent = open_error(file, "/g/y");
  CHECK(absent.code() == ErrorCode::kNotFound);
  CHECK(std::string(absent.what()) == "open '/g/y' of " + file + ": no such dataset");
  CHECK(open_error(file, "/g").code() == ErrorCode::kInvalidArgument);
  CHECK(says(open_error(file, "/g"), "is a group, not a dataset"));
  CHECK(says(open_error(file, "/t"), "is a datatype, not a dataset"));
  CHECK(open_error(file, "/scalar").code() == ErrorCode::kUnsupported);
  CHECK(says(open_error(file, "/scalar"), "is a scalar: it has no rows"));
  CHECK(says(open_error(file, "/null"), "null dataspace"));
  CHECK(open_error(file, "").code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("files that cannot be opened are named with the system's reason", "[readers][hdf5]") {
  const ScratchFolder folder;
  const Error absent = open_error(folder.file("none.h5"), "/x");
  CHECK(absent.code() == ErrorCode::kNotFound);
  CHECK(std::string(absent.what()) ==
        "open '/x' of " + folder.file("none.h5") + ": No such file or directory");
  CHECK(says(open_error(folder.file(""), "/x"), "Is a directory"));

  std::ofstream(folder.file("text.h5")) << "these are not the bytes of an HDF5 file";
  CHECK(open_error(folder.file("text.h5"), "/x").code() == ErrorCode::kCorruptData);
  CHECK(says(open_error(folder.file("text.h5"), "/x"), "not an HDF5 file"));

  REQUIRE(::mkfifo(folder.file("pipe.h5").c_str(), 0600) == 0);
  CHECK(says(open_error(folder.file("pipe.h5"), "/x"), "not a regular file"));
}

TEST_CASE("a dataset without rows, or with empty rows, is fine", "[readers][hdf5]") {
  const ScratchFolder folder;
  write_counting_file(folder.file("a.h5"), 0, 3);
  write_counting_file(folder.file("b.h5"), 5, 0);
  CHECK(Dataset(folder.file("a.h5"), "x").info().row_count() == 0);
  CHECK(read_all(folder.file("a.h5"), "x").empty());
  CHECK(Dataset(folder.file("b.h5"), "x").info().row_bytes() == 0);
  CHECK(read_all(folder.file("b.h5"), "x").empty());
}

TEST_CASE("a file that shrinks or is rewritten while open is noticed", "[readers][hdf5]") {
  const ScratchFolder folder;
  const std::string file = folder.file("a.h5");
  write_counting_file(file, 100'000, 3);
  Dataset dataset(file, "/x");
  CHECK(read(dataset, 0, 1) == counting(3));

  SECTION("truncated") { std::filesystem::resize_file(file, 5'000); }
  SECTION("grown") { std::ofstream(file, std::ios::app) << "more"; }
  SECTION("touched") {
    std::filesystem::last_write_time(
        file, std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  }
  const Error error = error_of([&] { read(dataset, 90'000, 1'000); });
  CHECK(error.code() == ErrorCode::kSourceChanged);
  CHECK(says(error, "changed while it was being read"));
}

TEST_CASE("a file that is replaced while open is read to its end", "[readers][hdf5]") {
  const ScratchFolder folder;
  const std::string file = folder.file("a.h5");
  write_counting_file(file, 10, 3);
  Dataset dataset(file, "/x");
  write_counting_file(folder.file("b.h5"), 5, 1);
  std::filesystem::rename(folder.file("b.h5"), file);
  CHECK(read(dataset, 0, 10) == counting(30));
}

TEST_CASE("the identity of an open file is that of its path", "[readers][hdf5]") {
  const ScratchFolder folder;
  write_counting_file(folder.file("a.h5"), 10, 3);
  CHECK(Dataset(folder.file("a.h5"), "x").identity() == identity_of(folder.file("a.h5")));
  CHECK(error_of([&] { identity_of(folder.file("b.h5")); }).code() == ErrorCode::kNotFound);
}

TEST_CASE("many threads may read many datasets at once", "[readers][hdf5]") {
  const ScratchFolder folder;
  write_counting_file(folder.file("a.h5"), 1'000, 3, chunked({10, 3}));
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int& mistakes : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        Dataset dataset(folder.file("a.h5"), "x");
        for (int row = 0; row < 1'000; row += 50) {
          mistakes += read(dataset, row, 50) != counting(150, row * 3);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

}  // namespace
}  // namespace h5flume::hdf5
