#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/block_ring.h"
#include "core/typed_view.h"
#include "readers/hdf5/dataset_info.h"

namespace h5flume {

/// Consecutive rows of a dataset, read in place from the ring: a read reservation. With
/// StreamOptions::where those of them for which the condition holds.
///
/// While it is held its bytes do not change and its slot is not reused. Destruction, release() or
/// assignment give the slot back to the workers.
///
/// Lifetime: may outlive its queue; it keeps the ring's memory. Threads: may move between threads,
/// not be shared by them while it is released.
class [[nodiscard]] Block {
 public:
  Block() = default;
  Block(ReadReservation slot, std::shared_ptr<const hdf5::DatasetInfo> dataset,
        std::uint64_t first_row, std::uint64_t row_count, std::uint64_t epoch);
  /// Of a slot that a RowFilter packed. Throws as RowFilter::unpack() does.
  Block(ReadReservation slot, std::shared_ptr<const hdf5::DatasetInfo> dataset,
        std::uint64_t first_row, std::uint64_t epoch);
  Block(Block&&) noexcept = default;
  Block& operator=(Block&& other) noexcept;
  ~Block() { release(); }

  /// Row of the dataset at which the block begins, be it left out by a condition or not. A wrapped
  /// block of a cyclic stream goes on at row 0.
  std::uint64_t first_row() const noexcept { return first_row_; }

  /// Number of rows in this block. With a condition from 1 to what it has without.
  std::uint64_t row_count() const noexcept { return row_count_; }

  /// The place in the dataset of row `index` of this block.
  /// Throws kInvalidArgument for a row that it has not, kExpiredView after release().
  std::uint64_t row_number(std::uint64_t index) const;

  /// Number of complete passes over the dataset before this block's first row; 0 unless cyclic.
  std::uint64_t epoch() const noexcept { return epoch_; }

  /// The dataset, with the element type that this block holds.
  const hdf5::DatasetInfo& dataset() const noexcept { return *dataset_; }
  const std::shared_ptr<const hdf5::DatasetInfo>& shared_dataset() const noexcept {
    return dataset_;
  }

  /// The rows' bytes: C order, native byte order; of variable-length data as
  /// docs/variable-length.md says. Throws kExpiredView after release().
  std::span<const std::byte> bytes() const;

  /// The rows as an array of T: shape {row_count, inner dimensions, dimensions of an array
  /// element}. T is the arithmetic type of the elements, a trivially copyable struct of the size of
  /// a compound, or std::byte (which appends an axis of the element's bytes).
  /// Throws kInvalidArgument if T does not fit the element type, kExpiredView after release().
  template <class T>
  ArrayView<T> view() const;

  /// The elements of the rows, in C order, where they are variable-length strings.
  /// Throws kInvalidArgument where they are not, kExpiredView after release().
  StringsView strings() const {
    const auto memory = bytes();
    return internal::strings_in(dataset_->type, dataset_->elements_of(row_count_), memory, lease_);
  }

  /// The elements of the rows, in C order, where they are variable-length sequences. T is the type
  /// of the values as for view(); std::byte shows those of any type, strings too.
  /// Throws as strings() does.
  template <class T>
  ListsView<T> lists() const {
    const auto memory = bytes();
    return internal::lists_in<T>(dataset_->type, dataset_->elements_of(row_count_), memory, lease_);
  }

  /// Gives the slot back; views of this block are expired from now on. No effect if repeated.
  void release() noexcept;

 private:
  ReadReservation slot_;
  std::shared_ptr<Lease> lease_;
  std::shared_ptr<const hdf5::DatasetInfo> dataset_;
  std::uint64_t first_row_ = 0;
  std::uint64_t row_count_ = 0;
  std::uint64_t epoch_ = 0;
  std::span<const std::uint64_t> numbers_;  // of the rows, in the slot
  bool is_filtered_ = false;
};

template <class T>
ArrayView<T> Block::view() const {
  const auto memory = bytes();
  return internal::array_in<T>(dataset_->type, dataset_->shape_of_rows(row_count_), memory, lease_);
}

}  // namespace h5flume
