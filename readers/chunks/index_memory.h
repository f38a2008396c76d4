#pragma once

#include "core/file_descriptor.h"
#include "readers/chunks/index_file.h"

namespace h5flume::chunks {

/// An index in anonymous memory that nobody can change any more, for another process to map.
/// Throws kOutOfMemory, kResourceLimit, kIo.
FileDescriptor index_to_memory(const IndexedDataset& indexed);

/// The dataset of such memory, which need not come from somebody who is trusted. It stays mapped as
/// long as the dataset's chunks are there. Throws what decode_index() throws, and kCorruptData for
/// anything that could still be changed or cut short.
IndexedDataset index_from_memory(FileDescriptor memory);

}  // namespace h5flume::chunks
