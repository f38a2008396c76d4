#include "tools/h5flume/shared_arguments.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "tools/h5flume/key_argument.h"

namespace h5flume::cli {

SharedKey SharedArguments::key() const { return shared_key_argument(key_text, text_key); }

std::vector<SharedKey> SharedArguments::nested_keys() const {
  std::vector<SharedKey> keys;
  for (const auto& text : nested_texts) keys.push_back(shared_key_argument(text, text_key));
  return keys;
}

Json SharedArguments::value() const {
  if (text_value) return value_text;
  try {
    return parse_json(value_text, "VALUE");
  } catch (const Error& error) {
    throw CLI::ValidationError(fmt::format("{} (for text: --text)", error.what()));
  }
}

SharedDict SharedArguments::attach() const { return SharedDict::attach(dict, {.folder = folder}); }

SharedDict SharedArguments::attach_nested() const {
  const auto keys = nested_keys();
  SharedDict found = attach();
  for (const auto& nested : keys) found = found.nested(nested);
  return found;
}

Json to_json(const SharedKey& key) { return key.is_text() ? Json(key.text()) : Json(key.number()); }

double seconds_since(std::chrono::system_clock::time_point moment) {
  const std::chrono::duration<double> age = std::chrono::system_clock::now() - moment;
  return std::max(age.count(), 0.0);
}

double unix_seconds(std::chrono::system_clock::time_point moment) {
  return std::chrono::duration<double>(moment.time_since_epoch()).count();
}

}  // namespace h5flume::cli
