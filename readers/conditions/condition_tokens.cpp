#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "core/error.h"
#include "readers/conditions/condition_tokens_internal.h"

namespace h5flume::conditions {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Names may be UTF-8.
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Longer ones before those they begin with.
constexpr std::array<std::string_view, 20> kOperators = {"**", "//", "==", "!=", "<=", ">=", "<",
                                                         ">",  "+",  "-",  "*",  "/",  "%",  "&",
                                                         "|",  "^",  "~",  "(",  ")",  ","};

// What is written in other languages or by mistake, and what it is here.
struct Mistake {
  std::string_view written;
  std::string_view hint;
};
constexpr std::array<Mistake, 4> kMistakes = {{
    {"&&", "'and' is written & or and"},
    {"||", "'or' is written | or or"},
    {"=", "equality is written =="},
    {"!", "negation is written ~ or not"},
}};

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : text_(text) {}

  std::vector<Token> all() {
    std::vector<Token> tokens;
    do {
      tokens.push_back(next());
    } while (tokens.back().kind != Token::Kind::kEnd);
    return tokens;
  }

 private:
  using Kind = Token::Kind;

  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[noreturn]] void fail(const std::string& cause) const { fail_at(text_, at_ + 1, cause); }

  Token next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    Token token;
    token.position = at_ + 1;
    if (at_ == text_.size()) return token;
    const bool quote_follows = peek(1) == '\'' || peek(1) == '"';
    if (peek() == 'b' && quote_follows) ++at_;  // b'text' is the same here
    if (peek() == '\'' || peek() == '"') {
      read_text(token);
    } else if (peek() == '`') {
      read_quoted_name(token);
    } else if (is_letter(peek())) {
      read_name(token);
    } else if (is_digit(peek()) || (peek() == '.' && is_digit(peek(1)))) {
      read_number(token);
    } else {
      read_operator(token);
    }
    return token;
  }

  // A dot leads into a compound: outer.inner is the field "outer/inner".
  void read_name(Token& token) {
    token.kind = Kind::kName;
    for (;;) {
      while (is_letter(peek()) || is_digit(peek())) token.text += text_[at_++];
      if (peek() != '.' || !is_letter(peek(1))) return;
      token.text += '/';
      ++at_;
    }
  }

  void read_quoted_name(Token& token) {
    token.kind = Kind::kName;
    token.quoted = true;
    const std::size_t end = text_.find('`', at_ + 1);
    if (end == std::string_view::npos) fail("the name that begins here has no closing `");
    token.text = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
  }

  void read_text(Token& token) {
    token.kind = Kind::kText;
    const char quote = text_[at_];
    const std::size_t begin = at_++;
    while (peek() != quote) {
      if (at_ >= text_.size()) {
        fail_at(text_, begin + 1, "the text that begins here has no closing quote");
      }
      token.text += peek() == '\\' ? escaped() : text_[at_++];
    }
    ++at_;
  }

  char escaped() {
    const char letter = peek(1);
    at_ += 2;
    switch (letter) {
      case '\\':
      case '\'':
      case '"':
        return letter;
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'x':
        return hex_byte();
      default:
        at_ -= 2;
        fail("only \\\\ \\' \\\" \\n \\r \\t and \\xHH are known behind a backslash");
    }
  }

  char hex_byte() {
    const std::string_view digits = text_.substr(std::min(at_, text_.size()), 2);
    unsigned value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) {
      fail("two hexadecimal digits have to follow \\x");
    }
    at_ += 2;
    return static_cast<char>(value);
  }

  void read_number(Token& token) {
    const char* const begin = text_.data() + at_;
    const char* const limit = text_.data() + text_.size();
    const char prefix = static_cast<char>(peek(1) | 0x20);
    const int base = peek() != '0' ? 10 : prefix == 'x' ? 16 : prefix == 'b' ? 2 : 10;
    const char* end = begin;
    if (base == 10) end = std::from_chars(begin, limit, token.number).ptr;
    if (base != 10 || std::all_of(begin, end, is_digit)) {
      token.kind = Kind::kInteger;
      const auto parsed =
          std::from_chars(base == 10 ? begin : begin + 2, limit, token.integer, base);
      if (parsed.ec == std::errc::result_out_of_range) {
        fail("the integer does not fit 64 bits");
      }
      if (parsed.ec != std::errc{}) fail(fmt::format("digits have to follow 0{}", peek(1)));
      end = parsed.ptr;
    } else {
      token.kind = Kind::kNumber;
      if (std::from_chars(begin, limit, token.number).ec != std::errc{}) {
        fail("the number does not fit a float64");
      }
    }
    at_ += static_cast<std::size_t>(end - begin);
    if (is_letter(peek()) || is_digit(peek())) fail("a number goes on where it should end");
  }

  void read_operator(Token& token) {
    token.kind = Kind::kOperator;
    const std::string_view rest = text_.substr(at_);
    const auto begins = [rest](std::string_view word) { return rest.starts_with(word); };
    for (const Mistake& mistake : kMistakes) {
      const bool is_meant = mistake.written.size() == 1 && rest.substr(1, 1) == "=";
      if (begins(mistake.written) && !is_meant) fail(std::string(mistake.hint));
    }
    const auto found = std::find_if(kOperators.begin(), kOperators.end(), begins);
    if (found == kOperators.end()) fail(fmt::format("'{}' has no meaning here", rest.front()));
    token.text = *found;
    at_ += found->size();
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

void fail_at(std::string_view condition, std::size_t position, const std::string& cause) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("condition '{}', position {}: {}", condition, position, cause));
}

std::vector<Token> tokens_of(std::string_view condition) { return Tokenizer(condition).all(); }

}  // namespace h5flume::conditions
