#pragma once

#include <H5Cpp.h>

#include <cstdint>

#include "readers/hdf5/dataset_info.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/memory_type_internal.h"
#include "readers/hdf5/storage_map.h"

namespace h5flume::hdf5 {

/// What a Dataset knows of itself.
struct OpenedDataset {
  const H5::DataSet& dataset;
  const DatasetInfo& info;
  const MemoryType& memory;
  bool in_opened_file = true;  ///< no external link led to it
  bool has_chosen_fields = false;
  bool zero_gaps = false;  ///< what was never written reads as zero, not as the fill value
  int descriptor = -1;     ///< of the file
  std::uint64_t file_bytes = 0;
};

/// Dataset::storage_map(), with messages that are causes only. The caller holds `access`.
StorageMap map_storage(LibraryAccess& access, const OpenedDataset& opened);

}  // namespace h5flume::hdf5
