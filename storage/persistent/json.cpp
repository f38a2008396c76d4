#include "storage/persistent/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <vector>

#include "core/error.h"

namespace h5flume {
namespace {

// Why a value cannot be stored; empty if it can. Text is left to dump(), which checks it anyway.
std::string why_not_storable(const Json& value, std::size_t level) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    return "JSON has no NaN and no infinity";
  }
  if (value.is_binary()) return "JSON has no binary values";
  if (!value.is_structured()) return {};
  if (level == kMostJsonLevels) {
    return fmt::format("it is nested more than {} levels deep", kMostJsonLevels);
  }
  for (const auto& part : value) {
    if (auto why = why_not_storable(part, level + 1); !why.empty()) return why;
  }
  return {};
}

// Looks at text before it becomes a value, for what the value would not show any more.
class Inspector {
 public:
  explicit Inspector(std::string_view text) : text_(text) {}

  std::string why;

  bool null() { return true; }
  bool boolean(bool /*value*/) { return true; }
  bool number_integer(Json::number_integer_t /*value*/) { return true; }
  bool number_unsigned(Json::number_unsigned_t /*value*/) { return true; }
  bool number_float(Json::number_float_t value, const Json::string_t& text) {
    if (!std::isfinite(value)) return refuse(fmt::format("{} is too large for a double", text));
    if (text.find_first_of(".eE") != std::string::npos) return true;
    return refuse(fmt::format("{} has more than 64 bits", text));
  }
  bool string(const Json::string_t& /*text*/) { return true; }
  bool binary(const Json::binary_t& /*bytes*/) { return true; }

  bool start_object(std::size_t /*size*/) { return enter(); }
  bool key(const Json::string_t& name) {
    return names_.back().insert(name).second || refuse(fmt::format("key '{}' twice", name));
  }
  bool end_object() { return leave(); }
  bool start_array(std::size_t /*size*/) { return enter(); }
  bool end_array() { return leave(); }

  template <class Exception>
  bool parse_error(std::size_t position, const std::string& /*token*/, const Exception& /*error*/) {
    // What json.dumps() of Python makes of them, which JSON does not have.
    const std::string_view there = text_.substr(std::min(text_.size(), position - 1));
    for (const char* name : {"NaN", "Infinity"}) {
      if (there.starts_with(name)) return refuse(fmt::format("{} is no JSON", name));
    }
    return refuse(fmt::format("no JSON at byte {}", position));
  }

 private:
  bool enter() {
    if (names_.size() == kMostJsonLevels) {
      return refuse(fmt::format("nested more than {} levels deep", kMostJsonLevels));
    }
    names_.emplace_back();
    return true;
  }
  bool leave() {
    names_.pop_back();
    return true;
  }
  bool refuse(std::string reason) {
    why = std::move(reason);
    return false;
  }

  std::string_view text_;
  std::vector<std::set<std::string>> names_;  // of the objects that have been entered
};

}  // namespace

std::string to_json_text(const Json& value, std::string_view object) {
  return to_json_text(value, [object] { return std::string(object); });
}

std::string to_json_text(const Json& value, const std::function<std::string()>& object) {
  const auto refuse = [&](std::string_view why) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", object(), why));
  };
  if (const auto why = why_not_storable(value, 0); !why.empty()) refuse(why);
  try {
    return value.dump();
  } catch (const Json::type_error&) {
    refuse("its text is not UTF-8");
  }
  return {};
}

Json parse_json(std::string_view text, std::string_view object) {
  Inspector inspector(text);
  if (!Json::sax_parse(text, &inspector)) {
    throw Error(ErrorCode::kCorruptData, fmt::format("{}: {}", object, inspector.why));
  }
  return Json::parse(text);
}

std::optional<Json> parse_stored_json(std::string_view text) {
  auto value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? std::nullopt : std::optional(std::move(value));
}

}  // namespace h5flume
