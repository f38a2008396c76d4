#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "readers/hdf5/dataset_info.h"
#include "storage/atomic_file.h"

namespace h5flume::cli {

/// Throws kUnsupported if .npy files have no form for the elements of `dataset`.
void require_npy_type(const hdf5::DatasetInfo& dataset);

/// Writes rows of a dataset into a .npy file, in any order.
/// Format: numpy.lib.format, version 1.0; 2.0 where the header is longer than 65535 bytes, 3.0
/// where field names are not ASCII. C order, native byte order, dimensions of array elements last.
///
/// Lifetime: the file appears with commit(), and not at all without it; see AtomicFile.
class NpyWriter {
 public:
  /// `row_count` rows of `dataset` will be written; those that are not stay zero. See
  /// require_npy_type().
  NpyWriter(const std::string& path, const hdf5::DatasetInfo& dataset, std::uint64_t row_count);

  /// Writes whole rows from `first_row` of the file on.
  void write_rows(std::uint64_t first_row, std::span<const std::byte> rows);

  void commit() && { std::move(file_).commit(); }

 private:
  AtomicFile file_;
  std::uint64_t header_bytes_ = 0;
  std::uint64_t row_bytes_ = 0;
};

}  // namespace h5flume::cli
