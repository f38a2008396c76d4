#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace h5flume::cli {

/// A Python literal as JSON: strings, whole numbers, True, False, None, tuples and lists (both
/// arrays), dicts with strings as keys. Enough for the headers of .npy files.
///
/// Throws kCorruptData, a cause only, for anything else, and for nesting deeper than 64.
nlohmann::json parse_python_value(std::string_view text);

}  // namespace h5flume::cli
