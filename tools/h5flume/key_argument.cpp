#include "tools/h5flume/key_argument.h"

#include <CLI/CLI.hpp>

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

}  // namespace h5flume::cli
