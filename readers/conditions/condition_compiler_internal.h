#pragma once

#include <string_view>

#include "core/element_type.h"
#include "readers/conditions/condition_columns_internal.h"
#include "readers/conditions/condition_syntax_internal.h"

namespace h5flume::conditions {

// The columns that compute a condition, read from `condition`, for rows of the compound `row`.
// Throws kInvalidArgument and kUnsupported, with the position, for fields that are not there and
// operands that do not go with their operator.
TruthColumn compile_condition(const Expression& expression, const ElementType& row,
                              std::string_view condition);

}  // namespace h5flume::conditions
