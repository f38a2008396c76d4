#include "readers/hdf5/dataset_info.h"

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

}  // namespace h5flume::hdf5
