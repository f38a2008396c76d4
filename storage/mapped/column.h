#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/mapped/index_iterator.h"
#include "storage/mapped/region.h"

namespace h5flume::mapped {

/// A number out of each of many records, which lie one after the other.
///
/// Lifetime: borrows the records. Threads: may be read by several at once.
template <class T>
class Column {
 public:
  /// Iterates by address, as an array of structs does.
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using reference = T;
    using pointer = void;

    Iterator() = default;
    Iterator(const std::byte* at, std::size_t stride, std::uint64_t index)
        : at_(at), stride_(stride), index_(index) {}

    T operator*() const noexcept { return load<T>(at_); }
    Iterator& operator++() noexcept {
      at_ += stride_;
      ++index_;
      return *this;
    }
    Iterator operator++(int) noexcept {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    // Not the address: a field that the file lacks has the same one in every record.
    bool operator==(const Iterator& other) const noexcept { return index_ == other.index_; }

   private:
    const std::byte* at_ = nullptr;
    std::size_t stride_ = 0;
    std::uint64_t index_ = 0;
  };

  /// `first` is the number in the first record, the next ones follow at a distance of `stride`.
  Column(const std::byte* first, std::size_t stride, std::uint64_t size)
      : first_(first), stride_(stride), size_(size) {}

  std::uint64_t size() const noexcept { return size_; }
  /// Undefined behaviour beyond the last.
  T operator[](std::uint64_t index) const noexcept { return load<T>(first_ + index * stride_); }
  Iterator begin() const noexcept { return {first_, stride_, 0}; }
  Iterator end() const noexcept { return {nullptr, stride_, size_}; }

 private:
  const std::byte* first_;
  std::size_t stride_;
  std::uint64_t size_;
};

}  // namespace h5flume::mapped
