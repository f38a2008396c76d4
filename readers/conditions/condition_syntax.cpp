#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "readers/conditions/condition_syntax_internal.h"
#include "readers/conditions/condition_tokens_internal.h"

namespace h5flume::conditions {
namespace {

// More than anybody writes, and few enough to recurse over and to keep in memory.
constexpr std::size_t kMostParts = 500;
constexpr int kDeepestNesting = 100;

// Binary operators that need no care, from the loosest to the tightest, as in Python.
constexpr std::array<std::array<std::string_view, 4>, 5> kLevels = {{
    {"|"},
    {"^"},
    {"&"},
    {"+", "-"},
    {"*", "/", "//", "%"},
}};

constexpr std::array<std::string_view, 6> kComparisons = {"==", "!=", "<", "<=", ">", ">="};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), tokens_(tokens_of(text)) {}

  Expression condition() {
    if (now().kind == Token::Kind::kEnd) fail("it is empty");
    Expression whole = disjunction();
    if (now().kind != Token::Kind::kEnd) fail_unexpected("an operator");
    return whole;
  }

 private:
  using Kind = Expression::Kind;

  // --- one function for each rule, from the loosest operator to the tightest ---

  Expression disjunction() {
    Expression left = conjunction();
    while (const Token* word = accept_word("or")) left = join("or", *word, left, conjunction());
    return left;
  }

  Expression conjunction() {
    Expression left = negation();
    while (const Token* word = accept_word("and")) left = join("and", *word, left, negation());
    return left;
  }

  Expression negation() {
    const Token* word = accept_word("not");
    if (word == nullptr) return comparison();
    const Deeper deeper(*this);
    return apply("not", *word, negation());
  }

  // Python reads a > 3 & b == 1 as the chain a > (3 & b) == 1, which nobody means.
  Expression comparison() {
    Expression left = operation(0);
    const Token* sign = accept_any(kComparisons);
    if (sign == nullptr) return left;
    left = join(sign->text, *sign, left, operation(0));
    if (is_any(kComparisons)) {
      fail(
          "comparisons do not follow each other: & and | bind tighter than they do, so write "
          "each in round brackets, as in (a > 3) & (b == 1)");
    }
    return left;
  }

  Expression operation(std::size_t level) {
    if (level == kLevels.size()) return sign();
    Expression left = operation(level + 1);
    while (const Token* sign = accept_any(kLevels[level])) {
      left = join(sign->text, *sign, left, operation(level + 1));
    }
    return left;
  }

  Expression sign() {
    const Token* word = accept_any({"-", "+", "~"});
    if (word == nullptr) return power();
    const Deeper deeper(*this);
    return apply(word->text, *word, sign());
  }

  Expression power() {
    Expression base = atom();
    const Token* word = accept_any({"**"});
    if (word == nullptr) return base;
    const Deeper deeper(*this);
    return join("**", *word, base, sign());
  }

  Expression atom() {
    const Token& token = now();
    switch (token.kind) {
      case Token::Kind::kInteger:
        return leaf(Kind::kInteger);
      case Token::Kind::kNumber:
        return leaf(Kind::kNumber);
      case Token::Kind::kText:
        return leaf(Kind::kText);
      case Token::Kind::kName:
        return name();
      default:
        break;
    }
    if (!accept_any({"("})) fail_unexpected("a field, a number or '('");
    const Deeper deeper(*this);
    Expression inside = disjunction();
    expect(")", "')'");
    return inside;
  }

  Expression name() {
    const Token& token = now();
    if (token.quoted) return leaf(Kind::kField);
    if (token.text == "True" || token.text == "False") {
      Expression truth = leaf(Kind::kTruth);
      truth.integer = truth.text == "True";
      return truth;
    }
    if (is_word(token)) fail_unexpected("a field or a number");
    Expression named = leaf(Kind::kField);
    if (!accept_any({"("})) return named;
    const Deeper deeper(*this);
    named.kind = Kind::kCall;
    do {
      named.parts.push_back(disjunction());
    } while (accept_any({","}));
    expect(")", "')' or ','");
    return named;
  }

  // --- expressions ---

  Expression leaf(Kind kind) {
    if (++part_count_ > kMostParts) {
      fail(fmt::format("a condition has at most {} parts", kMostParts));
    }
    const Token& token = tokens_[at_++];
    return {kind, token.position, token.text, token.integer, token.number, {}};
  }

  static Expression apply(const std::string& sign, const Token& at, Expression part) {
    Expression whole{Kind::kUnary, at.position, sign, 0, 0, {}};
    whole.parts.push_back(std::move(part));
    return whole;
  }

  static Expression join(const std::string& sign, const Token& at, Expression& left,
                         Expression right) {
    Expression whole{Kind::kBinary, at.position, sign, 0, 0, {}};
    whole.parts.push_back(std::move(left));
    whole.parts.push_back(std::move(right));
    return whole;
  }

  // --- tokens ---

  const Token& now() const { return tokens_[at_]; }

  static bool is_word(const Token& token) {
    return token.text == "and" || token.text == "or" || token.text == "not";
  }

  template <class Signs>
  bool is_any(const Signs& signs) const {
    return now().kind == Token::Kind::kOperator &&
           std::find(signs.begin(), signs.end(), now().text) != signs.end();
  }

  template <class Signs>
  const Token* accept_any(const Signs& signs) {
    return is_any(signs) ? &tokens_[at_++] : nullptr;
  }
  const Token* accept_any(std::initializer_list<std::string_view> signs) {
    return is_any(signs) ? &tokens_[at_++] : nullptr;
  }

  const Token* accept_word(std::string_view word) {
    const bool found = now().kind == Token::Kind::kName && !now().quoted && now().text == word;
    return found ? &tokens_[at_++] : nullptr;
  }

  void expect(std::string_view sign, const char* wanted) {
    if (now().kind != Token::Kind::kOperator || now().text != sign) fail_unexpected(wanted);
    ++at_;
  }

  [[noreturn]] void fail(const std::string& cause) const { fail_at(text_, now().position, cause); }

  [[noreturn]] void fail_unexpected(const char* wanted) const {
    const Token& token = now();
    fail(fmt::format("{} is expected {}", wanted,
                     token.kind == Token::Kind::kEnd ? "at the end" : "here"));
  }

  // Round brackets, signs and arguments lead deeper, and too deep would be the end of the stack.
  struct Deeper {
    explicit Deeper(Parser& parser) : depth(parser.depth_) {
      if (++depth > kDeepestNesting) {
        parser.fail(fmt::format("it is nested more than {} deep", kDeepestNesting));
      }
    }
    ~Deeper() { --depth; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    int& depth;
  };

  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t part_count_ = 0;
  int depth_ = 0;
};

void add_fields(const Expression& expression, std::vector<std::string>& fields) {
  if (expression.kind == Expression::Kind::kField &&
      std::find(fields.begin(), fields.end(), expression.text) == fields.end()) {
    fields.push_back(expression.text);
  }
  for (const Expression& part : expression.parts) add_fields(part, fields);
}

}  // namespace

Expression parse_condition(std::string_view condition) { return Parser(condition).condition(); }

std::vector<std::string> fields_of(const Expression& expression) {
  std::vector<std::string> fields;
  add_fields(expression, fields);
  return fields;
}

}  // namespace h5flume::conditions
