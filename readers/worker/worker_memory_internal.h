#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "readers/hdf5/dataset_info.h"

namespace h5flume {

/// What a worker may allocate while libhdf5 opens a file and looks for chunks in it: libhdf5 caches
/// metadata in tens of megabytes, and a table of chunks takes at most three times the file's size.
/// Some damaged files of a few kilobytes have libhdf5 allocate without end.
std::uint64_t opening_memory_bytes(const std::string& file);

/// The same for reading a dataset through libhdf5 into `capacity_bytes`: some chunks, besides those
/// that it keeps; of elements of variable length also the heaps that hold them and a copy of them.
/// Nothing if nobody knows: sources that are datasets of their own.
std::optional<std::uint64_t> reading_memory_bytes(const hdf5::DatasetInfo& info,
                                                  std::size_t capacity_bytes);

}  // namespace h5flume
