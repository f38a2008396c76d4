#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace h5flume::conditions {

// One word of a condition.
struct Token {
  enum class Kind { kName, kInteger, kNumber, kText, kOperator, kEnd };

  Kind kind = Kind::kEnd;
  std::size_t position = 0;   // of its first byte in the condition, counted from 1
  std::string text;           // of a name: the path of a field, "outer/inner"; of text: its bytes
  std::uint64_t integer = 0;  // the value of an integer
  double number = 0;          // the value of any other number
  bool quoted = false;        // a name in backticks, which is no word of the language
};

// Throws kInvalidArgument: "condition 'a > > 3', position 5: <cause>".
[[noreturn]] void fail_at(std::string_view condition, std::size_t position,
                          const std::string& cause);

// The words of a condition, the last of which is its end. Throws as fail_at() does.
std::vector<Token> tokens_of(std::string_view condition);

}  // namespace h5flume::conditions
