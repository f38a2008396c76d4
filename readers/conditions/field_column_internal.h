#pragma once

#include <cstddef>
#include <string>

#include "core/element_pick.h"
#include "readers/conditions/condition_columns_internal.h"

namespace h5flume::conditions {

// The values of a field. `name` is how messages call it.
// Throws kUnsupported for a type that conditions do not know: arrays, variable lengths and so on.
AnyColumn field_column(const FieldPlace& field, const std::string& name);

}  // namespace h5flume::conditions
