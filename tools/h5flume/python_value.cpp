#include "tools/h5flume/python_value.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <string>

#include "core/error.h"

namespace h5flume::cli {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json whole() {
    Json result = value(0);
    skip_spaces();
    if (at_ != text_.size()) fail("the end");
    return result;
  }

 private:
  Json value(int depth) {
    if (depth > kDeepest) fail("less nesting");
    skip_spaces();
    if (take("True")) return true;
    if (take("False")) return false;
    if (take("None")) return nullptr;
    switch (next()) {
      case '\'':
      case '"':
        return string();
      case '(':
        return sequence(')', depth);
      case '[':
        return sequence(']', depth);
      case '{':
        return dict(depth);
      default:
        return number();
    }
  }

  Json sequence(char closing, int depth) {
    ++at_;
    Json items = Json::array();
    while (!closes(closing)) {
      items.push_back(value(depth + 1));
      if (!separates(closing)) break;
    }
    return items;
  }

  Json dict(int depth) {
    ++at_;
    Json members = Json::object();
    while (!closes('}')) {
      if (next() != '\'' && next() != '"') fail("a name");
      const std::string name = string();
      skip_spaces();
      if (!take(":")) fail("a colon");
      members[name] = value(depth + 1);
      if (!separates('}')) break;
    }
    return members;
  }

  std::string string() {
    const char quote = text_[at_++];
    std::string result;
    while (next() != quote) {
      if (next() == '\\') {
        ++at_;
        if (next() != '\\' && next() != '\'' && next() != '"') fail("an escaped quote");
      }
      if (next() == '\0') fail("the end of a string");
      result += text_[at_++];
    }
    ++at_;
    return result;
  }

  Json number() {
    std::int64_t result = 0;
    const char* begin = text_.data() + at_;
    const auto [end, failure] = std::from_chars(begin, text_.data() + text_.size(), result);
    if (failure != std::errc()) fail("a value");
    at_ += static_cast<std::size_t>(end - begin);
    take("L");  // Python 2 wrote that behind long ones
    return result;
  }

  // True, and behind it, at the closing bracket.
  bool closes(char closing) {
    skip_spaces();
    if (next() != closing) return false;
    ++at_;
    return true;
  }

  // Behind a comma; false behind the closing bracket.
  bool separates(char closing) {
    if (closes(closing)) return false;
    if (!take(",")) fail("a comma");
    return true;
  }

  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  void skip_spaces() {
    while (next() == ' ' || next() == '\n' || next() == '\t') ++at_;
  }

  [[noreturn]] void fail(const char* expected) const {
    throw Error(ErrorCode::kCorruptData,
                fmt::format("expected {} at character {} of: {}", expected, at_ + 1, text_));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Json parse_python_value(std::string_view text) { return Parser(text).whole(); }

}  // namespace h5flume::cli
