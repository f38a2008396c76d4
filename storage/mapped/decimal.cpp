#include "storage/mapped/decimal.h"

#include <fmt/format.h>

#include <cstdlib>

#include "core/error.h"

namespace h5flume {
namespace {

std::size_t take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  text.remove_prefix(count);
  return count;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

bool mapped::is_decimal(std::string_view text) noexcept {
  take(text, "+-");
  if (text == "Infinity" || text == "NaN" || text == "sNaN") return true;
  std::size_t digits = take_digits(text);
  if (take(text, ".")) digits += take_digits(text);
  if (digits == 0) return false;
  if (!take(text, "eE")) return text.empty();
  take(text, "+-");
  return take_digits(text) > 0 && text.empty();
}

Decimal::Decimal(std::string_view text) : text_(text) {
  if (!mapped::is_decimal(text)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no decimal number", text));
  }
}

double Decimal::to_double() const { return std::strtod(text_.c_str(), nullptr); }

}  // namespace h5flume
