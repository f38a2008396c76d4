#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "core/resolved_selection.h"

namespace h5flume {

/// One selected place of an axis: where it comes from in its box, and where it goes.
struct PlacePair {
  std::uint64_t in_box;
  std::uint64_t in_result;
};

/// What a selection takes of one axis within one box.
struct AxisPart {
  std::uint64_t box = 0;  ///< which, counted along the axis
  std::uint64_t count = 0;

  /// The places one by one, ascending in the box; empty if they are evenly spaced:
  std::span<const PlacePair> pairs;
  PlacePair first{};      ///< then the first of them; their places in the result follow each other
  std::int64_t step = 1;  ///< from one to the next in the box

  PlacePair at(std::uint64_t i) const noexcept {
    if (!pairs.empty()) return pairs[i];
    return {first.in_box + i * static_cast<std::uint64_t>(step), first.in_result + i};
  }
};

/// The selection of one axis, cut where boxes of `extent` places meet. Of evenly spaced places
/// nothing is kept, a list is sorted by box.
///
/// Lifetime: parts refer to it. Threads: immutable.
class AxisParts {
 public:
  AxisParts(const ResolvedAxis& axis, std::uint64_t extent);

  std::uint64_t count() const noexcept { return count_; }
  AxisPart part(std::uint64_t number) const noexcept;
  std::uint64_t box(std::uint64_t number) const noexcept;  ///< of that part

 private:
  AxisPart part_of_range(std::uint64_t number) const noexcept;

  std::uint64_t extent_;
  std::uint64_t count_ = 0;
  AxisRange range_;                  // in use if pairs_ is empty
  bool place_by_place_ = false;      // a range whose steps are longer than a box
  std::vector<PlacePair> pairs_;     // in_box counts within the box
  std::vector<std::size_t> begins_;  // of the parts in pairs_, and the end
  std::vector<std::uint64_t> boxes_;
};

/// What a selection takes of one box.
struct BoxPart {
  std::uint64_t box = 0;  ///< its number, in C order
  std::vector<AxisPart> axes;
};

/// The boxes of a grid that a selection touches: every one once, in C order of the grid as far as
/// the selection ascends.
///
/// Threads: immutable.
class BoxPlan {
 public:
  /// `box` and `grid`: how large the boxes are along each axis, and how many there are.
  BoxPlan(const ResolvedSelection& selection, std::span<const std::uint64_t> box,
          std::span<const std::uint64_t> grid);

  std::uint64_t size() const noexcept { return size_; }

  /// The box that part `number` is of.
  std::uint64_t box(std::uint64_t number) const noexcept;

  /// Part `number`, into `part`, whose memory is used again.
  void get(std::uint64_t number, BoxPart& part) const;

 private:
  std::vector<AxisParts> axes_;
  std::vector<std::uint64_t> grid_;
  std::uint64_t size_ = 1;
};

}  // namespace h5flume
