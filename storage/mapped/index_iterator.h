#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

namespace h5flume::mapped {

/// Random-access iterator over anything with operator[](std::uint64_t): gives what that gives, by
/// value. Borrows the range.
template <class Range>
class IndexIterator {
 public:
  using iterator_concept = std::random_access_iterator_tag;
  using iterator_category = std::input_iterator_tag;  // there is no reference to a stored value
  using value_type = decltype(std::declval<const Range&>()[0]);
  using difference_type = std::ptrdiff_t;
  using reference = value_type;
  using pointer = void;

  IndexIterator() = default;
  IndexIterator(const Range& range, std::uint64_t index) : range_(&range), index_(index) {}

  value_type operator*() const { return (*range_)[index_]; }
  value_type operator[](difference_type distance) const { return *(*this + distance); }

  IndexIterator& operator++() { return *this += 1; }
  IndexIterator& operator--() { return *this -= 1; }
  IndexIterator operator++(int) { return step(1); }
  IndexIterator operator--(int) { return step(-1); }
  IndexIterator& operator+=(difference_type distance) {
    index_ += static_cast<std::uint64_t>(distance);
    return *this;
  }
  IndexIterator& operator-=(difference_type distance) { return *this += -distance; }

  friend IndexIterator operator+(IndexIterator at, difference_type by) { return at += by; }
  friend IndexIterator operator+(difference_type by, IndexIterator at) { return at += by; }
  friend IndexIterator operator-(IndexIterator at, difference_type by) { return at -= by; }
  friend difference_type operator-(const IndexIterator& one, const IndexIterator& other) {
    return static_cast<difference_type>(one.index_ - other.index_);
  }
  friend bool operator==(const IndexIterator& one, const IndexIterator& other) {
    return one.index_ == other.index_;
  }
  friend auto operator<=>(const IndexIterator& one, const IndexIterator& other) {
    return one.index_ <=> other.index_;
  }

 private:
  IndexIterator step(difference_type by) {
    const IndexIterator before = *this;
    *this += by;
    return before;
  }

  const Range* range_ = nullptr;
  std::uint64_t index_ = 0;
};

}  // namespace h5flume::mapped
