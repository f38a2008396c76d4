#pragma once

#include <string>
#include <string_view>

#include "storage/mapped/codec.h"

namespace h5flume {

/// A decimal number of any length, exactly as it was written: "-1.20", "3E+5", "Infinity", "NaN".
///
/// Kept as text, in the form of Python's decimal module, so that trailing zeros stay. Equal means
/// written alike: 1.0 is not 1.00.
///
/// Threads: a value.
class Decimal {
 public:
  Decimal() : text_("0") {}

  /// Throws kInvalidArgument for what is no decimal number.
  explicit Decimal(std::string_view text);

  const std::string& text() const noexcept { return text_; }

  /// The nearest double.
  double to_double() const;

  bool operator==(const Decimal&) const = default;

 private:
  std::string text_;
};

namespace mapped {

/// Whether it is a number in the grammar [+-](digits[.digits]|.digits)[E[+-]digits], or
/// [+-]Infinity, NaN or sNaN.
bool is_decimal(std::string_view text) noexcept;

/// A slot of text.
template <>
struct Codec<Decimal> {
  static constexpr std::size_t kBytes = kTextSlotBytes;
  static constexpr std::size_t kAlignment = 8;
  using View = Decimal;

  static Type describe(SchemaBuilder&) { return {Kind::kDecimal}; }
  static void write(Packer& packer, std::byte* slot, const Decimal& decimal) {
    write_bytes(packer, slot, as_raw(decimal.text()));
  }
  static View read(const Region& region, const std::byte* slot, const Plan&) {
    const auto text = as_text(read_bytes(region, slot));
    if (!is_decimal(text)) region.throw_corrupt("a decimal number is none");
    return Decimal(text);
  }
  static View clone(Cloner&, const View& decimal) { return decimal; }
};

}  // namespace mapped
}  // namespace h5flume
