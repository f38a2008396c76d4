#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "readers/hdf5/dataset_info.h"
#include "storage/atomic_file.h"
#include "tools/h5flume/npy_header.h"

namespace h5flume::cli {

/// Throws kUnsupported if .npy files have no form for the elements of `dataset`.
void require_npy_type(const hdf5::DatasetInfo& dataset);

/// Writes elements into a .npy file, in any order; see NpyArray for its form.
///
/// Lifetime: the file appears with commit(), and not at all without it; see AtomicFile.
class NpyWriter {
 public:
  /// As many elements of `type` as `shape` has will be written; those that are not stay zero. The
  /// dimensions of array elements become the last axes of the file. See require_npy_type().
  NpyWriter(const std::string& path, const ElementType& type,
            const std::vector<std::uint64_t>& shape);

  /// Writes part of the elements' bytes, from byte `offset` of them on.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);

  /// Cuts the file to the first `row_count` places of its first axis, no more than it was made for.
  void shorten(std::uint64_t row_count);

  void commit() && { std::move(file_).commit(); }

 private:
  void write_header();

  NpyArray array_;
  std::uint64_t most_rows_;
  AtomicFile file_;
  std::uint64_t header_bytes_ = 0;
};

}  // namespace h5flume::cli
