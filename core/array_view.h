#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/error.h"

namespace h5flume {

/// Tells whether the memory behind a view may still be looked at. Shared by a reservation and its
/// views; the reservation ends it.
class Lease {
 public:
  bool valid() const noexcept { return valid_.load(std::memory_order_acquire); }
  void end() noexcept { valid_.store(false, std::memory_order_release); }

  /// Throws kExpiredView once the lease has ended.
  void check() const {
    if (!valid()) {
      throw Error(ErrorCode::kExpiredView,
                  "look at a block: its reservation has been released, and its memory may already "
                  "hold another block; keep the reservation, or copy the data");
    }
  }

 private:
  // acquire/release: whoever sees the lease ended also sees what was done before it ended.
  std::atomic<bool> valid_{true};
};

/// A read-only n-d window onto memory that belongs to a reservation: no copy, C order.
///
/// Lifetime: valid while the reservation is held. data(), span() and row() check that on every
/// call, element access checks it in debug builds; a late use throws kExpiredView and never
/// touches the memory. A pointer or span taken earlier is not watched.
/// Threads: may be read from several threads at once.
template <class T>
class ArrayView {
 public:
  ArrayView(std::shared_ptr<const Lease> lease, const T* data, std::vector<std::uint64_t> shape)
      : lease_(std::move(lease)), data_(data), shape_(std::move(shape)), strides_(shape_.size()) {
    std::ptrdiff_t stride = sizeof(T);
    for (std::size_t axis = shape_.size(); axis-- > 0;) {
      strides_[axis] = stride;
      stride *= static_cast<std::ptrdiff_t>(shape_[axis]);
    }
  }

  /// Dimensions; shape()[0] is the number of rows. Dimensions of array elements come last.
  const std::vector<std::uint64_t>& shape() const noexcept { return shape_; }

  /// Bytes from one element to the next along each axis.
  const std::vector<std::ptrdiff_t>& strides() const noexcept { return strides_; }

  std::size_t rank() const noexcept { return shape_.size(); }

  /// Number of elements.
  std::size_t size() const noexcept {
    std::size_t count = 1;
    for (const auto dim : shape_) count *= dim;
    return count;
  }

  const T* data() const {
    lease_->check();
    return data_;
  }

  /// All elements, C order.
  std::span<const T> span() const { return {data(), size()}; }

  /// The elements of row `index`, C order. Throws kInvalidArgument beyond the last row.
  std::span<const T> row(std::uint64_t index) const {
    if (index >= shape_[0]) {
      throw Error(ErrorCode::kInvalidArgument, "row " + std::to_string(index) + " of a block of " +
                                                   std::to_string(shape_[0]) + " rows");
    }
    const std::size_t row_size = size() / shape_[0];
    return {data() + index * row_size, row_size};
  }

  /// One element; as many indices as the view has axes. Indices are checked in debug builds.
  template <class... Index>
  const T& operator()(Index... index) const {
    const std::array<std::uint64_t, sizeof...(Index)> at{static_cast<std::uint64_t>(index)...};
#ifndef NDEBUG
    lease_->check();
    if (at.size() != rank()) {
      throw Error(ErrorCode::kInvalidArgument,
                  std::to_string(at.size()) + " indices into " + std::to_string(rank()) + " axes");
    }
    for (std::size_t axis = 0; axis < at.size(); ++axis) {
      if (at[axis] >= shape_[axis]) {
        throw Error(ErrorCode::kInvalidArgument, "index " + std::to_string(at[axis]) + " on axis " +
                                                     std::to_string(axis) + " of size " +
                                                     std::to_string(shape_[axis]));
      }
    }
#endif
    std::ptrdiff_t offset = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis) {
      offset += static_cast<std::ptrdiff_t>(at[axis]) * strides_[axis];
    }
    return *reinterpret_cast<const T*>(reinterpret_cast<const std::byte*>(data_) + offset);
  }

 private:
  std::shared_ptr<const Lease> lease_;
  const T* data_;
  std::vector<std::uint64_t> shape_;
  std::vector<std::ptrdiff_t> strides_;
};

}  // namespace h5flume
