#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "core/array_view.h"
#include "readers/hdf5/dataset_info.h"
#include "readers/stream/block.h"
#include "readers/worker/file_options.h"

namespace h5flume {

/// Consecutive rows of a dataset where they lie in the mapped file: no copy.
///
/// Lifetime: keeps the mapping; may outlive its MappedRows. Its views expire with it, or with
/// release(). Threads: may move between threads, not be shared by them while it is released.
class [[nodiscard]] RowsInPlace {
 public:
  RowsInPlace() = default;
  RowsInPlace(RowsInPlace&&) noexcept = default;
  RowsInPlace& operator=(RowsInPlace&& other) noexcept;
  ~RowsInPlace() { release(); }

  std::uint64_t first_row() const noexcept { return first_row_; }
  std::uint64_t row_count() const noexcept { return row_count_; }

  /// The rows' bytes: C order, native byte order. Their address is whatever it is in the file: it
  /// need not be a multiple of anything. Throws kExpiredView after release().
  std::span<const std::byte> bytes() const;

  /// The rows as an array of T, as Block::view() has it. Throws kInvalidArgument if T does not fit
  /// the element type, kUnsupported if the rows lie at an address that no T may have, kExpiredView
  /// after release().
  template <class T>
  ArrayView<T> view() const;

  /// Lets the mapping go; views of these rows are expired from now on. No effect if repeated.
  void release() noexcept;

 private:
  friend class MappedRows;
  void require_alignment(std::size_t alignment) const;

  std::shared_ptr<const void> mapping_;
  std::shared_ptr<const hdf5::DatasetInfo> dataset_;
  std::shared_ptr<Lease> lease_;
  std::span<const std::byte> bytes_;
  std::uint64_t first_row_ = 0;
  std::uint64_t row_count_ = 0;
};

/// The rows of a dataset that stand in its file just as they are delivered, looked at in a mapping
/// of the file, at the speed of memory:
///
///   h5flume::MappedRows rows("run7.h5", "/images");
///   for (std::uint64_t row = 0; row < rows.info().row_count();) {
///     const auto some = rows.rows(row, rows.contiguous_rows(row));
///     use(some.view<std::uint8_t>());
///     row += some.row_count();
///   }
///
/// That is so for contiguous datasets, and for chunked ones without filters whose chunks hold whole
/// rows; not where bytes have to be swapped or strings padded. The file is opened by a worker
/// process, as open_isolated() does it; this process only maps it.
///
/// Nobody may change the file meanwhile. Written to, the rows show the new bytes. Cut short, the
/// program gets the signal SIGBUS when it looks at rows that are gone: the one place in this
/// library where a data file can do that. Streams and open_isolated() never map one in the calling
/// process. rows() throws kSourceChanged if the file has changed until then.
///
/// Threads: all members may be called at once.
class MappedRows {
 public:
  /// Throws as open_isolated() does, kUnsupported also for datasets that have to be decoded,
  /// swapped or padded, naming the reason; kSourceChanged.
  MappedRows(const std::string& file, const std::string& dataset, const FileOptions& options = {},
             std::chrono::milliseconds timeout = std::chrono::milliseconds{8'000});
  MappedRows(MappedRows&&) noexcept;
  MappedRows& operator=(MappedRows&&) noexcept;
  ~MappedRows();

  const hdf5::DatasetInfo& info() const noexcept;

  /// How many rows from `first_row` on lie together, without a gap: all the rest of a contiguous
  /// dataset, the rest of its chunk else. 0 at the end of the dataset.
  /// Throws kInvalidArgument beyond that.
  std::uint64_t contiguous_rows(std::uint64_t first_row) const;

  /// Rows [first_row, first_row + row_count), which have to lie together.
  /// Throws kInvalidArgument (rows that do not, or that the dataset has not), kUnsupported for rows
  /// that were never written, kSourceChanged.
  RowsInPlace rows(std::uint64_t first_row, std::uint64_t row_count) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

template <class T>
ArrayView<T> RowsInPlace::view() const {
  const auto memory = bytes();
  auto view =
      internal::array_in<T>(dataset_->type, dataset_->shape_of_rows(row_count_), memory, lease_);
  require_alignment(alignof(T));
  return view;
}

}  // namespace h5flume
