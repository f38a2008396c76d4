#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/saturating.h"

namespace h5flume {

/// Elements of variable length on their way from the file to a result: they come in any order, and
/// are laid out in theirs. See docs/variable-length.md.
///
/// Memory: that of the values, no more than there is room for, and 16 bytes for each element.
class ListCollector {
 public:
  /// For a result of `element_count` elements, whose values take `value_bytes` each, in
  /// `room_bytes`. Those that never come are empty.
  ListCollector(std::uint64_t element_count, std::size_t value_bytes, std::size_t room_bytes);

  /// Element `element` of the result, once. What comes after the first that does not fit is not
  /// looked at.
  void put(std::uint64_t element, std::span<const std::byte> values);

  /// An element is known to have at least `bytes`, which are too many.
  void give_up(std::uint64_t bytes) noexcept {
    needed_bytes_ = saturating_sum(needed_bytes_, bytes);
  }

  bool fits() const noexcept { return needed_bytes_ <= room_bytes_; }

  /// What the result takes, if it fits; else it takes at least so much.
  std::uint64_t needed_bytes() const noexcept { return needed_bytes_; }

  /// The result, into the beginning of `out`. It must fit.
  void write(std::span<std::byte> out) const;

 private:
  struct Element {
    std::size_t begin = 0;  // in values_
    std::size_t bytes = 0;
  };

  std::size_t value_bytes_;
  std::uint64_t room_bytes_;
  std::uint64_t needed_bytes_;  // saturates
  std::vector<Element> elements_;
  std::vector<std::byte> values_;
};

}  // namespace h5flume
