#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/storage_map.h"
#include "readers/hdf5/storage_map_internal.h"

namespace h5flume::hdf5 {

/// How many chunks lie along each axis of a chunked dataset; nothing if a table of all of them
/// would be too large.
///
/// A file may declare any number of chunks without storing one. So a table of more than a million
/// is only made for a file of at least 8 bytes a chunk, which any file has that holds them: most
/// indices spend that on the address alone. The table then takes no more than three times the
/// file's size. 2^26 chunks are the most.
std::optional<std::vector<std::uint64_t>> chunk_grid(const DatasetInfo& info,
                                                     std::uint64_t file_bytes);

/// All chunks of the grid, in C order.
///
/// Throws kCorruptData naming the chunk, by its place in the grid, for one that the index cannot
/// tell or that does not lie inside the file. The caller holds `access`.
std::vector<StoredChunk> chunk_index(LibraryAccess& access, const OpenedDataset& opened,
                                     const std::vector<std::uint64_t>& grid);

/// Whether `size_bytes` bytes at `address` lie inside a file of `file_bytes`.
constexpr bool lies_inside(std::uint64_t address, std::uint64_t size_bytes,
                           std::uint64_t file_bytes) {
  return address <= file_bytes && size_bytes <= file_bytes - address;
}

}  // namespace h5flume::hdf5
