#pragma once

#include <cstdint>
#include <string>

#include "bench/readers/pass.h"

namespace h5flume::bench {

/// The baseline: opens the file and reads the dataset with one H5Dread after another, `block_rows`
/// rows each, into one buffer, and touches a byte of each block. Library defaults throughout.
/// Reads the dataset again from its first row until `pass` is done. Throws H5::Exception.
void read_serially(const std::string& file, const std::string& dataset, std::uint64_t block_rows,
                   Pass& pass);

/// Version of the libhdf5 that is linked.
std::string hdf5_version();

}  // namespace h5flume::bench
