#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "readers/chunks/index_file.h"
#include "readers/hdf5/dataset.h"

namespace h5flume {

/// Reads the rows of one dataset, directly or by libhdf5.
///
/// Threads: one at a time.
class RowReader {
 public:
  virtual ~RowReader() = default;

  /// info().hdf5_reason tells which way the rows are read.
  virtual const hdf5::DatasetInfo& info() const noexcept = 0;

  /// Of the file that is open.
  virtual const FileIdentity& identity() const noexcept = 0;

  /// What it takes to read the dataset directly, with all fields of its elements; nothing if
  /// libhdf5 reads it.
  virtual std::optional<chunks::IndexedDataset> index() const { return std::nullopt; }

  /// The open dataset, if libhdf5 reads the rows; else null. Lives as long as the reader.
  virtual hdf5::Dataset* library_dataset() noexcept { return nullptr; }

  /// Another reader of the same dataset, for another thread. Cheap where the dataset is read
  /// directly. Throws as open_row_reader() does.
  virtual std::unique_ptr<RowReader> clone() const = 0;

  /// As hdf5::Dataset::read_rows(), with the same bytes and the same errors.
  virtual void read_rows(std::uint64_t first_row, std::uint64_t row_count,
                         std::span<std::byte> out) = 0;

  /// As hdf5::Dataset::append_rows(): for elements of variable length, which only libhdf5 reads.
  /// A reader that is not by libhdf5 throws kUnsupported.
  virtual void append_rows(std::uint64_t first_row, std::uint64_t row_count, ListWriter& out);
};

/// Opens a dataset for reading rows: directly if the way it is stored allows it, else by libhdf5.
/// Throws as the constructor of hdf5::Dataset does.
std::unique_ptr<RowReader> open_row_reader(const std::string& file, const std::string& path,
                                           const hdf5::OpenOptions& options = {});

/// A reader of a dataset by its index, without libhdf5, or of the fields that `options` name.
/// Throws kSourceChanged if the file `indexed.info.file` is not the one any more that was indexed,
/// kNotFound, kIo; kInvalidArgument for fields that are not there.
std::unique_ptr<RowReader> open_by_index(chunks::IndexedDataset indexed,
                                         const hdf5::OpenOptions& options = {});

}  // namespace h5flume
