#include "readers/hdf5/output_dataset.h"

#include <atomic>
#include <thread>

#include "core/error.h"
#include "readers/hdf5/dataset.h"
#include "tests/readers/hdf5/hdf5_support.h"

namespace h5flume::hdf5 {
namespace {

ElementType of_kind(ElementKind kind, std::size_t size) {
  ElementType type;
  type.kind = kind;
  type.size = size;
  return type;
}

std::vector<ElementType> all_kinds() {
  std::vector<ElementType> types;
  for (const std::size_t size : {1, 2, 4, 8}) {
    types.push_back(of_kind(ElementKind::kInteger, size));
    types.push_back(of_kind(ElementKind::kUnsigned, size));
  }
  for (const std::size_t size :
       {std::size_t{2}, std::size_t{4}, std::size_t{8}, sizeof(long double)}) {
    types.push_back(of_kind(ElementKind::kFloat, size));
  }
  types.push_back(of_kind(ElementKind::kBool, 1));
  types.push_back(of_kind(ElementKind::kString, 13));
  types.push_back(of_kind(ElementKind::kOpaque, 5));
  auto colour = of_kind(ElementKind::kEnum, 2);
  colour.members = {{"red", -1}, {"green", 300}};
  types.push_back(colour);
  auto matrix = of_kind(ElementKind::kArray, 48);
  matrix.dims = {3, 2};
  matrix.base = {of_kind(ElementKind::kFloat, 8)};
  types.push_back(matrix);
  auto padded = of_kind(ElementKind::kCompound, 72);
  padded.fields = {{"a", 0, of_kind(ElementKind::kUnsigned, 1)},
                   {"b", 8, matrix},
                   {"c", 56, of_kind(ElementKind::kString, 4)}};
  types.push_back(padded);
  auto complex = of_kind(ElementKind::kCompound, 8);
  complex.fields = {{"r", 0, of_kind(ElementKind::kFloat, 4)},
                    {"i", 4, of_kind(ElementKind::kFloat, 4)}};
  types.push_back(complex);
  return types;
}

TEST_CASE("rows of any fixed-size type come back as they were written", "[readers][hdf5]") {
  for (const ElementType& type : all_kinds()) {
    CAPTURE(to_string(type));
    const ScratchFolder folder;
    const std::string file = folder.file("out.h5");
    REQUIRE(OutputDataset::create(file, {"/deep/er/x", {6, 3}, type, "me"}));
    OutputDataset output(file, "/deep/er/x");
    CHECK(output.info().type == type);
    CHECK(output.owner() == "me");

    std::vector<std::byte> row(3 * type.size);
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<std::byte>(i % 2);
    output.write_rows(4, row);
    output.sync();
    std::vector<std::byte> all(6 * row.size());
    Dataset(file, "/deep/er/x").read_rows(0, 6, all);
    CHECK(std::equal(row.begin(), row.end(),
                     all.begin() + static_cast<std::ptrdiff_t>(4 * row.size())));
    CHECK(std::count(all.begin(), all.end(), std::byte{1}) ==
          static_cast<std::ptrdiff_t>(row.size() / 2));
  }
}

TEST_CASE("an output is opened while others write to it", "[readers][hdf5]") {
  const ScratchFolder folder;
  const std::string file = folder.file("out.h5");
  REQUIRE(OutputDataset::create(file, {"/x", {1000}, of_kind(ElementKind::kFloat, 4), "me"}));
  OutputDataset first(file, "/x");
  std::atomic<bool> done{false};
  std::thread writer([&] {
    const std::vector<std::byte> rows(4000);
    while (!done) first.write_rows(0, rows);
  });
  std::string failure;
  for (int time = 0; time < 50 && failure.empty(); ++time) {
    try {
      const OutputDataset another(file, "/x");
    } catch (const Error& error) {
      failure = error.what();
    }
  }
  done = true;
  writer.join();
  CHECK(failure.empty());
}

TEST_CASE("an output is made once", "[readers][hdf5]") {
  const ScratchFolder folder;
  const auto type = of_kind(ElementKind::kFloat, 4);
  CHECK(OutputDataset::create(folder.file("out.h5"), {"/x", {6}, type, "first"}));
  CHECK_FALSE(OutputDataset::create(folder.file("out.h5"), {"/x", {9}, type, "second"}));
  const OutputDataset output(folder.file("out.h5"), "/x");
  CHECK(output.owner() == "first");
  CHECK(output.info().shape == std::vector<std::uint64_t>{6});
}

TEST_CASE("an output takes whole rows of its own only", "[readers][hdf5]") {
  const ScratchFolder folder;
  OutputDataset::create(folder.file("out.h5"), {"/x", {6, 2}, of_kind(ElementKind::kFloat, 4), ""});
  OutputDataset output(folder.file("out.h5"), "/x");
  CHECK_THROWS_AS(output.write_rows(0, std::vector<std::byte>(12)), Error);
  CHECK_THROWS_AS(output.write_rows(5, std::vector<std::byte>(16)), Error);
  CHECK_NOTHROW(output.write_rows(4, std::vector<std::byte>(16)));
}

TEST_CASE("what was not made as an output is not opened as one", "[readers][hdf5]") {
  const ScratchFolder folder;
  H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
  write_ints(file, "/x", {8, 2}, counting(16), chunked({2, 2}));
  file.close();
  CHECK_THROWS_AS(OutputDataset(folder.file("a.h5"), "/x"), Error);
}

TEST_CASE("elements of variable length are no output", "[readers][hdf5]") {
  const ScratchFolder folder;
  CHECK_THROWS_AS(
      OutputDataset::create(folder.file("out.h5"), {"/x", {6}, of_kind(ElementKind::kText, 0), ""}),
      Error);
  CHECK_FALSE(std::filesystem::exists(folder.file("out.h5")));
}

}  // namespace
}  // namespace h5flume::hdf5
