#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/file_identity.h"
#include "core/list_writer.h"
#include "readers/hdf5/dataset_info.h"
#include "readers/hdf5/storage_map.h"

namespace h5flume::hdf5 {

/// How to open a dataset.
struct OpenOptions {
  /// Fields to read of a compound dataset; empty reads whole rows. A nested field is written
  /// "outer/inner". One name gives that field's own type, several a packed compound of them
  /// in the order given. A field of variable length has to be the only one.
  std::vector<std::string> fields;

  /// Lets external links, external raw files and virtual sources lead outside the folder that
  /// holds the file. Off, so that a downloaded file cannot read the rest of the disk.
  bool allow_outside_sources = false;

  /// For open_row_reader(): reads without libhdf5 where the way the dataset is stored allows it.
  bool direct = true;

  /// For open_row_reader(): where indices of large datasets are kept, see chunks::IndexFolder.
  /// Empty: nowhere.
  std::string index_folder;

  /// Memory for decoded chunks that reach over the end of a block, of all readers of the dataset in
  /// this process together, where it is read directly. A chunk that finds no room is decoded again
  /// for each block.
  std::size_t chunk_cache_bytes = 256 << 20;

  /// For open_row_reader(): maps the file, which saves a copy of large chunks, and takes the
  /// process down if the file is cut short while it is read.
  bool map_file = false;

  /// Leaves info().stored_bytes of chunked data at 0 until measure_storage(): libhdf5 walks over
  /// the whole index for it, which a caller of storage_map() has done already.
  bool defer_stored_bytes = false;

  /// Opens a dataset although libhdf5 lacks a filter of its chunks, for a caller who has that
  /// filter: info() and storage_map() work, read_rows() throws kMissingFilter.
  bool allow_missing_filters = false;
};

/// A dataset opened for reading, by libhdf5. The only reader that serves everything.
///
/// Lifetime: holds its file open. Threads: calls on any number of Datasets may run at once;
/// libhdf5 does one at a time, under one lock of this library.
class Dataset {
 public:
  /// Opens the dataset at `path` inside `file`, read only.
  ///
  /// Throws kNotFound (no file, no dataset), kInvalidArgument (a group in place of a dataset, an
  /// unknown field, fields of a dataset that has none), kUnsupported (scalar and null
  /// dataspaces, variable lengths inside another type, references and other types not served,
  /// named), kMissingFilter (see OpenOptions::allow_missing_filters), kRefused (see
  /// OpenOptions::allow_outside_sources), kCorruptData. A missing source of a virtual dataset is
  /// kNotFound.
  Dataset(const std::string& file, const std::string& path, const OpenOptions& options = {});
  Dataset(Dataset&&) noexcept;
  Dataset& operator=(Dataset&&) noexcept;
  ~Dataset();

  const DatasetInfo& info() const noexcept;

  /// Throws kMissingFilter if OpenOptions::allow_missing_filters was needed.
  void require_filters() const;

  /// Asks libhdf5 for info().stored_bytes, see OpenOptions::defer_stored_bytes.
  void measure_storage();

  /// Of the file that is open, taken from its descriptor when it was opened.
  const FileIdentity& identity() const noexcept;

  /// Reads rows [first_row, first_row + row_count) into `out`, C order, native byte order.
  /// Missing chunks give the fill value. `out` must hold exactly row_count * info().row_bytes().
  ///
  /// Throws kInvalidArgument (rows outside the dataset, wrong buffer size, elements of variable
  /// length), kCorruptData (a filter or checksum fails), kSourceChanged (the file, or a file it
  /// draws on, was truncated, rewritten or removed since it was opened), kIo.
  void read_rows(std::uint64_t first_row, std::uint64_t row_count, std::span<std::byte> out);

  /// Reads the elements [start, start + extent) of every axis into `out`, as read_rows() does.
  /// `start` and `extent` have an entry for each axis, `out` holds exactly their elements.
  /// Throws as read_rows() does; kInvalidArgument also for a box outside the dataset.
  void read_box(std::span<const std::uint64_t> start, std::span<const std::uint64_t> extent,
                std::span<std::byte> out);

  /// Reads rows of elements of variable length and appends their elements to `out`, in C order and
  /// native byte order. Missing chunks give the fill value, null pointers empty elements. Where
  /// the values of a few rows alone are far more than fits, `out` is told to give up.
  ///
  /// The values of some 4096 elements, or of one row if it has more, are in memory beside `out` at
  /// a time; never more than `out` has room for or 16 MiB.
  ///
  /// Throws as read_rows() does, and kInvalidArgument for elements of a fixed size.
  void append_rows(std::uint64_t first_row, std::uint64_t row_count, ListWriter& out);

  /// The same for the elements [start, start + extent) of every axis, all at a time.
  /// Throws as append_rows() does; kInvalidArgument also for a box outside the dataset.
  void append_box(std::span<const std::uint64_t> start, std::span<const std::uint64_t> extent,
                  ListWriter& out);

  /// Where the dataset's values lie, for reading them without libhdf5; or why that cannot be.
  ///
  /// Looks up every chunk: a million take some tenths of a second, each missing one amid
  /// others a microsecond more, and 24 bytes of memory each. Nothing is kept.
  ///
  /// Throws kCorruptData (a range outside the file, an index that contradicts itself; names the
  /// chunk), kSourceChanged, kIo, kOutOfMemory.
  StorageMap storage_map() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One object found by list_datasets().
struct ListedDataset {
  std::string path;
  std::string error;  ///< why it cannot be followed, for a dangling or refused link; else empty
};

/// The paths of all datasets of `file`, in the order of their names, each hard-linked object
/// once; soft links are not followed. Throws as Dataset does for a file that cannot be read.
std::vector<ListedDataset> list_datasets(const std::string& file);

}  // namespace h5flume::hdf5
