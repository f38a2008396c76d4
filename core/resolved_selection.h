#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "core/selection.h"

namespace h5flume {

/// Evenly spaced places of an axis: start, start + step, ...; `count` of them.
struct AxisRange {
  std::uint64_t start = 0;
  std::uint64_t count = 0;
  std::int64_t step = 1;  ///< not 0; 1 where fewer than two places leave it open

  bool operator==(const AxisRange&) const = default;
};

/// What a selection takes of one axis of a dataset.
struct ResolvedAxis {
  /// Evenly spaced places, or places one by one: in the order of the result, repeats included.
  std::variant<AxisRange, std::vector<std::uint64_t>> places;
  bool dropped = false;  ///< exactly one place, and the result does not have this axis

  std::uint64_t count() const noexcept;

  /// The place on the dataset's axis that place `position` of the result comes from.
  /// `position` is less than count(), which is not checked.
  std::uint64_t place(std::uint64_t position) const noexcept;

  bool operator==(const ResolvedAxis&) const = default;
};

/// A selection that is known to fit a shape. The selected elements are all combinations of the
/// places of its axes, in C order: the result's axes are the dataset's, less those dropped.
struct ResolvedSelection {
  std::vector<ResolvedAxis> axes;    ///< one for each axis of the shape it was resolved with
  std::vector<std::uint64_t> shape;  ///< of the result; empty: one element
  std::uint64_t element_count = 1;   ///< the product of `shape`

  bool operator==(const ResolvedSelection&) const = default;
};

/// Applies a selection to a dataset of this shape. Fields change nothing here, except that where
/// elements are arrays themselves their axes, `element_shape`, come after those of the dataset:
/// from the last step that names fields on, or from the start if none does. `axes` holds them too.
///
/// Throws kInvalidArgument for what numpy calls an IndexError: an index out of bounds, more indices
/// than axes, a mask that has not the size of its axis; for the reordering of axes described at
/// Selection; and for an axis of 2^63 or a result of 2^64 elements or more.
ResolvedSelection resolve(const Selection& selection, std::span<const std::uint64_t> shape,
                          std::span<const std::uint64_t> element_shape = {});

}  // namespace h5flume
