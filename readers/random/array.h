#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/element_type.h"
#include "core/typed_view.h"

namespace h5flume {

/// Elements of a dataset in memory of their own: what Future::get() and Request::read() give.
///
/// Lifetime: views and bytes() expire with it, and with its being moved from or assigned to.
/// Threads: may be read by several at once.
class Array {
 public:
  Array() = default;

  /// `bytes` are the `byte_count` bytes of elements of `shape` in C order, native byte order; of
  /// variable length as docs/variable-length.md says.
  Array(std::shared_ptr<const ElementType> type, std::vector<std::uint64_t> shape,
        std::unique_ptr<std::byte[]> bytes, std::size_t byte_count);
  Array(Array&&) noexcept = default;
  Array& operator=(Array&&) noexcept;
  ~Array() { expire(); }

  /// Empty for a single element.
  const std::vector<std::uint64_t>& shape() const noexcept { return shape_; }
  const ElementType& type() const noexcept { return *type_; }

  /// Number of elements.
  std::uint64_t size() const noexcept { return size_; }

  std::span<const std::byte> bytes() const noexcept { return {bytes_.get(), byte_count_}; }

  /// The elements as an array of T: the arithmetic type of the elements, a trivially copyable
  /// struct of the size of a compound, or std::byte (which appends an axis of the element's bytes).
  /// Throws kInvalidArgument if T does not fit.
  template <class T>
  ArrayView<T> view() const {
    return internal::array_in<T>(*type_, shape_, bytes(), lease_);
  }

  /// The elements, numbered in C order, where they are variable-length strings.
  /// Throws kInvalidArgument where they are not.
  StringsView strings() const { return internal::strings_in(*type_, size_, bytes(), lease_); }

  /// The elements, numbered in C order, where they are variable-length sequences. T is the type of
  /// the values as for view(); std::byte shows those of any type, strings too.
  /// Throws kInvalidArgument if T does not fit.
  template <class T>
  ListsView<T> lists() const {
    return internal::lists_in<T>(*type_, size_, bytes(), lease_);
  }

 private:
  void expire() noexcept;

  std::shared_ptr<const ElementType> type_ = std::make_shared<const ElementType>();
  std::vector<std::uint64_t> shape_;
  std::uint64_t size_ = 0;
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t byte_count_ = 0;
  std::shared_ptr<Lease> lease_;
};

}  // namespace h5flume
