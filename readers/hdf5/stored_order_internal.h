#pragma once

#include <H5Cpp.h>

#include <cstddef>
#include <optional>

#include "readers/hdf5/memory_type_internal.h"

namespace h5flume::hdf5 {

/// What turns stored elements of `file_type` into delivered ones: 0 if they are the same bytes,
/// the width of a number if every number in them has the other byte order and nothing else is
/// different, nothing if libhdf5 has to convert them. The caller holds a LibraryAccess.
std::optional<std::size_t> swap_width(const H5::DataType& file_type, const MemoryType& memory);

}  // namespace h5flume::hdf5
