#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "readers/conditions/condition_compiler_internal.h"
#include "readers/conditions/condition_operators_internal.h"
#include "readers/conditions/condition_tokens_internal.h"
#include "readers/conditions/field_column_internal.h"

namespace h5flume::conditions {
namespace {

using Kind = Expression::Kind;

constexpr std::uint64_t kBeyondInteger = std::uint64_t{1} << 63;  // one more than int64 holds

// --- functions, by their names in numpy ---

struct NumberFunction {
  std::string_view name;
  double (*compute)(double);
};
constexpr std::array<NumberFunction, 20> kNumberFunctions = {{
    {"sqrt", std::sqrt},     {"exp", std::exp},       {"expm1", std::expm1},
    {"log", std::log},       {"log10", std::log10},   {"log1p", std::log1p},
    {"floor", std::floor},   {"ceil", std::ceil},     {"sin", std::sin},
    {"cos", std::cos},       {"tan", std::tan},       {"arcsin", std::asin},
    {"arccos", std::acos},   {"arctan", std::atan},   {"sinh", std::sinh},
    {"cosh", std::cosh},     {"tanh", std::tanh},     {"arcsinh", std::asinh},
    {"arccosh", std::acosh}, {"arctanh", std::atanh},
}};

struct TruthFunction {
  std::string_view name;
  bool (*compute)(double);
};
constexpr std::array<TruthFunction, 3> kTruthFunctions = {{
    {"isnan", [](double value) { return std::isnan(value); }},
    {"isinf", [](double value) { return std::isinf(value); }},
    {"isfinite", [](double value) { return std::isfinite(value); }},
}};

template <class Functions>
auto find_function(const Functions& functions, std::string_view name) {
  const auto found = std::find_if(functions.begin(), functions.end(),
                                  [name](const auto& function) { return function.name == name; });
  return found == functions.end() ? nullptr : &*found;
}

bool is_one_of(std::string_view sign, std::initializer_list<std::string_view> signs) {
  return std::find(signs.begin(), signs.end(), sign) != signs.end();
}

bool is_comparison(std::string_view sign) {
  return is_one_of(sign, {"==", "!=", "<", "<=", ">", ">="});
}

std::string with_dots(std::string path) {
  std::replace(path.begin(), path.end(), '/', '.');
  return path;
}

template <class T>
AnyColumn constant(const T& value) {
  return ColumnPtr<T>(std::make_unique<ConstantColumn<T>>(value));
}

// Text that lives as long as its column.
class ConstantText final : public Column<std::string_view> {
 public:
  explicit ConstantText(std::string text) : text_(std::move(text)) {
    while (text_.ends_with('\0')) text_.pop_back();
    values_.fill(text_);
  }
  const std::string_view* values(const Slice&) override { return values_.data(); }

 private:
  std::string text_;
  std::array<std::string_view, kSliceRows> values_;
};

// Builds the columns of an expression from its leaves up.
class Compiler {
 public:
  Compiler(const ElementType& row, std::string_view condition) : row_(row), condition_(condition) {}

  TruthColumn whole(const Expression& expression) const {
    Operand result = as_truth(expression, compile(expression));
    if (!is_truth(result)) {
      fail(expression, fmt::format("a condition has to give a truth value, and this gives {}",
                                   what_is(result)));
    }
    return std::move(std::get<TruthColumn>(result.column));
  }

 private:
  Operand compile(const Expression& expression) const {
    if (expression.kind == Kind::kField) return field(expression);
    return {column(expression), fmt::format("the value at position {}", expression.position)};
  }

  AnyColumn column(const Expression& expression) const {
    switch (expression.kind) {
      case Kind::kTruth:
        return constant(truth(expression.integer != 0));
      case Kind::kInteger:
        if (expression.integer >= kBeyondInteger) return constant(expression.integer);
        return constant(static_cast<std::int64_t>(expression.integer));
      case Kind::kNumber:
        return constant(expression.number);
      case Kind::kText:
        return TextColumn(std::make_unique<ConstantText>(expression.text));
      case Kind::kUnary:
        return unary(expression);
      case Kind::kBinary:
        return binary(expression);
      default:
        return call(expression);
    }
  }

  Operand field(const Expression& expression) const {
    const std::string name = fmt::format("field '{}'", with_dots(expression.text));
    return placed(expression, [&] {
      return Operand{field_column(find_field(row_, expression.text), name), name};
    });
  }

  // --- operators ---

  AnyColumn unary(const Expression& expression) const {
    const Expression& part = expression.parts.front();
    const bool is_minus = expression.text == "-";
    if (is_minus && part.kind == Kind::kInteger && part.integer == kBeyondInteger) {
      return constant(std::numeric_limits<std::int64_t>::min());
    }
    Operand operand = compile(part);
    const bool is_not = expression.text == "not";
    if (is_not) operand = as_truth(part, std::move(operand));
    if (is_not || (expression.text == "~" && is_truth(operand))) {
      if (!is_truth(operand)) fail_operand(expression, "a truth value", operand);
      return opposite_truth(std::move(std::get<TruthColumn>(operand.column)));
    }
    if (is_text(operand)) fail_operand(expression, "a number", operand);
    if (expression.text == "~") {
      if (is_number(operand)) fail_operand(expression, "a truth value or an integer", operand);
      return map<std::int64_t>(to_integer(std::move(operand)),
                               [](std::int64_t value, std::uint64_t) { return ~value; });
    }
    if (is_number(operand)) {
      if (!is_minus) return std::move(operand.column);
      return map<double>(to_number(std::move(operand)),
                         [](double value, std::uint64_t) { return -value; });
    }
    IntegerColumn integers = to_integer(std::move(operand));
    return is_minus ? negate(std::move(integers)) : std::move(integers);
  }

