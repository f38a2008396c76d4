#include "core/resolved_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>

#include "core/selection_internal.h"
#include "core/selection_text.h"

namespace h5flume {
namespace {

// The sizes of axes are less than 2^63, so that they and all places are std::int64_t, too.
using Size = std::int64_t;

// Python's slice.indices(size).
AxisRange within(const Slice& slice, Size size) {
  const bool down = slice.step < 0;
  const Size lowest = down ? -1 : 0;
  const Size highest = down ? size - 1 : size;
  const auto bound = [&](const std::optional<Size>& at, Size if_left_out) {
    if (!at) return if_left_out;
    return std::clamp(*at < 0 ? *at + size : *at, lowest, highest);
  };
  const Size start = bound(slice.start, down ? highest : lowest);
  const Size stop = bound(slice.stop, down ? lowest : highest);
  const Size length = down ? start - stop : stop - start;
  if (length <= 0) return {};
  const auto step = static_cast<std::uint64_t>(slice.step);
  const std::uint64_t stride = down ? 0 - step : step;  // of the lowest step, too, the magnitude
  const std::uint64_t count = (static_cast<std::uint64_t>(length) - 1) / stride + 1;
  return {static_cast<std::uint64_t>(start), count, count > 1 ? slice.step : 1};
}

// A step on one axis of the result so far. Gives what is left of the axis.
struct Take {
  const ResolvedAxis& axis;
  std::size_t number;  // of the axis, for messages

  ResolvedAxis operator()(const Index& index) const {
    return {AxisRange{axis.place(position(index.value)), 1, 1}, true};
  }

  ResolvedAxis operator()(const Slice& slice) const {
    const AxisRange range = within(slice, size());
    if (const auto* before = std::get_if<AxisRange>(&axis.places)) {
      if (range.count == 0) return {AxisRange{}};
      const Size step = range.count > 1 ? before->step * range.step : 1;
      return {AxisRange{axis.place(range.start), range.count, step}};
    }
    const ResolvedAxis positions{range};
    return picked(range.count, [&](std::uint64_t i) { return positions.place(i); });
  }

  ResolvedAxis operator()(const IndexList& list) const {
    return picked(list.indices.size(), [&](std::uint64_t i) { return position(list.indices[i]); });
  }

  ResolvedAxis operator()(const Mask& mask) const {
    if (mask.taken.size() != axis.count()) {
      refuse_selection(
          fmt::format("a mask of {} for axis {} with size {}", mask.taken.size(), number, size()));
    }
    std::vector<std::uint64_t> places;
    for (std::size_t i = 0; i < mask.taken.size(); ++i) {
      if (mask.taken[i]) places.push_back(axis.place(i));
    }
    return {std::move(places)};
  }

  ResolvedAxis operator()(const Ellipsis&) const { return axis; }

 private:
  Size size() const { return static_cast<Size>(axis.count()); }

  std::uint64_t position(std::int64_t index) const {
    if (index < -size() || index >= size()) {
      refuse_selection(
          fmt::format("index {} is out of bounds for axis {} with size {}", index, number, size()));
    }
    return static_cast<std::uint64_t>(index < 0 ? index + size() : index);
  }

  template <class Position>
  ResolvedAxis picked(std::uint64_t count, Position position_of) const {
    std::vector<std::uint64_t> places(count);
    for (std::uint64_t i = 0; i < count; ++i) places[i] = axis.place(position_of(i));
    return {std::move(places)};
  }
};

// Refuses what numpy serves with its axes reordered; `covered` is how many axes the ellipsis stands
// for. numpy goes by the text: an ellipsis stands between two items even if it covers no axis.
void check_order(const AxisItems& items, std::size_t covered) {
  const auto list = std::find_if(items.begin(), items.end(), is_list);
  if (list == items.end()) return;
  const auto is_advanced = [](const AxisItem& item) {
    return is_list(item) || std::holds_alternative<Index>(item);
  };
  const auto keeps_axes = [&](const AxisItem& item) {
    return std::holds_alternative<Slice>(item) || (is_ellipsis(item) && covered > 0);
  };
  const auto first = std::find_if(items.begin(), items.end(), is_advanced);
  const auto last = std::find_if(items.rbegin(), items.rend(), is_advanced).base();
  if (std::all_of(first, last, is_advanced)) return;
  if (std::none_of(items.begin(), list, keeps_axes)) return;  // the list's axis is the first anyway
  refuse_selection(
      "numpy would move the axis of the list to the front, because a slice or an ellipsis stands "
      "between the list and an integer; give the integers brackets of their own: [0][:, [1, 2]] in "
      "place of [0, :, [1, 2]]");
}

// A selection under way: all axes of the dataset, and which of them the result still has.
struct Resolution {
  std::vector<ResolvedAxis> axes;
  std::vector<std::size_t> kept;

