#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/file_descriptor.h"
#include "readers/hdf5/dataset_info.h"

namespace h5flume::hdf5 {

/// What an output dataset is made as.
struct OutputPlan {
  std::string path;                  ///< of the dataset inside the file; groups on the way are made
  std::vector<std::uint64_t> shape;  ///< rank 1 or more
  ElementType type;                  ///< of a fixed size

  /// Kept as the dataset's attribute "h5flume_owner", so that whoever finds the file knows whether
  /// it is theirs.
  std::string owner;
};

/// A dataset that many processes write rows of, any of which may die at any moment.
///
/// libhdf5 makes the file, whole, before anybody sees it: contiguous, without filters, and with all
/// its room allotted. From then on rows are written straight to their place, and libhdf5 is not
/// asked any more: there is nothing in the file that a death could leave half changed. Rows that
/// nobody has written are zero, and take no room on the disk. `h5repack` compresses it afterwards.
///
/// Threads: all members may be called by any at once, write_rows() for rows that do not overlap.
class OutputDataset {
 public:
  /// Makes `file` with this dataset in it, so that it is there as a whole or not at all. False if
  /// something else was there first, which is left as it is.
  ///
  /// Throws kUnsupported (elements that cannot be written), kNotFound (no such folder),
  /// kOutOfMemory, kIo.
  static bool create(const std::string& file, const OutputPlan& plan);

  /// Opens what create() has made. Throws as Dataset does, and kInvalidArgument for a dataset that
  /// was not made so.
  OutputDataset(const std::string& file, const std::string& path);

  const DatasetInfo& info() const noexcept { return info_; }
  const std::string& owner() const noexcept { return owner_; }

  /// Throws kInvalidArgument unless the bytes are whole rows and lie in the dataset, kOutOfMemory
  /// for a full disk, kSourceChanged if the file has been removed, kIo.
  void write_rows(std::uint64_t first_row, std::span<const std::byte> rows);

  /// Makes what has been written survive the machine's going down. Throws kIo.
  void sync();

 private:
  void require_linked() const;

  DatasetInfo info_;
  std::string owner_;
  std::uint64_t address_ = 0;
  FileDescriptor file_;
};

}  // namespace h5flume::hdf5
