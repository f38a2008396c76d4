#include "tools/h5flume/key_argument.h"

#include <CLI/CLI.hpp>
#include <cstdint>

#include "core/error.h"
#include "storage/persistent/json.h"

namespace h5flume::cli {

Key key_argument(const std::string& argument, bool text) {
  if (text) return Key(argument);
  const Json value = Json::parse(argument, nullptr, false);
  const bool is_key = value.is_number_integer() || value.is_string() || value.is_array();
  try {
    return is_key ? Key::parse(argument) : Key(argument);
  } catch (const Error& error) {
    throw CLI::ValidationError(error.what());
  }
}

SharedKey shared_key_argument(const std::string& argument, bool text) {
  const Json key = key_argument(argument, text).json();
  if (key.is_number_integer()) return SharedKey(key.get<std::int64_t>());
  if (key.is_string()) return SharedKey(key.get<std::string>());
  throw CLI::ValidationError("key " + argument + ": a shared dict has integers and text as keys");
}

}  // namespace h5flume::cli
