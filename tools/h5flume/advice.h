#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "readers/hdf5/dataset_info.h"

namespace h5flume::cli {

/// What the layout of `dataset` means for streaming blocks of `block_rows` rows and for reading
/// rows in random order: one sentence for each thing worth knowing, none for a layout that is fine.
std::vector<std::string> advice_for(const hdf5::DatasetInfo& dataset, std::uint64_t block_rows);

}  // namespace h5flume::cli