  AnyColumn binary(const Expression& expression) const {
    if (is_comparison(expression.text)) return comparison(expression);
    Operand left = compile(expression.parts[0]);
    Operand right = compile(expression.parts[1]);
    if (is_one_of(expression.text, {"and", "or", "&", "|", "^"})) {
      return logic(expression, std::move(left), std::move(right));
    }
    for (const Operand* operand : {&left, &right}) {
      if (is_text(*operand)) fail_operand(expression, "numbers", *operand);
    }
    const bool gives_number = is_number(left) || is_number(right) || expression.text == "/" ||
                              (expression.text == "**" && !is_whole_exponent(expression.parts[1]));
    if (gives_number) {
      return calculate(expression.text, to_number(std::move(left)), to_number(std::move(right)));
    }
    return calculate(expression.text, to_integer(std::move(left)), to_integer(std::move(right)));
  }

  // Of any other exponent nobody knows beforehand whether the power is an integer.
  static bool is_whole_exponent(const Expression& exponent) {
    return exponent.kind == Kind::kInteger || exponent.kind == Kind::kTruth;
  }

  AnyColumn logic(const Expression& expression, Operand left, Operand right) const {
    const bool is_word = is_one_of(expression.text, {"and", "or"});
    if (is_word || is_truth(left) != is_truth(right)) {
      left = as_truth(expression.parts[0], std::move(left));
      right = as_truth(expression.parts[1], std::move(right));
    }
    const std::string sign = !is_word ? expression.text : expression.text == "and" ? "&" : "|";
    if (is_truth(left) && is_truth(right)) {
      return combine_truths(sign, std::move(std::get<TruthColumn>(left.column)),
                            std::move(std::get<TruthColumn>(right.column)));
    }
    if (!is_word && is_integer(left) && is_integer(right)) {
      return combine_bits(sign, to_integer(std::move(left)), to_integer(std::move(right)));
    }
    if (is_word) {
      fail_operand(expression, "truth values", is_truth(left) ? right : left);
    }
    fail(expression,
         fmt::format("'{}' takes two truth values or two integers, and here stand {} and {}; it "
                     "binds tighter than comparisons do, so write each in round brackets, as in "
                     "(a > 3) & (b == 1)",
                     expression.text, what_is(left), what_is(right)));
  }

  // PyTables stores truth values as bitfields of one byte, which look like any uint8. Where a truth
  // value is wanted such a field is one, and so is what & | ^ ~ make of such fields.
  bool is_flag(const Expression& expression) const {
    if (expression.kind == Kind::kField) {
      const ElementType& type = *find_field(row_, expression.text).type;
      return type.kind == ElementKind::kUnsigned && type.size == 1;
    }
    const bool is_logic =
        expression.kind == Kind::kUnary
            ? expression.text == "~"
            : expression.kind == Kind::kBinary && is_one_of(expression.text, {"&", "|", "^"});
    return is_logic && std::all_of(expression.parts.begin(), expression.parts.end(),
                                   [this](const Expression& part) { return is_flag(part); });
  }

  Operand as_truth(const Expression& expression, Operand operand) const {
    if (!is_integer(operand) || !is_flag(expression)) return operand;
    return {flag_column(expression), operand.name};
  }

  TruthColumn flag_column(const Expression& expression) const {
    if (expression.kind == Kind::kField) {
      Operand flags = field(expression);
      const std::string name = flags.name;
      return to_truth(to_integer(std::move(flags)), name);
    }
    TruthColumn first = flag_column(expression.parts[0]);
    if (expression.kind == Kind::kUnary) return opposite_truth(std::move(first));
    return combine_truths(expression.text, std::move(first), flag_column(expression.parts[1]));
  }

  AnyColumn comparison(const Expression& expression) const {
    if (auto named = enum_comparison(expression)) return std::move(*named);
    Operand left = compile(expression.parts[0]);
    Operand right = compile(expression.parts[1]);
    if (is_text(left) != is_text(right)) {
      fail(expression, fmt::format("'{}' compares text with text only, and here stand {} and {}",
                                   expression.text, what_is(left), what_is(right)));
    }
    return compare(expression.text, std::move(left), std::move(right));
  }

