#pragma once

#include <cstdint>
#include <vector>

#include "readers/hdf5/chunk_grid_internal.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/storage_map.h"
#include "readers/hdf5/storage_map_internal.h"

namespace h5flume::hdf5 {

/// All chunks of the grid, in C order.
///
/// Throws kCorruptData naming the chunk, by its place in the grid, for one that the index cannot
/// tell or that does not lie inside the file. The caller holds `access`.
std::vector<StoredChunk> chunk_index(LibraryAccess& access, const OpenedDataset& opened,
                                     const std::vector<std::uint64_t>& grid);

}  // namespace h5flume::hdf5
