#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/array_view.h"
#include "core/block_ring.h"
#include "core/list_view.h"
#include "readers/hdf5/dataset_info.h"

namespace h5flume {

namespace internal {
/// Throws kInvalidArgument unless an array of T can show elements of `type`: the same size, and
/// the same meaning where T is a number. A struct or std::byte shows any type of its size.
void check_viewable(const ElementType& type, const ElementType* wanted, std::size_t wanted_size);
std::vector<std::uint64_t> view_shape(const hdf5::DatasetInfo& dataset, std::uint64_t row_count,
                                      bool as_bytes);

/// Rows of fixed-size elements as an array of T, see Block::view().
template <class T>
ArrayView<T> array_in(const hdf5::DatasetInfo& dataset, std::uint64_t row_count,
                      std::span<const std::byte> bytes, std::shared_ptr<const Lease> lease) {
  static_assert(std::is_trivially_copyable_v<T>, "a view shows plain data only");
  constexpr bool kAsBytes = std::is_same_v<T, std::byte>;
  if constexpr (std::is_arithmetic_v<T>) {
    const ElementType wanted = element_type_of<T>();
    check_viewable(dataset.type, &wanted, sizeof(T));
  } else if constexpr (!kAsBytes) {
    check_viewable(dataset.type, nullptr, sizeof(T));
  }
  return ArrayView<T>(std::move(lease), reinterpret_cast<const T*>(bytes.data()),
                      view_shape(dataset, row_count, kAsBytes));
}

/// Rows of variable-length data. `wanted` is the type of the values, as for check_viewable(), or
/// text. Throws kInvalidArgument if the values are of another.
ListLayout list_layout(const hdf5::DatasetInfo& dataset, const ElementType* wanted,
                       std::size_t wanted_size, std::uint64_t row_count,
                       std::span<const std::byte> bytes, std::shared_ptr<const Lease> lease);

StringsView strings_in(const hdf5::DatasetInfo& dataset, std::uint64_t row_count,
                       std::span<const std::byte> bytes, std::shared_ptr<const Lease> lease);

template <class T>
ListsView<T> lists_in(const hdf5::DatasetInfo& dataset, std::uint64_t row_count,
                      std::span<const std::byte> bytes, std::shared_ptr<const Lease> lease) {
  if constexpr (std::is_arithmetic_v<T>) {
    const ElementType wanted = element_type_of<T>();
    return ListsView<T>(
        list_layout(dataset, &wanted, sizeof(T), row_count, bytes, std::move(lease)));
  } else {
    const std::size_t size = std::is_same_v<T, std::byte> ? 0 : sizeof(T);
    return ListsView<T>(list_layout(dataset, nullptr, size, row_count, bytes, std::move(lease)));
  }
}
}  // namespace internal

/// Consecutive rows of a dataset, read in place from the ring: a read reservation.
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
  Block(Block&&) noexcept = default;
  Block& operator=(Block&& other) noexcept;
  ~Block() { release(); }

  /// Row of the dataset that comes first. A wrapped block of a cyclic stream goes on at row 0.
  std::uint64_t first_row() const noexcept { return first_row_; }
  std::uint64_t row_count() const noexcept { return row_count_; }

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
    return internal::strings_in(*dataset_, row_count_, memory, lease_);
  }

  /// The elements of the rows, in C order, where they are variable-length sequences. T is the type
  /// of the values as for view(); std::byte shows those of any type, strings too.
  /// Throws as strings() does.
  template <class T>
  ListsView<T> lists() const {
    const auto memory = bytes();
    return internal::lists_in<T>(*dataset_, row_count_, memory, lease_);
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
};

template <class T>
ArrayView<T> Block::view() const {
  return internal::array_in<T>(*dataset_, row_count_, bytes(), lease_);
}

}  // namespace h5flume
