#pragma once

#include <H5Cpp.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bench/readers/requests.h"

namespace h5flume::bench {

/// The baseline: requests served by H5Dread, each into the same buffer.
///
/// Threads: one at a time. All members throw H5::Exception.
class LibraryRequests {
 public:
  /// How the rows of a batch are read.
  enum class Batch {
    kRowByRow,  ///< one H5Dread each, in dataset order, straight to their places
    kUnion,     ///< one H5Dread of the union of their hyperslabs, and a copy to their places
  };

  /// With the library's default chunk cache of 1 MiB, or another.
  LibraryRequests(const std::string& file, const std::string& dataset,
                  std::size_t cache_bytes = 1 << 20);

  /// The elements, valid until the next call.
  std::span<const std::byte> read(const Requests& requests, std::size_t request, Batch batch);

 private:
  void select_rows(std::uint64_t first, std::uint64_t count, H5S_seloper_t how = H5S_SELECT_SET);
  void read_selected(std::uint64_t rows, const H5::DataType& type, std::byte* to);
  void read_row_by_row(std::span<const std::int64_t> rows);
  void read_union(std::span<const std::int64_t> rows);
  std::size_t row_bytes(const H5::DataType& type) const;

  H5::H5File file_;
  H5::DataSet dataset_;
  H5::DataSpace space_;
  H5::DataSpace memory_;
  H5::DataType type_;
  H5::DataType column_;  // of one field; of a table only
  std::vector<hsize_t> shape_;
  std::vector<hsize_t> start_;
  std::vector<hsize_t> count_;
  std::vector<std::size_t> order_;  // of a batch, by row
  std::vector<std::byte> buffer_;
  std::vector<std::byte> sorted_;
};

}  // namespace h5flume::bench
