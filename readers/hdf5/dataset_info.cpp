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

// None of the products overflows: a dataset for which one would is not opened.
std::uint64_t DatasetInfo::row_elements() const noexcept {
  std::uint64_t elements = 1;
  for (std::size_t axis = 1; axis < shape.size(); ++axis) elements *= shape[axis];
  return elements;
}

std::uint64_t DatasetInfo::row_bytes() const noexcept { return type.size * row_elements(); }

std::uint64_t DatasetInfo::decoded_bytes() const noexcept { return row_count() * row_bytes(); }

}  // namespace h5flume::hdf5
