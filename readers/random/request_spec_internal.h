#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/element_pick.h"
#include "core/selection.h"
#include "readers/random/box_plan_internal.h"
#include "readers/random/copy_layout_internal.h"

namespace h5flume {

class OpenDataset;

/// How the elements of a request come from a dataset that is read directly.
struct BoxSelection {
  BoxPlan plan;
  CopyLayout layout;
};

/// A selection that is known to fit its dataset, worked out as far as it can be beforehand.
///
/// Threads: immutable.
struct RequestSpec {
  std::shared_ptr<OpenDataset> dataset;
  Selection selection;
  std::shared_ptr<const ElementPick> pick;
  std::shared_ptr<const ElementType> type;  ///< of the result's elements
  ResolvedSelection resolved;
  std::size_t bytes = 0;              ///< of the result; 0: of variable length, nobody knows
  std::optional<BoxSelection> boxes;  ///< nothing where libhdf5 reads the dataset

  /// What the result has at least: of elements of variable length their offsets.
  std::size_t least_bytes() const noexcept;

  /// The part of a stage that the result may take.
  std::span<std::byte> room_in(std::span<std::byte> stage) const noexcept;

  /// "read '/images' [30:35] of run7.h5", for messages.
  std::string name() const;
};

}  // namespace h5flume
