#pragma once

#include <string>

#include "storage/persistent/key.h"
#include "storage/shared/shared_key.h"

namespace h5flume::cli {

/// The key that a command line names: a JSON integer, a text in quotes or an array is that key;
/// anything else is the text itself, and so is everything with `text`.
///
/// Throws CLI::ValidationError for an array that is no key, and for text that is not UTF-8.
Key key_argument(const std::string& argument, bool text);

/// The same for the keys of shared dicts, which are integers and text. Throws CLI::ValidationError
/// for an array too.
SharedKey shared_key_argument(const std::string& argument, bool text);

/// What help texts say about them.
inline constexpr auto kKeyHelp =
    "A key: 5, '\"5\"' and '[\"/images\",4096]' are an integer, a text and a tuple; anything that "
    "is no such JSON is the text itself";
inline constexpr auto kSharedKeyHelp =
    "A key: 5 is an integer and '\"5\"' a text; anything that is no such JSON is the text itself";

}  // namespace h5flume::cli
