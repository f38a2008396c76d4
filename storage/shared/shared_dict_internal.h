#pragma once

#include "storage/shared/dict_core_internal.h"

namespace h5flume::shared {

// Throws kNotFound for a nested dict that is not there any more.
const Replica::Node& node_of(const DictCore& core, std::uint32_t node);

[[noreturn]] void throw_no_key(const DictCore& core, const SharedKeyView& key);

}  // namespace h5flume::shared
