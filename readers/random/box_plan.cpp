#include <algorithm>

#include "readers/random/box_plan_internal.h"

namespace h5flume {
namespace {

std::uint64_t magnitude(std::int64_t step) noexcept {
  const auto value = static_cast<std::uint64_t>(step);
  return step < 0 ? 0 - value : value;
}

std::uint64_t place_of(const AxisRange& range, std::uint64_t position) noexcept {
  return range.start + position * static_cast<std::uint64_t>(range.step);  // modulo 2^64
}

// The first position of a range that lies in box `box` or, seen in the range's direction, beyond.
std::uint64_t first_position_in(const AxisRange& range, std::uint64_t box, std::uint64_t extent) {
  const std::uint64_t step = magnitude(range.step);
  if (range.step > 0) {
    const std::uint64_t edge = box * extent;
    return range.start >= edge ? 0 : (edge - range.start - 1) / step + 1;
  }
  const std::uint64_t last_inside = box * extent + (extent - 1);
  return range.start <= last_inside ? 0 : (range.start - last_inside - 1) / step + 1;
}

}  // namespace

AxisParts::AxisParts(const ResolvedAxis& axis, std::uint64_t extent) : extent_(extent) {
  if (const auto* range = std::get_if<AxisRange>(&axis.places)) {
    range_ = *range;
    if (range_.count == 0) return;
    place_by_place_ = magnitude(range_.step) >= extent;
    const std::uint64_t first = range_.start / extent;
    const std::uint64_t last = place_of(range_, range_.count - 1) / extent;
    count_ = place_by_place_ ? range_.count : std::max(first, last) - std::min(first, last) + 1;
    return;
  }
  const auto& places = *std::get_if<std::vector<std::uint64_t>>(&axis.places);
  pairs_.reserve(places.size());
  for (std::uint64_t i = 0; i < places.size(); ++i) pairs_.push_back({places[i], i});
  std::stable_sort(pairs_.begin(), pairs_.end(),
                   [](const PlacePair& a, const PlacePair& b) { return a.in_box < b.in_box; });
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const std::uint64_t box = pairs_[i].in_box / extent;
    if (boxes_.empty() || boxes_.back() != box) {
      boxes_.push_back(box);
      begins_.push_back(i);
    }
    pairs_[i].in_box -= box * extent;
  }
  begins_.push_back(pairs_.size());
  count_ = boxes_.size();
}

std::uint64_t AxisParts::box(std::uint64_t number) const noexcept {
  if (!pairs_.empty()) return boxes_[number];
  if (place_by_place_) return place_of(range_, number) / extent_;
  const std::uint64_t first_box = range_.start / extent_;
  return range_.step > 0 ? first_box + number : first_box - number;
}

AxisPart AxisParts::part(std::uint64_t number) const noexcept {
  if (pairs_.empty()) return part_of_range(number);
  const std::size_t begin = begins_[number];
  const std::size_t count = begins_[number + 1] - begin;
  return {.box = boxes_[number], .count = count, .pairs = std::span(pairs_).subspan(begin, count)};
}

AxisPart AxisParts::part_of_range(std::uint64_t number) const noexcept {
  const std::uint64_t here = box(number);
  std::uint64_t begin = number;
  std::uint64_t end = number + 1;
  if (!place_by_place_) {
    begin = first_position_in(range_, here, extent_);
    end = number + 1 == count_ ? range_.count : first_position_in(range_, box(number + 1), extent_);
  }
  return {.box = here,
          .count = end - begin,
          .first = {place_of(range_, begin) - here * extent_, begin},
          .step = range_.step};
}

BoxPlan::BoxPlan(const ResolvedSelection& selection, std::span<const std::uint64_t> box,
                 std::span<const std::uint64_t> grid)
    : grid_(grid.begin(), grid.end()) {
  axes_.reserve(selection.axes.size());
  for (std::size_t axis = 0; axis < selection.axes.size(); ++axis) {
    axes_.emplace_back(selection.axes[axis], box[axis]);
    size_ *= axes_.back().count();
  }
}

std::uint64_t BoxPlan::box(std::uint64_t number) const noexcept {
  std::uint64_t box = 0;
  std::uint64_t stride = 1;
  for (std::size_t axis = axes_.size(); axis-- > 0;) {
    box += axes_[axis].box(number % axes_[axis].count()) * stride;
    number /= axes_[axis].count();
    stride *= grid_[axis];
  }
  return box;
}

void BoxPlan::get(std::uint64_t number, BoxPart& part) const {
  part.axes.resize(axes_.size());
  std::uint64_t stride = 1;
  part.box = 0;
  for (std::size_t axis = axes_.size(); axis-- > 0;) {
    const std::uint64_t count = axes_[axis].count();
    part.axes[axis] = axes_[axis].part(number % count);
    number /= count;
    part.box += part.axes[axis].box * stride;
    stride *= grid_[axis];
  }
}

}  // namespace h5flume
