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

// Neither product overflows: a dataset for which one would is not opened.
std::uint64_t DatasetInfo::row_bytes() const noexcept {
  std::uint64_t bytes = type.size;
  for (std::size_t axis = 1; axis < shape.size(); ++axis) bytes *= shape[axis];
  return bytes;
}

std::uint64_t DatasetInfo::decoded_bytes() const noexcept { return row_count() * row_bytes(); }

std::string name_of_rows(const DatasetInfo& info, std::uint64_t first_row,
                         std::uint64_t row_count) {
  const std::uint64_t last_row = first_row + std::max<std::uint64_t>(row_count, 1) - 1;
  return fmt::format("'{}' rows {}-{} of {}", info.path, first_row, last_row, info.file);
}

void check_rows(const DatasetInfo& info, std::uint64_t first_row, std::uint64_t row_count,
                std::uint64_t buffer_bytes) {
  const std::uint64_t rows = info.row_count();
  if (first_row > rows || row_count > rows - first_row) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("read {}: the dataset has {} rows",
                            name_of_rows(info, first_row, row_count), rows));
  }
  const std::uint64_t bytes = row_count * info.row_bytes();
  if (buffer_bytes != bytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("read {}: the buffer has {} bytes, the rows have {}",
                            name_of_rows(info, first_row, row_count), buffer_bytes, bytes));
  }
}

}  // namespace h5flume::hdf5
