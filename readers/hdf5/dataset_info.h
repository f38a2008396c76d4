#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/element_type.h"

namespace h5flume::hdf5 {

/// How a dataset's values are laid out in its file.
enum class Layout { kCompact, kContiguous, kChunked, kVirtual, kExternal };

/// "chunked" and so on.
std::string to_string(Layout layout);

/// One stage of the chunk filter pipeline, in the order of writing.
struct Filter {
  int id = 0;                         ///< registered number, e.g. 1 deflate, 2 shuffle
  std::string name;                   ///< "gzip", "shuffle", ... or the name stored in the file
  std::vector<std::uint32_t> values;  ///< the filter's parameters as stored ("cd_values")

  bool operator==(const Filter&) const = default;
};

/// What a dataset is, learned without reading its values.
///
/// Threads: a value; copy it freely.
struct DatasetInfo {
  std::string file;                  ///< the path that was opened
  std::string path;                  ///< the dataset's path inside the file
  std::vector<std::uint64_t> shape;  ///< dimensions; rank 1 or more. Rows run along axis 0
  ElementType type;                  ///< of the elements as they are delivered, after `fields`
  Layout layout = Layout::kContiguous;
  std::vector<std::uint64_t> chunk;  ///< chunk shape; empty if not chunked
  std::vector<Filter> filters;       ///< chunk filters in the order of writing
  std::uint64_t stored_bytes = 0;    ///< allocated in the file, after compression; of
                                     ///< variable-length data only what refers to the values

  /// What an element of variable length takes in the file, on average and at most: the file's size,
  /// shared among the elements. 0 for others.
  std::uint64_t mean_value_bytes_at_most = 0;

  /// Why libhdf5 has to read the values. Empty if they are read directly; see open_row_reader().
  std::string hdf5_reason;

  std::uint64_t row_count() const noexcept { return shape.empty() ? 0 : shape[0]; }
  std::uint64_t row_elements() const noexcept;  ///< elements of one row
  std::uint64_t elements_of(std::uint64_t rows) const noexcept { return rows * row_elements(); }

  /// `shape`, with `row_count` rows.
  std::vector<std::uint64_t> shape_of_rows(std::uint64_t row_count) const;

  /// Bytes of one row, and of the whole dataset, decoded. 0 for variable-length data: nobody knows
  /// before it is read.
  std::uint64_t row_bytes() const noexcept;
  std::uint64_t decoded_bytes() const noexcept;

  bool operator==(const DatasetInfo&) const = default;
};

/// How messages name rows: "'/events' rows 4096-8191 of run7.h5".
std::string name_of_rows(const DatasetInfo& info, std::uint64_t first_row, std::uint64_t row_count);

/// The same for a box: "'/images' [0:32, 64:96] of run7.h5".
std::string name_of_box(const DatasetInfo& info, std::span<const std::uint64_t> start,
                        std::span<const std::uint64_t> extent);

/// Throws kInvalidArgument unless the rows lie in the dataset.
void check_row_range(const DatasetInfo& info, std::uint64_t first_row, std::uint64_t row_count);

/// Throws kInvalidArgument unless the rows lie in the dataset and a buffer of `buffer_bytes` holds
/// exactly them.
void check_rows(const DatasetInfo& info, std::uint64_t first_row, std::uint64_t row_count,
                std::uint64_t buffer_bytes);

/// The same for a box.
void check_box(const DatasetInfo& info, std::span<const std::uint64_t> start,
               std::span<const std::uint64_t> extent, std::uint64_t buffer_bytes);

}  // namespace h5flume::hdf5
