#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/array_view.h"

namespace h5flume {

/// What StringsView and ListsView share: a read-only window onto elements of variable length, which
/// lie in memory as docs/variable-length.md says. Elements of several axes are numbered in C order.
///
/// The memory may have been written by a worker that a damaged file has led astray: an element is
/// handed out only if it lies inside the memory.
class ListLayout {
 public:
  /// `bytes` hold `element_count` elements whose values take `value_bytes` each, or are empty for
  /// none. Without a lease nothing is watched. Throws kCorruptData if the offsets contradict
  /// themselves.
  ListLayout(std::shared_ptr<const Lease> lease, std::span<const std::byte> bytes,
             std::uint64_t element_count, std::size_t value_bytes);

  /// Number of elements.
  std::size_t size() const noexcept { return element_count_; }

  /// size() + 1 positions among the values: element i is [offsets()[i], offsets()[i + 1]). Begins
  /// with 0. Throws kExpiredView after release.
  std::span<const std::int64_t> offsets() const {
    check_lease();
    return {offsets_, element_count_ + 1};
  }

  /// The values of all elements, one after the other.
  std::span<const std::byte> value_bytes() const {
    check_lease();
    return values_;
  }

  /// The values of one element. Throws kInvalidArgument beyond the last element, kExpiredView.
  std::span<const std::byte> element(std::uint64_t index) const;

 private:
  void check_lease() const {
    if (lease_) lease_->check();
  }

  std::shared_ptr<const Lease> lease_;
  const std::int64_t* offsets_;
  std::uint64_t element_count_;
  std::size_t value_size_;
  std::span<const std::byte> values_;
};

/// Strings of any length, in place: UTF-8 or whatever bytes the file has, without a NUL at the end.
///
/// Lifetime: as ArrayView: valid while the reservation is held; every call checks that, a
/// string_view that was taken earlier is not watched. Threads: may be read by several at once.
class StringsView {
 public:
  explicit StringsView(ListLayout layout) : layout_(std::move(layout)) {}

  std::size_t size() const noexcept { return layout_.size(); }
  std::string_view operator[](std::uint64_t index) const { return text(layout_.element(index)); }

  /// In bytes; see ListLayout::offsets().
  std::span<const std::int64_t> offsets() const { return layout_.offsets(); }
  /// All strings, one after the other.
  std::string_view values() const { return text(layout_.value_bytes()); }

 private:
  static std::string_view text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  ListLayout layout_;
};

/// Sequences of any length, in place. T is the type of their values; std::byte shows any type, then
/// offsets() still count values.
///
/// Lifetime and threads: as StringsView.
template <class T>
class ListsView {
 public:
  static_assert(std::is_trivially_copyable_v<T>, "a view shows plain data only");
  static_assert(alignof(T) <= alignof(std::int64_t),
                "values are aligned to 8 bytes; look at them as std::byte and copy");

  explicit ListsView(ListLayout layout) : layout_(std::move(layout)) {}

  std::size_t size() const noexcept { return layout_.size(); }
  std::span<const T> operator[](std::uint64_t index) const {
    return values_in(layout_.element(index));
  }

  /// In values; see ListLayout::offsets().
  std::span<const std::int64_t> offsets() const { return layout_.offsets(); }
  /// The values of all elements, one after the other.
  std::span<const T> values() const { return values_in(layout_.value_bytes()); }

 private:
  static std::span<const T> values_in(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  ListLayout layout_;
};

}  // namespace h5flume
