#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "readers/conditions/condition_operators_internal.h"

namespace h5flume::conditions {
namespace {

constexpr std::int64_t kExactInDouble = std::int64_t{1} << 53;

[[noreturn]] void throw_at(std::uint64_t row, const std::string& cause) {
  throw Error(ErrorCode::kUnsupported, fmt::format("row {}: {}", row, cause));
}

[[noreturn]] void throw_overflow(std::uint64_t row, std::int64_t left, const char* sign,
                                 std::int64_t right) {
  throw_at(row, fmt::format("{} {} {} does not fit a 64-bit integer", left, sign, right));
}

// --- comparisons ---

// Negative, zero, positive or NaN, as `integer` is to `number`: without rounding either of them.
template <class Integer>
double order(Integer integer, double number) {
  using Limits = std::numeric_limits<Integer>;
  constexpr double kEnd = 2.0 * static_cast<double>(Limits::max() / 2 + 1);
  constexpr double kBegin = static_cast<double>(Limits::min());
  if (std::isnan(number)) return number;
  if (number >= kEnd) return -1;
  if (number < kBegin) return 1;
  const auto whole = static_cast<Integer>(number);
  if (integer != whole) return integer < whole ? -1 : 1;
  return static_cast<double>(whole) - number;
}

template <class Compare, class Left, class Right>
bool holds(Compare compare, Left left, Right right) {
  if constexpr (std::is_same_v<Left, Right>) {
    return compare(left, right);
  } else if constexpr (std::is_same_v<Right, double>) {
    return compare(order(left, right), 0.0);
  } else if constexpr (std::is_same_v<Left, double>) {
    return compare(0.0, order(right, left));
  } else {
    return compare(std::cmp_less(left, right) ? -1 : std::cmp_less(right, left) ? 1 : 0, 0);
  }
}

template <class Use>
auto with_comparison(std::string_view sign, Use use) {
  if (sign == "==") return use(std::equal_to<>());
  if (sign == "!=") return use(std::not_equal_to<>());
  if (sign == "<") return use(std::less<>());
  if (sign == "<=") return use(std::less_equal<>());
  if (sign == ">") return use(std::greater<>());
  return use(std::greater_equal<>());
}

template <class Left, class Right>
TruthColumn compare_columns(std::string_view sign, ColumnPtr<Left> left, ColumnPtr<Right> right) {
  return with_comparison(sign, [&](auto comparison) -> TruthColumn {
    return combine<Truth>(std::move(left), std::move(right),
                          [comparison](Left one, Right other, std::uint64_t) {
                            return truth(holds(comparison, one, other));
                          });
  });
}

// Truth values compare as 0 and 1.
void make_comparable(Operand& operand) {
  if (is_truth(operand)) operand.column = to_integer(std::move(operand));
}

// --- integers ---

std::int64_t floor_divide(std::int64_t left, std::int64_t right, std::uint64_t row) {
  if (right == 0) return 0;
  if (right == -1) {
    if (left == std::numeric_limits<std::int64_t>::min()) throw_overflow(row, left, "//", right);
    return -left;
  }
  const bool rounds_up = left % right != 0 && (left < 0) != (right < 0);
  return left / right - (rounds_up ? 1 : 0);
}

// With the sign of the divisor.
std::int64_t modulo(std::int64_t left, std::int64_t right, std::uint64_t) {
  if (right == 0 || right == -1) return 0;
  const std::int64_t rest = left % right;
  return rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest;
}

std::int64_t power(std::int64_t base, std::int64_t exponent, std::uint64_t row) {
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  std::int64_t result = 1;
  for (std::int64_t i = 0; i < exponent; ++i) {  // 63 times at most, before it does not fit
    if (__builtin_mul_overflow(result, base, &result)) throw_overflow(row, base, "**", exponent);
  }
  return result;
}

std::int64_t opposite(std::int64_t value, std::uint64_t row) {
  if (value == std::numeric_limits<std::int64_t>::min()) {
    throw_at(row, fmt::format("the opposite of {} does not fit a 64-bit integer", value));
  }
  return -value;
}

double modulo(double left, double right) {
  const double rest = std::fmod(left, right);
  return rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest;
}

}  // namespace

IntegerColumn to_integer(Operand operand) {
  if (auto* truths = std::get_if<TruthColumn>(&operand.column)) {
    return map<std::int64_t>(std::move(*truths), [](Truth value, std::uint64_t) {
      return static_cast<std::int64_t>(value);
    });
  }
  if (auto* integers = std::get_if<IntegerColumn>(&operand.column)) return std::move(*integers);
  return map<std::int64_t>(
      std::move(std::get<UnsignedColumn>(operand.column)),
      [name = operand.name](std::uint64_t value, std::uint64_t row) {
        if (!std::in_range<std::int64_t>(value)) {
          throw_at(row, fmt::format("{} is {}, and beyond 2**63 - 1 integers are only compared",
                                    name, value));
        }
        return static_cast<std::int64_t>(value);
      });
}

NumberColumn to_number(Operand operand) {
  if (is_number(operand)) return std::move(std::get<NumberColumn>(operand.column));
  const std::string name = operand.name;
  return map<double>(to_integer(std::move(operand)), [name](std::int64_t value, std::uint64_t row) {
    if (value > kExactInDouble || value < -kExactInDouble) {
      throw_at(row, fmt::format("{} is {}, and float64 is exact up to 2**53 only", name, value));
    }
    return static_cast<double>(value);
  });
}

TruthColumn to_truth(IntegerColumn integers, const std::string& name) {
  return map<Truth>(std::move(integers), [name](std::int64_t value, std::uint64_t row) {
    if (value != 0 && value != 1) {
      throw_at(row, fmt::format("{} is {}, and only 0 and 1 are truth values", name, value));
    }
    return truth(value == 1);
  });
}

TruthColumn opposite_truth(TruthColumn truths) {
  return map<Truth>(std::move(truths),
                    [](Truth value, std::uint64_t) { return truth(value == Truth::kFalse); });
}

TruthColumn compare(std::string_view sign, Operand left, Operand right) {
  make_comparable(left);
  make_comparable(right);
  return std::visit(
      [&]<class Left, class Right>(ColumnPtr<Left>& one, ColumnPtr<Right>& other) -> TruthColumn {
        constexpr bool kTexts = std::is_same_v<Left, std::string_view>;
        constexpr bool kAlsoTexts = std::is_same_v<Right, std::string_view>;
        if constexpr (std::is_same_v<Left, Truth> || std::is_same_v<Right, Truth> ||
                      kTexts != kAlsoTexts) {
          throw Error(ErrorCode::kInvalidArgument, "text compares with text only");
        } else {
          return compare_columns(sign, std::move(one), std::move(other));
        }
      },
      left.column, right.column);
}

TruthColumn combine_truths(std::string_view sign, TruthColumn left, TruthColumn right) {
  const auto with = [&](auto operation) -> TruthColumn {
    return combine<Truth>(
        std::move(left), std::move(right), [operation](Truth one, Truth other, std::uint64_t) {
          return static_cast<Truth>(
              operation(static_cast<std::uint8_t>(one), static_cast<std::uint8_t>(other)));
        });
  };
  if (sign == "&") return with(std::bit_and<>());
  if (sign == "|") return with(std::bit_or<>());
  return with(std::bit_xor<>());
}

IntegerColumn combine_bits(std::string_view sign, IntegerColumn left, IntegerColumn right) {
  const auto with = [&](auto operation) -> IntegerColumn {
    return combine<std::int64_t>(std::move(left), std::move(right),
                                 [operation](std::int64_t one, std::int64_t other, std::uint64_t) {
                                   return operation(one, other);
                                 });
  };
  if (sign == "&") return with(std::bit_and<>());
  if (sign == "|") return with(std::bit_or<>());
  return with(std::bit_xor<>());
}

IntegerColumn calculate(std::string_view sign, IntegerColumn left, IntegerColumn right) {
  using Integer = std::int64_t;
  const auto with = [&](auto operation) -> IntegerColumn {
    return combine<Integer>(std::move(left), std::move(right), operation);
  };
  if (sign == "+") {
    return with([](Integer one, Integer other, std::uint64_t row) {
      Integer sum = 0;
      if (__builtin_add_overflow(one, other, &sum)) throw_overflow(row, one, "+", other);
      return sum;
    });
  }
  if (sign == "-") {
    return with([](Integer one, Integer other, std::uint64_t row) {
      Integer difference = 0;
      if (__builtin_sub_overflow(one, other, &difference)) throw_overflow(row, one, "-", other);
      return difference;
    });
  }
  if (sign == "*") {
    return with([](Integer one, Integer other, std::uint64_t row) {
      Integer product = 0;
      if (__builtin_mul_overflow(one, other, &product)) throw_overflow(row, one, "*", other);
      return product;
    });
  }
  if (sign == "//") return with(floor_divide);
  if (sign == "**") return with(power);
  return with(
      [](Integer one, Integer other, std::uint64_t row) { return modulo(one, other, row); });
}

NumberColumn calculate(std::string_view sign, NumberColumn left, NumberColumn right) {
  const auto with = [&](auto operation) -> NumberColumn {
    return combine<double>(
        std::move(left), std::move(right),
        [operation](double one, double other, std::uint64_t) { return operation(one, other); });
  };
  if (sign == "+") return with(std::plus<>());
  if (sign == "-") return with(std::minus<>());
  if (sign == "*") return with(std::multiplies<>());
  if (sign == "/") return with(std::divides<>());
  if (sign == "//") return with([](double one, double other) { return std::floor(one / other); });
  if (sign == "%") return with([](double one, double other) { return modulo(one, other); });
  return with([](double one, double other) { return std::pow(one, other); });
}

IntegerColumn negate(IntegerColumn operand) {
  return map<std::int64_t>(std::move(operand), opposite);
}

IntegerColumn absolute_of(IntegerColumn operand) {
  return map<std::int64_t>(std::move(operand), [](std::int64_t value, std::uint64_t row) {
    return value < 0 ? opposite(value, row) : value;
  });
}

}  // namespace h5flume::conditions
