#include "core/selection_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <type_traits>

#include "core/python_literal_internal.h"
#include "core/selection_internal.h"

namespace h5flume {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_quote(char c) { return c == '\'' || c == '"'; }

std::optional<unsigned> hex_byte(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) return {};
  return value;
}

constexpr const char* kFieldsAlone =
    "fields alone in their brackets, as in ['a'][5:9], and several as a list, [['a', 'b']]";

// One function for each rule of the grammar in the header. Between them stand no spaces: accept()
// and next() skip those before what they look at.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Selection selection() {
    Selection whole;
    do {
      next();
      const std::size_t begin = at_;
      expect('[', "'[' of an index");
      const Selection one = step();
      placed(begin, [&] { whole = whole[one]; });
    } while (next() != '\0' || at_ < text_.size());
    return whole;
  }

 private:
  Selection step() {
    if (accept('(')) {
      expect(')', "')': only [()] has round brackets");
      expect(']', "']' behind [()");
      return {};
    }
    if (is_quote(next())) {
      const std::size_t begin = at_;
      FieldName field{name()};
      field_step_end();
      return placed(begin, [&] { return Selection(std::move(field)); });
    }
    if (names_follow()) {
      const std::size_t begin = at_;
      accept('[');
      FieldList fields;
      sequence([&] { fields.paths.push_back(name()); });
      field_step_end();
      return placed(begin, [&] { return Selection(std::move(fields)); });
    }
    if (next() == ']') fail("an index, or [()] for everything");
    AxisItems items;
    sequence([&] {
      next();
      const std::size_t begin = at_;
      AxisItem one = item();
      placed(begin, [&] { append_item(items, std::move(one)); });
    });
    return items;
  }

  void field_step_end() { expect(']', fmt::format("']': {}", kFieldsAlone)); }

  bool names_follow() {
    const std::size_t begin = at_;
    const bool follow = accept('[') && is_quote(next());
    at_ = begin;
    return follow;
  }

  // What stands between brackets, with the closing one: any number of entries, and commas.
  template <class Entry>
  void sequence(Entry entry) {
    while (!accept(']')) {
      entry();
      if (accept(',')) continue;
      expect(']', "',' or ']'");
      return;
    }
  }

  AxisItem item() {
    if (accept('[')) return list();
    if (accept_word("...")) return Ellipsis{};
    if (is_letter(next())) fail_at_word();
    if (is_quote(next())) fail(kFieldsAlone);
    if (next() != ':') {
      const std::int64_t first =
          integer("an integer, a slice, '...', a list or a quoted field name");
      if (next() != ':') return Index(first);
      return slice(first);
    }
    return slice({});
  }

  Slice slice(std::optional<std::int64_t> start) {
    Slice result{start, {}, 1};
    expect(':', "':'");
    if (number_follows()) result.stop = integer("the end of a slice");
    if (accept(':') && number_follows()) result.step = integer("the step of a slice");
    return result;
  }

  AxisItem list() {
    const bool of_bools = is_letter(next());
    if (of_bools) {
      Mask mask;
      sequence([&] { mask.taken.push_back(boolean()); });
      return mask;
    }
    IndexList list;
    const std::string expected = "an integer: lists hold only integers, or only True and False";
    sequence([&] { list.indices.push_back(integer(expected)); });
    return list;
  }

  bool boolean() {
    next();
    if (accept_word("True")) return true;
    if (accept_word("False")) return false;
    fail("True or False");
  }

  std::int64_t integer(const std::string& expected) {
    if (!number_follows()) fail(expected);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest().data(), rest().data() + rest().size(), value);
    if (error == std::errc::result_out_of_range) fail("an integer of 64 bits");
    if (error != std::errc{}) fail(expected);
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  std::string name() {
    if (!is_quote(next())) fail("a field name in quotes");
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    std::string result;
    while (at_ < text_.size() && text_[at_] != quote) {
      result += text_[at_] == '\\' ? escaped() : text_[at_++];
    }
    if (at_ == text_.size()) {
      at_ = begin;
      fail("a field name with a closing quote");
    }
    ++at_;
    return result;
  }

  char escaped() {
    const std::string_view escape = rest().substr(1);
    if (escape.starts_with('x')) {
      const auto byte = hex_byte(escape.substr(1, 2));
      if (!byte || *byte > 0x7f) fail("two hexadecimal digits up to 7f behind \\x");
      at_ += 4;
      return static_cast<char>(*byte);
    }
    constexpr std::string_view kLetters = "\\'\"nrt";
    constexpr std::string_view kMeanings = "\\'\"\n\r\t";
    const std::size_t known = escape.empty() ? kLetters.npos : kLetters.find(escape[0]);
    if (known == kLetters.npos) fail("one of the escapes \\\\ \\' \\\" \\n \\r \\t \\xHH");
    at_ += 2;
    return kMeanings[known];
  }

  // --- characters ---

  std::string_view rest() const { return text_.substr(at_); }

  // The next character that is no space, '\0' at the end of the text.
  char next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool number_follows() { return is_digit(next()) || next() == '-'; }

  bool accept(char wanted) {
    if (next() != wanted || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  bool accept_word(std::string_view word) {
    if (!rest().starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  void expect(char wanted, const std::string& expected) {
    if (!accept(wanted)) fail(expected);
  }

  // --- errors ---

  [[noreturn]] void refuse(ErrorCode code, std::size_t at, const std::string& cause) const {
    throw Error(
        code, fmt::format("parse the selection {}: character {}: {}", excerpt(at), at + 1, cause));
  }

  [[noreturn]] void fail(const std::string& expected) const {
    std::size_t end = at_ + 1;
    while (end < text_.size() && (text_[end] & 0xc0) == 0x80) ++end;  // all bytes of a UTF-8 letter
    const std::string found =
        at_ == text_.size() ? "the end" : python_literal(text_.substr(at_, end - at_));
    refuse(ErrorCode::kInvalidArgument, at_, fmt::format("found {}, expected {}", found, expected));
  }

  [[noreturn]] void fail_at_word() const {
    std::size_t end = at_;
    while (end < text_.size() && (is_letter(text_[end]) || text_[end] == '.')) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    if (word == "None" || word == "newaxis" || word == "np.newaxis") {
      refuse(ErrorCode::kInvalidArgument, at_,
             fmt::format("{}, a new axis, is not served: reshape the result; and the bound of a "
                         "slice is left out",
                         word));
    }
    if (word == "True" || word == "False") {
      refuse(
          ErrorCode::kInvalidArgument, at_,
          fmt::format("{} by itself is not served: a mask is a list, as in [[True, False]]", word));
    }
    fail("an integer, a slice, '...', a list or a quoted field name");
  }

  // Runs what checks the meaning; its errors are about what begins at `begin`.
  template <class Action>
  std::invoke_result_t<Action> placed(std::size_t begin, Action action) const {
    try {
      return action();
    } catch (const Error& error) {
      refuse(error.code(), begin, error.what());
    }
  }

  // The text, or what is around `at` of a long one.
  std::string excerpt(std::size_t at) const {
    constexpr std::size_t kAround = 40;
    const std::size_t begin = at > kAround ? at - kAround : 0;
    std::string part(text_.substr(begin, 2 * kAround));
    std::replace(part.begin(), part.end(), '\0', ' ');  // what() would end there
    return fmt::format("{}{}{}", begin > 0 ? "... " : "", part,
                       begin + part.size() < text_.size() ? " ..." : "");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// --- writing -------------------------------------------------------------------------------------

struct Writer {
  std::string text;

  void operator()(std::int64_t number) { fmt::format_to(std::back_inserter(text), "{}", number); }
  void operator()(bool taken) { text += taken ? "True" : "False"; }
  void operator()(const std::string& name) { text += python_literal(name); }

  void operator()(const Index& index) { (*this)(index.value); }
  void operator()(const Ellipsis&) { text += "..."; }
  void operator()(const IndexList& list) { bracketed(list.indices); }
  void operator()(const Mask& mask) { bracketed(mask.taken); }
  void operator()(const AxisItem& item) { std::visit(*this, item); }

  void operator()(const Slice& slice) {
    if (slice.start) (*this)(*slice.start);
    text += ':';
    if (slice.stop) (*this)(*slice.stop);
    if (slice.step == 1) return;
    text += ':';
    (*this)(slice.step);
  }

  void operator()(const AxisItems& items) { bracketed(items); }
  void operator()(const FieldName& field) { bracketed(std::vector{field.path}); }
  void operator()(const FieldList& fields) {
    bracketed(std::vector<std::vector<std::string>>{fields.paths});
  }
  void operator()(const std::vector<std::string>& names) { bracketed(names); }

 private:
  template <class Entries>
  void bracketed(const Entries& entries) {
    text += '[';
    const char* separator = "";
    for (const auto& entry : entries) {
      text += separator;
      (*this)(entry);
      separator = ", ";
    }
    text += ']';
  }
};

}  // namespace

Selection parse_selection(std::string_view text) { return Parser(text).selection(); }

std::string to_string(const Selection& selection) {
  if (selection.steps().empty()) return "[()]";
  Writer writer;
  for (const Selection::Step& step : selection.steps()) std::visit(writer, step);
  return std::move(writer.text);
}

std::string to_short_string(const Selection& selection) {
  constexpr std::size_t kLongest = 120;
  std::string text = to_string(selection);
  if (text.size() > kLongest) text.replace(kLongest / 2, text.size() - kLongest, " ... ");
  return text;
}

}  // namespace h5flume
