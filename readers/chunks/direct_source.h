#pragma once

#include <memory>

#include "readers/chunks/file_bytes.h"
#include "readers/chunks/index_file.h"
#include "readers/hdf5/storage_map.h"

namespace h5flume::chunks {

/// What it takes to read a dataset without libhdf5: what it is, where its values lie, and the file.
///
/// Threads: shared by all of a dataset's readers.
struct DirectSource {
  hdf5::DatasetInfo info;
  hdf5::StorageMap map;  ///< without a reason_for_hdf5
  std::unique_ptr<ByteSource> bytes;
  bool allow_outside_sources = false;  ///< as the dataset was opened
};

/// Opens the file of an index. With `map_file` it is mapped where that saves a copy, see
/// hdf5::OpenOptions. Throws kSourceChanged if `indexed.info.file` is not the file any more that
/// was indexed, kNotFound, kIo.
std::shared_ptr<const DirectSource> open_direct_source(IndexedDataset indexed, bool map_file);

}  // namespace h5flume::chunks
