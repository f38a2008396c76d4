#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>

#include "storage/mapped/container.h"

namespace h5flume::cli {

/// A value of a container as JSON, read by the container's own schema. Unset fields are left out;
/// bytes are hexadecimal; an object that refers to itself shows itself as {"reference": OFFSET}.
/// Throws kCorruptData.
nlohmann::ordered_json record_to_json(const mapped::Container& container, std::uint64_t record);

/// Calls `show` with {"key", "value"} for each entry of a map, {"key", "id"} where it has ids.
/// Hashes stand for keys that were not kept.
void for_each_entry(const mapped::Container& container,
                    const std::function<bool(const nlohmann::ordered_json&)>& show);

/// Looks whether every entry is where a lookup finds it, and names a value that is there. Nothing
/// to do for an array. Throws kCorruptData.
void verify_index(const mapped::Container& container);

}  // namespace h5flume::cli
