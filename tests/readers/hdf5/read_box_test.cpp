#include "tests/readers/hdf5/hdf5_support.h"

namespace h5flume::hdf5 {
namespace {

using Extents = std::vector<std::uint64_t>;

std::vector<std::int32_t> read_box(Dataset& dataset, const Extents& start, const Extents& extent) {
  std::size_t count = 1;
  for (const std::uint64_t places : extent) count *= places;
  std::vector<std::int32_t> values(count);
  dataset.read_box(start, extent, std::as_writable_bytes(std::span(values)));
  return values;
}

TEST_CASE("a box gives its elements in C order, whatever was read before it",
          "[readers][hdf5][box]") {
  const ScratchFolder folder;
  const auto creation = GENERATE(H5::DSetCreatPropList(), chunked({2, 3, 2}));
  {
    H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
    write_ints(file, "x", {4, 5, 6}, counting(120), creation);
  }
  Dataset dataset(folder.file("a.h5"), "/x");
  CHECK(read_box(dataset, {1, 2, 3}, {2, 1, 2}) == std::vector<std::int32_t>{45, 46, 75, 76});
  CHECK(read_box(dataset, {3, 4, 5}, {1, 1, 1}) == std::vector<std::int32_t>{119});
  CHECK(read(dataset, 1, 1) == counting(30, 30));
  CHECK(read_box(dataset, {1, 0, 0}, {1, 5, 6}) == counting(30, 30));
  CHECK(read_box(dataset, {4, 0, 2}, {0, 5, 1}).empty());
  CHECK(read_box(dataset, {0, 0, 0}, {4, 5, 6}) == counting(120));
}

TEST_CASE("a box outside the dataset, or of another size than the buffer, is refused",
          "[readers][hdf5][box]") {
  const ScratchFolder folder;
  write_counting_file(folder.file("a.h5"), 4, 5);
  Dataset dataset(folder.file("a.h5"), "/x");
  for (const auto& [start, extent] :
       std::vector<std::pair<Extents, Extents>>{{{3, 0}, {2, 1}},
                                                {{0, 6}, {1, 0}},
                                                {{UINT64_MAX, 0}, {1, 1}},
                                                {{0}, {4}},
                                                {{0, 0, 0}, {1, 1, 1}}}) {
    CAPTURE(start, extent);
    const Error error = error_of([&] { read_box(dataset, start, extent); });
    CHECK(error.code() == ErrorCode::kInvalidArgument);
    CHECK(says(error, "they do not all lie in the dataset"));
  }
  std::vector<std::byte> buffer(7);
  const Error error = error_of([&] { dataset.read_box(Extents{1, 2}, Extents{2, 3}, buffer); });
  CHECK(says(error, "read '/x' [1:3, 2:5] of " + folder.file("a.h5") +
                        ": the buffer has 7 bytes, the elements have 24"));
}

}  // namespace
}  // namespace h5flume::hdf5