  void append_axes(std::span<const std::uint64_t> shape) {
    for (const std::uint64_t size : shape) {
      if (size > static_cast<std::uint64_t>(std::numeric_limits<Size>::max())) {
        refuse_selection(
            fmt::format("axis {} has {} places, and 2^63 are too many", axes.size(), size));
      }
      kept.push_back(axes.size());
      axes.push_back({AxisRange{0, size, 1}});
    }
  }

  void apply(const AxisItems& items) {
    const auto ellipses = std::count_if(items.begin(), items.end(), is_ellipsis);
    const std::size_t wanted = items.size() - static_cast<std::size_t>(ellipses);
    if (wanted > kept.size()) {
      refuse_selection(fmt::format("too many indices: {} for {} axes", wanted, kept.size()));
    }
    const std::size_t covered = kept.size() - wanted;
    check_order(items, covered);
    std::size_t number = 0;
    for (const AxisItem& item : items) {
      if (is_ellipsis(item)) {
        number += covered;
      } else {
        ResolvedAxis& axis = axes[kept[number]];
        axis = std::visit(Take{axis, number}, item);
        ++number;
      }
    }
    std::erase_if(kept, [&](std::size_t axis) { return axes[axis].dropped; });
  }

  ResolvedSelection finish() && {
    ResolvedSelection result;
    for (const std::size_t axis : kept) result.shape.push_back(axes[axis].count());
    result.axes = std::move(axes);
    if (std::find(result.shape.begin(), result.shape.end(), 0) != result.shape.end()) {
      result.element_count = 0;
      return result;
    }
    for (const std::uint64_t count : result.shape) {
      if (__builtin_mul_overflow(result.element_count, count, &result.element_count)) {
        refuse_selection("the result would have 2^64 elements or more");
      }
    }
    return result;
  }
};

std::string shape_text(std::span<const std::uint64_t> shape) {
  std::string text;
  for (const std::uint64_t size : shape)
    text += fmt::format("{}{}", text.empty() ? "" : ", ", size);
  return fmt::format("({}{})", text, shape.size() == 1 ? "," : "");
}

}  // namespace

std::uint64_t ResolvedAxis::count() const noexcept {
  if (const auto* range = std::get_if<AxisRange>(&places)) return range->count;
  return std::get_if<std::vector<std::uint64_t>>(&places)->size();
}

std::uint64_t ResolvedAxis::place(std::uint64_t position) const noexcept {
  if (const auto* range = std::get_if<AxisRange>(&places)) {
    return range->start + position * static_cast<std::uint64_t>(range->step);  // modulo 2^64
  }
  return (*std::get_if<std::vector<std::uint64_t>>(&places))[position];
}

ResolvedSelection resolve(const Selection& selection, std::span<const std::uint64_t> shape,
                          std::span<const std::uint64_t> element_shape) try {
  const auto& steps = selection.steps();
  const auto names_fields = [](const Selection::Step& step) {
    return !std::holds_alternative<AxisItems>(step);
  };
  const auto element_axes_begin = std::find_if(steps.rbegin(), steps.rend(), names_fields).base();

  Resolution resolution;
  resolution.append_axes(shape);
  for (auto step = steps.begin(); step != steps.end(); ++step) {
    if (step == element_axes_begin) resolution.append_axes(element_shape);
    if (const auto* items = std::get_if<AxisItems>(&*step)) resolution.apply(*items);
  }
  if (element_axes_begin == steps.end()) resolution.append_axes(element_shape);
  return std::move(resolution).finish();
} catch (const Error& error) {
  throw Error(error.code(), fmt::format("select {} of shape {}: {}", to_short_string(selection),
                                        shape_text(shape), error.what()));
}

}  // namespace h5flume
