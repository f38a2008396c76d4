#pragma once

#include <H5Cpp.h>

#include <memory>
#include <string>

#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/storage_map.h"

namespace h5flume::hdf5 {

/// Finds out where chunks lie by asking libhdf5 to read them.
///
/// Before 1.14.4 libhdf5 has no sound way to list the chunks of a dataset: H5Dget_chunk_info() and
/// its siblings walk the index anew for every chunk, so that all of them take quadratic time. But
/// H5Dread_chunk() looks one chunk up as a read does, and ends in one read of the file's driver. So
/// the file is opened a second time by a driver of our own, which notes the address and the size of
/// such a read in place of doing it. The address includes the user block.
///
/// Lifetime: the file's descriptor is copied; the dataset is needed by the constructor only.
/// Threads: as LibraryAccess, which must outlive it.
class ChunkRecorder {
 public:
  /// Opens the file behind `descriptor` again, and in it the same object as `dataset`, without
  /// following any link. `file_name` is for messages of libhdf5. Throws H5::Exception.
  ChunkRecorder(LibraryAccess& access, const H5::DataSet& dataset, const std::string& file_name,
                int descriptor);
  ChunkRecorder(const ChunkRecorder&) = delete;
  ChunkRecorder& operator=(const ChunkRecorder&) = delete;
  ~ChunkRecorder();

  /// The chunk that begins at `first_element`, one coordinate for each axis; not checked against
  /// the file's size. Throws Error, a cause only, if the index cannot tell.
  StoredChunk locate(const hsize_t* first_element);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace h5flume::hdf5
