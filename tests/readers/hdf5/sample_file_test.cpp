#include "readers/hdf5/sample_file.h"

#include <fstream>

#include "tests/readers/hdf5/hdf5_support.h"

namespace h5flume::hdf5 {
namespace {

TEST_CASE("each sample is written and described as promised", "[readers][hdf5][sample]") {
  const ScratchFolder folder;
  write_sample(folder.file("i.h5"), SampleKind::kImages, 40);
  write_sample(folder.file("t.h5"), SampleKind::kTable, 3'000);
  write_sample(folder.file("s.h5"), SampleKind::kSensor, 300);

  const DatasetInfo images = Dataset(folder.file("i.h5"), "/images").info();
  CHECK(images.shape == std::vector<std::uint64_t>{40, 64, 64, 3});
  CHECK(images.stored_bytes < images.decoded_bytes());
  CHECK(Dataset(folder.file("i.h5"), "/labels").info().row_count() == 40);
  CHECK(Dataset(folder.file("t.h5"), "/events").info().row_bytes() == 57);
  CHECK(read_all<std::int64_t>(folder.file("t.h5"), "/events", {.fields = {"id"}}) ==
        counting<std::int64_t>(3'000));
  CHECK(Dataset(folder.file("s.h5"), "/sensor").info().row_bytes() == 2'048);
}

TEST_CASE("a row of a sample depends on its number alone", "[readers][hdf5][sample]") {
  const ScratchFolder folder;
  const auto kind = GENERATE(SampleKind::kImages, SampleKind::kSensor);
  const std::string dataset = kind == SampleKind::kImages ? "/images" : "/sensor";
  write_sample(folder.file("short.h5"), kind, 10);
  write_sample(folder.file("long.h5"), kind, 600);
  Dataset longer(folder.file("long.h5"), dataset);
  CHECK(read_all<std::uint8_t>(folder.file("short.h5"), dataset) ==
        read<std::uint8_t>(longer, 0, 10));
}

TEST_CASE("a sample does not overwrite a file unless told to", "[readers][hdf5][sample]") {
  const ScratchFolder folder;
  std::ofstream(folder.file("a.h5")) << "precious";
  const auto write = [&](bool overwrite) {
    write_sample(folder.file("a.h5"), SampleKind::kTable, 1, {}, overwrite);
  };
  CHECK(error_of([&] { write(false); }).code() == ErrorCode::kInvalidArgument);
  CHECK(std::filesystem::file_size(folder.file("a.h5")) == 8);
  write(true);
  CHECK(Dataset(folder.file("a.h5"), "/events").info().row_count() == 1);
}

TEST_CASE("a sample that is given up leaves no file", "[readers][hdf5][sample]") {
  const ScratchFolder folder;
  const auto give_up = [](std::uint64_t, std::uint64_t) { throw std::runtime_error("enough"); };
  CHECK_THROWS_AS(write_sample(folder.file("a.h5"), SampleKind::kTable, 100, give_up),
                  std::runtime_error);
  CHECK_FALSE(std::filesystem::exists(folder.file("a.h5")));
}

TEST_CASE("kinds of samples are called by name", "[readers][hdf5][sample]") {
  CHECK(sample_kind_from("sensor") == SampleKind::kSensor);
  CHECK(to_string(SampleKind::kTable) == "table");
  CHECK(error_of([] { sample_kind_from("video"); }).code() == ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace h5flume::hdf5
