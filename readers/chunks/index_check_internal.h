#pragma once

#include <span>
#include <string>

#include "core/error.h"
#include "readers/chunks/index_file.h"

namespace h5flume::chunks {

inline void require(bool holds, const char* otherwise) {
  if (!holds) throw Error(ErrorCode::kCorruptData, otherwise);
}

/// Checks everything of `indexed` but its chunks, and sets the grid, which follows from the rest.
/// Throws Error{kCorruptData}, whose message is a cause.
void check_and_complete(IndexedDataset& indexed);

/// The same for the chunks of an IndexedDataset that is complete.
void check_chunks(const IndexedDataset& indexed, std::span<const hdf5::StoredChunk> chunks);

}  // namespace h5flume::chunks
