#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <ranges>
#include <string>
#include <utility>

#include "core/error.h"

namespace h5flume::mapped {

/// The elements of a list, an array or a column at which a mask of the same size is true. The
/// others are not even read.
///
///   for (const auto& sample : masked(array, is_chosen)) ...
///
/// Lifetime: borrows both. Threads: may be read by several at once.
template <class Values, class Mask>
class MaskedView {
 public:
  /// Throws kInvalidArgument if the mask has another size.
  MaskedView(const Values& values, const Mask& mask) : values_(values), mask_(mask) {
    if (values.size() == std::ranges::size(mask)) return;
    throw Error(ErrorCode::kInvalidArgument, "choose of " + std::to_string(values.size()) +
                                                 " values by a mask of " +
                                                 std::to_string(std::ranges::size(mask)));
  }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = decltype(std::declval<const Values&>()[0]);
    using difference_type = std::ptrdiff_t;
    using reference = value_type;
    using pointer = void;

    Iterator(const MaskedView& view, std::uint64_t index) : view_(&view), index_(index) { skip(); }

    value_type operator*() const { return view_->values_[index_]; }
    Iterator& operator++() {
      ++index_;
      skip();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const noexcept { return index_ == other.index_; }

   private:
    void skip() {
      while (index_ < view_->values_.size() && !view_->mask_[index_]) ++index_;
    }

    const MaskedView* view_;
    std::uint64_t index_;
  };

  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, values_.size()}; }

 private:
  const Values& values_;
  const Mask& mask_;
};

template <class Values, class Mask>
MaskedView<Values, Mask> masked(const Values& values, const Mask& mask) {
  return {values, mask};
}
template <class Values, class Mask>
void masked(const Values&& values, const Mask& mask) = delete;  // would borrow what is gone

}  // namespace h5flume::mapped
