#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"

namespace h5flume {

// --- what can be asked of one axis ---------------------------------------------------------------

/// One place of an axis, which the result does not have any more. Negative: from the end.
struct Index {
  std::int64_t value = 0;

  /// Implicit, so that select(5, all()) reads as numpy's [5, :].
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) Index(Integer at) : value(static_cast<std::int64_t>(at)) {
    if (!std::in_range<std::int64_t>(at)) {
      throw Error(ErrorCode::kInvalidArgument,
                  "select index " + std::to_string(at) + ": it is larger than any axis");
    }
  }
  bool operator==(const Index&) const = default;
};

/// Python's start:stop:step. Bounds that are left out mean the end that the step comes from or goes
/// to, negative ones count from the end, and those outside the axis are moved to its end.
struct Slice {
  std::optional<std::int64_t> start;
  std::optional<std::int64_t> stop;  ///< not included
  std::int64_t step = 1;             ///< negative: backwards; 0 is refused

  bool operator==(const Slice&) const = default;
};

/// All axes that no other item of the same brackets speaks of, none being possible.
struct Ellipsis {
  bool operator==(const Ellipsis&) const = default;
};

/// Places of an axis in any order, repeats allowed. Negative: from the end.
struct IndexList {
  std::vector<std::int64_t> indices;

  bool operator==(const IndexList&) const = default;
};

/// One bool for each place of an axis: those that are true are taken.
struct Mask {
  std::vector<bool> taken;

  bool operator==(const Mask&) const = default;
};

using AxisItem = std::variant<Index, Slice, Ellipsis, IndexList, Mask>;
using AxisItems = std::vector<AxisItem>;

/// One field of a compound, by itself. A nested one is a path: "outer/inner".
struct FieldName {
  std::string path;

  bool operator==(const FieldName&) const = default;
};

/// Some fields of a compound, which make a compound again, also if it is a single one.
struct FieldList {
  std::vector<std::string> paths;

  bool operator==(const FieldList&) const = default;
};

// --- the selection -------------------------------------------------------------------------------

/// What the field names of a selection come to.
struct FieldChoice {
  std::string inside;              ///< the field that is left, as a path; empty: the element itself
  std::vector<std::string> names;  ///< if any: a compound of these fields of it, not all of it

  /// Paths of the chosen fields from the element down; empty: the whole element.
  std::vector<std::string> paths() const;

  bool operator==(const FieldChoice&) const = default;
};

/// Which part of a dataset a request wants, by the rules of numpy's basic indexing; bound to no
/// dataset, it is the same for any shape that it fits.
///
///   select(rows(30, 35), at(2))              [30:35, 2]
///   select(field("col"))[rows(5, 9)]         ['col'][5:9]
///   select(list({3, 1, 1}), ellipsis())      [[3, 1, 1], ...]
///   select(rows(10, 20))[2]                  [10:20][2], which is [12]
///
/// It is a chain of steps, one for each pair of brackets. Each applies to the result of those
/// before it; fields may be chosen before, between or after axes.
///
/// Where it differs from numpy:
/// - At most one list or mask in a step. numpy pairs several, place by place; here they are
/// refused.
///   For every combination write one step for each: select(list({1, 2}))[select(all(), list({3}))].
/// - Beside a list numpy takes an integer as a list too, and where a slice or an ellipsis stands
///   between the two it moves the list's axis to the front of the result. Exactly the selections
///   whose axes that reorders are refused, [0, :, [1, 2]] for one; write the integers as a step of
///   their own: [0][:, [1, 2]] leaves each axis in its place.
/// - No new axes, no lists of more than one dimension, no bare True or False.
///
/// A constructor throws kInvalidArgument for what no shape could serve: two ellipses, two lists, a
/// step of 0, an empty field name; kNotFound for a field that an earlier step has left out.
/// Threads: a value; copy it freely. A copy copies its lists and masks.
class Selection {
 public:
  using Step = std::variant<AxisItems, FieldName, FieldList>;

  /// Everything.
  Selection() = default;

  /// One item in brackets of its own: implicit, so that dataset[rows(30, 35)] works.
  template <class Item>
  requires std::constructible_from<AxisItem, Item> Selection(Item&& item)
      : Selection(AxisItems{AxisItem(std::forward<Item>(item))}) {}

  Selection(AxisItems items);
  Selection(FieldName field);
  Selection(FieldList fields);

  /// `next`, applied to the result of this.
  Selection operator[](const Selection& next) const;

  /// Never empty brackets: no step stands for everything.
  const std::vector<Step>& steps() const noexcept { return steps_; }

  /// What all field names come to. Whether there are such fields is not looked at.
  FieldChoice field_choice() const;

  bool operator==(const Selection&) const = default;

 private:
  std::vector<Step> steps_;
};

/// [start:stop:step]; {} for a bound leaves it out.
inline Slice span(std::optional<std::int64_t> start, std::optional<std::int64_t> stop,
                  std::int64_t step = 1) {
  return {start, stop, step};
}
/// The same, for the first axis: images[rows(30, 35)].
inline Slice rows(std::optional<std::int64_t> start, std::optional<std::int64_t> stop,
                  std::int64_t step = 1) {
  return {start, stop, step};
}
inline Slice all() { return {}; }
inline Ellipsis ellipsis() { return {}; }
inline Index at(std::int64_t index) { return {index}; }
inline IndexList list(std::vector<std::int64_t> indices) { return {std::move(indices)}; }
inline Mask mask(std::vector<bool> taken) { return {std::move(taken)}; }

/// ['path']: the field by itself.
inline FieldName field(std::string path) { return {std::move(path)}; }

/// [['a', 'b']]: a compound of these fields, also if it is a single one.
template <std::convertible_to<std::string>... Names>
FieldList fields(Names&&... names) {
  return {{std::string(std::forward<Names>(names))...}};
}

/// One step: an item for each axis, from the first on; axes without one are taken whole.
template <class... Items>
requires(std::constructible_from<AxisItem, Items>&&...) Selection select(Items&&... items) {
  AxisItems step;
  step.reserve(sizeof...(items));
  (step.emplace_back(std::forward<Items>(items)), ...);
  return Selection(std::move(step));
}
inline Selection select(FieldName field) { return {std::move(field)}; }
inline Selection select(FieldList fields) { return {std::move(fields)}; }

}  // namespace h5flume
