#pragma once

#include <H5Cpp.h>

#include <string>

namespace h5flume::hdf5 {

/// Throws, with a cause only, if `path` is not a regular file that this process may read.
/// libhdf5's own reports of such cases are long, and opening a pipe would wait for ever.
void require_regular_file(const std::string& path);

/// Opens `path` read only, by libhdf5's plain file driver. The caller holds a LibraryAccess.
H5::H5File open_file(const std::string& path);

/// The descriptor by which libhdf5 holds `file`; it stays libhdf5's.
int descriptor_of(const H5::H5File& file);

}  // namespace h5flume::hdf5
