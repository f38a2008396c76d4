#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/element_pick.h"
#include "readers/random/box_plan_internal.h"

namespace h5flume {

/// How the selected elements of a box lie in memory, there and in the result. What is copied as one
/// is a unit: an element, or of picked fields the element of the compound that has them.
struct CopyLayout {
  std::vector<std::uint64_t> from_strides;  ///< bytes from place to place along each axis of a box
  std::vector<std::uint64_t> to_strides;    ///< and of the result; its dropped axes have one place
  std::size_t from_bytes = 0;               ///< of a unit in the box
  std::size_t to_bytes = 0;                 ///< of a unit in the result
  std::size_t from_offset = 0;              ///< of the first unit in the box
  std::vector<ElementPick::Piece> pieces;   ///< of a unit, if it is not copied as it is

  /// For boxes of `box` places, whose last axes are those of the elements' arrays.
  CopyLayout(const ElementPick& pick, const ResolvedSelection& selection,
             const std::vector<std::uint64_t>& box);

  /// The same for a "box" that holds one element, which stands for all.
  CopyLayout of_one_element(std::size_t element_axes) const;

  /// Copies `units` units that lie one after the other.
  void copy(const std::byte* from, std::byte* to, std::uint64_t units) const noexcept {
    if (pieces.empty()) {
      std::memcpy(to, from, units * to_bytes);
      return;
    }
    for (; units > 0; --units, from += from_bytes, to += to_bytes) {
      for (const auto& piece : pieces) std::memcpy(to + piece.to, from + piece.from, piece.bytes);
    }
  }
};

/// Calls visit(from, to, units) for every run of units that follow each other in the box and in
/// the result: where it begins, as bytes from the start of either, and how long it is.
template <class Visit>
class RunWalk {
 public:
  RunWalk(const BoxPart& part, const CopyLayout& layout, Visit& visit)
      : part_(part), layout_(layout), visit_(visit) {
    std::uint64_t from = layout.from_offset;
    std::uint64_t to = 0;
    outer_axes_ = part.axes.size();
    while (outer_axes_ > 0 && joins_run(outer_axes_ - 1)) {
      const AxisPart& axis = part.axes[--outer_axes_];
      const PlacePair first = axis.at(0);
      from += first.in_box * layout.from_strides[outer_axes_];
      to += first.in_result * layout.to_strides[outer_axes_];
      units_ *= axis.count;
    }
    walk(0, from, to);
  }

 private:
  bool joins_run(std::size_t number) const noexcept {
    const AxisPart& axis = part_.axes[number];
    if (axis.count == 1) return true;
    return axis.pairs.empty() && axis.step == 1 &&
           layout_.from_strides[number] == units_ * layout_.from_bytes &&
           layout_.to_strides[number] == units_ * layout_.to_bytes;
  }

  void walk(std::size_t number, std::uint64_t from, std::uint64_t to) {
    if (number == outer_axes_) return visit_(from, to, units_);
    const AxisPart& axis = part_.axes[number];
    const std::uint64_t from_stride = layout_.from_strides[number];
    const std::uint64_t to_stride = layout_.to_strides[number];
    for (std::uint64_t i = 0; i < axis.count; ++i) {
      const PlacePair place = axis.at(i);
      const std::uint64_t next_from = from + place.in_box * from_stride;
      const std::uint64_t next_to = to + place.in_result * to_stride;
      if (number + 1 == outer_axes_) {
        visit_(next_from, next_to, units_);
      } else {
        walk(number + 1, next_from, next_to);
      }
    }
  }

  const BoxPart& part_;
  const CopyLayout& layout_;
  Visit& visit_;
  std::size_t outer_axes_ = 0;
  std::uint64_t units_ = 1;
};

template <class Visit>
void for_each_run(const BoxPart& part, const CopyLayout& layout, Visit visit) {
  RunWalk<Visit>(part, layout, visit);
}

/// Copies what `part` takes of a box to the result.
void copy_part(const std::byte* box, const BoxPart& part, const CopyLayout& layout,
               std::byte* result);

}  // namespace h5flume
