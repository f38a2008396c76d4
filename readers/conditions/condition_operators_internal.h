#pragma once

#include <string>
#include <string_view>

#include "readers/conditions/condition_columns_internal.h"

// What the operators of a condition do to columns. Which operands an operator takes is for the
// caller to know.
namespace h5flume::conditions {

// A column and how messages call it: "field 'energy'", "the value at position 5".
struct Operand {
  AnyColumn column;
  std::string name;
};

inline bool is_truth(const Operand& operand) {
  return std::holds_alternative<TruthColumn>(operand.column);
}
inline bool is_text(const Operand& operand) {
  return std::holds_alternative<TextColumn>(operand.column);
}
inline bool is_number(const Operand& operand) {
  return std::holds_alternative<NumberColumn>(operand.column);
}
inline bool is_integer(const Operand& operand) {
  return std::holds_alternative<IntegerColumn>(operand.column) ||
         std::holds_alternative<UnsignedColumn>(operand.column);
}

// The operand as integers or as numbers, truth values being 0 and 1; it must be no text, and for
// integers no number. The columns throw kUnsupported where a value does not fit: beyond int64, or
// an integer beyond 2**53 as a number.
IntegerColumn to_integer(Operand operand);
NumberColumn to_number(Operand operand);

// Integers that are 0 or 1 as truth values; throws kUnsupported for others.
TruthColumn to_truth(IntegerColumn integers, const std::string& name);

// == != < <= > >= of two texts, or of two operands that are none. Exact also between integers and
// numbers; NaN as IEEE 754 has it.
TruthColumn compare(std::string_view sign, Operand left, Operand right);

TruthColumn opposite_truth(TruthColumn truths);

// & | ^ of two truth values, or of two integers.
TruthColumn combine_truths(std::string_view sign, TruthColumn left, TruthColumn right);
IntegerColumn combine_bits(std::string_view sign, IntegerColumn left, IntegerColumn right);

// + - * / // % ** as in Python; / gives numbers. Integers throw kUnsupported where the result does
// not fit int64; by zero // and % are 0, as in numpy. The exponent of an integer power must not be
// negative.
IntegerColumn calculate(std::string_view sign, IntegerColumn left, IntegerColumn right);
NumberColumn calculate(std::string_view sign, NumberColumn left, NumberColumn right);

// Both throw kUnsupported for the integer whose opposite does not fit.
IntegerColumn negate(IntegerColumn operand);
IntegerColumn absolute_of(IntegerColumn operand);

}  // namespace h5flume::conditions