  // A field of an enum equals the name of a member where it has that member's value.
  std::optional<AnyColumn> enum_comparison(const Expression& expression) const {
    const bool text_first = expression.parts[0].kind == Kind::kText;
    const Expression& text = expression.parts[text_first ? 0 : 1];
    const Expression& name = expression.parts[text_first ? 1 : 0];
    if (text.kind != Kind::kText || name.kind != Kind::kField) return {};
    const auto found = placed(name, [&] { return find_field(row_, name.text); });
    if (found.type->kind != ElementKind::kEnum) return {};
    if (!is_one_of(expression.text, {"==", "!="})) {
      fail(expression, "names of an enum have no order: compare with == or !=, or with a number");
    }
    const std::int64_t value = member_value(*found.type, text);
    Operand member{constant(value), {}};
    if (!found.type->is_signed) member.column = constant(static_cast<std::uint64_t>(value));
    return compare(expression.text, field(name), std::move(member));
  }

  std::int64_t member_value(const ElementType& type, const Expression& text) const {
    std::string names;
    for (const EnumMember& member : type.members) {
      if (member.name == text.text) return member.value;
      names += (names.empty() ? "" : ", ") + member.name;
    }
    fail(text, fmt::format("the enum has no member '{}'; they are {}", text.text, names));
  }

  // --- functions ---

  AnyColumn call(const Expression& expression) const {
    const std::string& name = expression.text;
    if (const auto* function = find_function(kNumberFunctions, name)) {
      return map<double>(
          number_argument(expression),
          [compute = function->compute](double value, std::uint64_t) { return compute(value); });
    }
    if (const auto* function = find_function(kTruthFunctions, name)) {
      return map<Truth>(number_argument(expression),
                        [compute = function->compute](double value, std::uint64_t) {
                          return truth(compute(value));
                        });
    }
    if (name == "abs") return absolute(expression);
    if (name == "arctan2") return arctan2(expression);
    if (name == "contains") return contains(expression);
    fail(expression, fmt::format("there is no function '{}'; there are abs, arctan2, contains, {}",
                                 name, function_names()));
  }

  static std::string function_names() {
    std::string names;
    for (const auto& function : kTruthFunctions) names += std::string(function.name) + ", ";
    for (const auto& function : kNumberFunctions) names += std::string(function.name) + ", ";
    names.resize(names.size() - 2);
    return names;
  }

  std::vector<Operand> arguments(const Expression& expression, std::size_t count,
                                 bool texts) const {
    if (expression.parts.size() != count) {
      fail(expression, fmt::format("{}() takes {} argument{}, not {}", expression.text, count,
                                   count == 1 ? "" : "s", expression.parts.size()));
    }
    std::vector<Operand> operands;
    for (const Expression& part : expression.parts) {
      operands.push_back(compile(part));
      if (is_text(operands.back()) != texts) {
        fail(part, fmt::format("{}() takes {}, and this is {}", expression.text,
                               texts ? "texts" : "numbers", what_is(operands.back())));
      }
    }
    return operands;
  }

  NumberColumn number_argument(const Expression& expression) const {
    return to_number(std::move(arguments(expression, 1, false)[0]));
  }

  AnyColumn absolute(const Expression& expression) const {
    Operand operand = std::move(arguments(expression, 1, false)[0]);
    if (is_number(operand)) {
      return map<double>(to_number(std::move(operand)),
                         [](double value, std::uint64_t) { return std::fabs(value); });
    }
    return absolute_of(to_integer(std::move(operand)));
  }

  AnyColumn arctan2(const Expression& expression) const {
    auto operands = arguments(expression, 2, false);
    return combine<double>(to_number(std::move(operands[0])), to_number(std::move(operands[1])),
                           [](double y, double x, std::uint64_t) { return std::atan2(y, x); });
  }

  AnyColumn contains(const Expression& expression) const {
    auto operands = arguments(expression, 2, true);
    return combine<Truth>(std::move(std::get<TextColumn>(operands[0].column)),
                          std::move(std::get<TextColumn>(operands[1].column)),
                          [](std::string_view text, std::string_view part, std::uint64_t) {
                            return truth(text.find(part) != std::string_view::npos);
                          });
  }

  // --- errors ---

  static std::string what_is(const Operand& operand) {
    constexpr std::array<const char*, 5> kKinds = {"a truth value", "an integer", "an integer",
                                                   "a number", "text"};
    const std::string kind = kKinds.at(operand.column.index());
    return operand.name.starts_with("field ") ? fmt::format("{} ({})", operand.name, kind) : kind;
  }

  [[noreturn]] void fail(const Expression& at, const std::string& cause) const {
    fail_at(condition_, at.position, cause);
  }

  [[noreturn]] void fail_operand(const Expression& at, const char* wanted,
                                 const Operand& operand) const {
    fail(at, fmt::format("'{}' takes {}, not {}", at.text, wanted, what_is(operand)));
  }

  // What `work` gives; its errors get the position of `at`.
  template <class Work>
  std::invoke_result_t<Work> placed(const Expression& at, Work work) const {
    try {
      return work();
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("condition '{}', position {}: {}", condition_,
                                            at.position, error.what()));
    }
  }

  const ElementType& row_;
  std::string_view condition_;
};

}  // namespace

TruthColumn compile_condition(const Expression& expression, const ElementType& row,
                              std::string_view condition) {
  return Compiler(row, condition).whole(expression);
}

}  // namespace h5flume::conditions
