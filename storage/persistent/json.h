#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace h5flume {

/// What a persistent dict holds for a key: any JSON value, the members of objects in their order.
using Json = nlohmann::ordered_json;

/// The text that is stored, without spaces.
///
/// Throws kInvalidArgument, beginning with `object`, for what would not come back as it was: NaN
/// and infinities (which JSON does not have), text that is not UTF-8, binary values, and nesting
/// deeper than kMostJsonLevels.
std::string to_json_text(const Json& value, std::string_view object);

/// The same for an object whose name takes time to make: it is asked for only when it is needed.
std::string to_json_text(const Json& value, const std::function<std::string()>& object);

/// The inverse, for text from outside.
///
/// Throws kCorruptData, beginning with `object`, for what is no JSON value or more than one, and
/// for what would not be kept whole: integers beyond 64 bits, an object with a key twice, and
/// nesting deeper than kMostJsonLevels.
Json parse_json(std::string_view text, std::string_view object);

/// The inverse, for text that to_json_text() gave: nothing if it is no JSON after all.
std::optional<Json> parse_stored_json(std::string_view text);

/// Arrays and objects within each other.
inline constexpr std::size_t kMostJsonLevels = 500;

}  // namespace h5flume
