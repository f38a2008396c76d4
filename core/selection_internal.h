#pragma once

#include <string>

#include "core/error.h"
#include "core/selection.h"

namespace h5flume {

inline bool is_list(const AxisItem& item) {
  return std::holds_alternative<IndexList>(item) || std::holds_alternative<Mask>(item);
}

inline bool is_ellipsis(const AxisItem& item) { return std::holds_alternative<Ellipsis>(item); }

[[noreturn]] inline void refuse_selection(const std::string& cause) {
  throw Error(ErrorCode::kInvalidArgument, cause);
}

/// Adds an item to a step. Throws kInvalidArgument if the step cannot have it, whatever the shape.
void append_item(AxisItems& step, AxisItem item);

}  // namespace h5flume
