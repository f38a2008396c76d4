#include "storage/persistent/key.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "storage/persistent/json.h"

namespace h5flume {
namespace {

// Whether text is its own JSON, between quotes: the usual case, and faster to find out than to do.
bool needs_no_escape(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char character) {
    return character >= ' ' && character < '\x7f' && character != '"' && character != '\\';
  });
}

// `whole` is the text of the key that `value` is a part of.
void check_is_key(const Json& value, std::string_view whole) {
  if (value.is_string() || value.is_number_integer()) return;
  if (!value.is_array()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("key {}: keys are text, integers, and tuples of them", whole));
  }
  for (const auto& part : value) check_is_key(part, whole);
}

}  // namespace

Key::Key(std::string_view text) {
  if (needs_no_escape(text)) {
    text_.reserve(text.size() + 2);
    text_.append(1, '"').append(text).append(1, '"');
  } else {
    text_ = to_json_text(Json(text), "key");
  }
}

Key Key::tuple(const std::vector<Key>& parts) {
  std::string text = "[";
  for (const auto& part : parts) {
    if (text.size() > 1) text += ',';
    text += part.text_;
  }
  return stored(text + ']');
}

Key Key::from_json(const Json& value) {
  std::string text = to_json_text(value, "key");  // first: it bounds the nesting
  check_is_key(value, text);
  return stored(std::move(text));
}

Key Key::parse(std::string_view json_text) { return from_json(parse_json(json_text, "key")); }

Json Key::json() const { return parse_stored_json(text_).value(); }

}  // namespace h5flume
