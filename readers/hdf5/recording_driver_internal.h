#pragma once

#include <H5Cpp.h>

#if __has_include(<H5FDdevelop.h>)
#include <H5FDdevelop.h>  // where HDF5 1.14 declares what drivers are made of
#endif

#include "readers/hdf5/hdf5_call_internal.h"

namespace h5flume::hdf5 {

/// A file opened by the recording driver.
///
/// Reads like libhdf5's plain driver until `is_recording` is set; from then on a read of raw data
/// (H5FD_MEM_DRAW) only notes its place, and leaves the buffer alone. Refuses to write.
struct RecordingFile : H5FD_t {
  int descriptor = -1;
  haddr_t end_of_allocation = 0;
  haddr_t end_of_file = 0;

  bool is_recording = false;
  unsigned reads = 0;  ///< of raw data, since the caller set it to 0
  haddr_t address = 0;
  std::size_t size_bytes = 0;
};

/// Registers the driver with libhdf5. It must be kept for as long as files are open by it.
Identifier register_recording_driver();

/// A list of access properties that opens, by `driver`, the file behind `descriptor`, of which
/// every opening takes a copy. The name that is given to H5Fopen() is not looked at.
Identifier recording_access(const Identifier& driver, int descriptor);

/// The driver's part of a file that was opened by it; libhdf5 owns it.
RecordingFile& recording_file(const Identifier& file);

}  // namespace h5flume::hdf5
