#include "readers/hdf5/dataset_info.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace h5flume::hdf5 {

std::string to_string(Layout layout) {
  switch (layout) {
    case Layout::kCompact:
      return "compact";
    case Layout::kContiguous:
      return "contiguous";
    case Layout::kChunked:
      return "chunked";
    case Layout::kVirtual:
      return "virtual";
    case Layout::kExternal:
      return "external";
  }
  return "contiguous";
}

// None of the products overflows: a dataset for which one would is not opened.
std::vector<std::uint64_t> DatasetInfo::shape_of_rows(std::uint64_t row_count) const {
  auto rows = shape;
  rows.at(0) = row_count;
  return rows;
}

std::uint64_t DatasetInfo::row_elements() const noexcept {
  std::uint64_t elements = 1;
  for (std::size_t axis = 1; axis < shape.size(); ++axis) elements *= shape[axis];
  return elements;
}

std::uint64_t DatasetInfo::row_bytes() const noexcept { return type.size * row_elements(); }

std::uint64_t DatasetInfo::decoded_bytes() const noexcept { return row_count() * row_bytes(); }

std::string name_of_rows(const DatasetInfo& info, std::uint64_t first_row,
                         std::uint64_t row_count) {
  const std::uint64_t last_row = first_row + std::max<std::uint64_t>(row_count, 1) - 1;
  return fmt::format("'{}' rows {}-{} of {}", info.path, first_row, last_row, info.file);
}

void check_row_range(const DatasetInfo& info, std::uint64_t first_row, std::uint64_t row_count) {
  const std::uint64_t rows = info.row_count();
  if (first_row > rows || row_count > rows - first_row) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("read {}: the dataset has {} rows",
                            name_of_rows(info, first_row, row_count), rows));
  }
}

void check_rows(const DatasetInfo& info, std::uint64_t first_row, std::uint64_t row_count,
                std::uint64_t buffer_bytes) {
  check_row_range(info, first_row, row_count);
  const std::uint64_t bytes = row_count * info.row_bytes();
  if (buffer_bytes != bytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("read {}: the buffer has {} bytes, the rows have {}",
                            name_of_rows(info, first_row, row_count), buffer_bytes, bytes));
  }
}

std::string name_of_box(const DatasetInfo& info, std::span<const std::uint64_t> start,
                        std::span<const std::uint64_t> extent) {
  std::string ranges;
  for (std::size_t axis = 0; axis < std::min(start.size(), extent.size()); ++axis) {
    ranges += fmt::format("{}{}:{}", axis > 0 ? ", " : "", start[axis], start[axis] + extent[axis]);
  }
  return fmt::format("'{}' [{}] of {}", info.path, ranges, info.file);
}

void check_box(const DatasetInfo& info, std::span<const std::uint64_t> start,
               std::span<const std::uint64_t> extent, std::uint64_t buffer_bytes) {
  const std::size_t rank = info.shape.size();
  bool fits = start.size() == rank && extent.size() == rank;
  std::uint64_t bytes = info.type.size;  // less than the dataset has, which is less than 2^64
  for (std::size_t axis = 0; fits && axis < rank; ++axis) {
    const std::uint64_t places = info.shape[axis];
    fits = start[axis] <= places && extent[axis] <= places - start[axis];
    bytes *= extent[axis];
  }
  if (fits && bytes == buffer_bytes) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("read {}: {}", name_of_box(info, start, extent),
                          fits ? fmt::format("the buffer has {} bytes, the elements have {}",
                                             buffer_bytes, bytes)
                               : "they do not all lie in the dataset"));
}

}  // namespace h5flume::hdf5
