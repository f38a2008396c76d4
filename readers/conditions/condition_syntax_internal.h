#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace h5flume::conditions {

// A condition, or a part of it, as it was written: nothing is known of fields and types.
struct Expression {
  enum class Kind {
    kField,    // text: the path, "outer/inner"
    kTruth,    // True or False: integer
    kInteger,  // integer
    kNumber,   // number
    kText,     // text
    kUnary,    // text: the operator; one part
    kBinary,   // text: the operator; two parts
    kCall,     // text: the function; its arguments are the parts
  };

  Kind kind = Kind::kField;
  std::size_t position = 0;  // in the condition, in bytes counted from 1; of an operator: its own
  std::string text;
  std::uint64_t integer = 0;
  double number = 0;
  std::vector<Expression> parts;
};

// Reads a condition by Python's grammar of expressions, the part of it that
// docs/conditions.md describes. The words `and`, `or` and `not` come as operators.
// Throws kInvalidArgument with the position of what it cannot read.
Expression parse_condition(std::string_view condition);

// The paths of all fields of an expression, in the order of their first use.
std::vector<std::string> fields_of(const Expression& expression);

}  // namespace h5flume::conditions
