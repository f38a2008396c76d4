#include "readers/conditions/row_condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "readers/conditions/condition_compiler_internal.h"
#include "readers/conditions/condition_syntax_internal.h"

namespace h5flume {

using conditions::kSliceRows;
using conditions::Truth;

struct RowCondition::Program {
  conditions::TruthColumn result;
};

RowCondition::RowCondition(std::string text, ElementType row)
    : text_(std::move(text)), row_(std::move(row)) {
  const auto expression = conditions::parse_condition(text_);
  if (row_.kind != ElementKind::kCompound) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("condition '{}': elements of type {} have no fields", text_, to_string(row_)));
  }
  fields_ = conditions::fields_of(expression);
  program_ =
      std::make_unique<Program>(Program{conditions::compile_condition(expression, row_, text_)});
}

RowCondition::RowCondition(const RowCondition& other) : RowCondition(other.text_, other.row_) {}
RowCondition& RowCondition::operator=(const RowCondition& other) {
  return *this = RowCondition(other);
}
RowCondition::RowCondition(RowCondition&&) noexcept = default;
RowCondition& RowCondition::operator=(RowCondition&&) noexcept = default;
RowCondition::~RowCondition() = default;

void RowCondition::find(std::span<const std::byte> rows, std::uint64_t first_row,
                        std::vector<std::uint64_t>& matches) {
  const std::size_t row_bytes = row_.size;
  const std::uint64_t row_count = row_bytes == 0 ? 0 : rows.size() / row_bytes;
  if (row_count * row_bytes != rows.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("condition '{}': {} bytes are no whole number of rows of {} bytes",
                            text_, rows.size(), row_bytes));
  }
  std::size_t found = matches.size();
  const std::size_t found_before = found;
  try {
    for (std::uint64_t row = 0; row < row_count; row += kSliceRows) {
      const std::size_t count = std::min<std::uint64_t>(kSliceRows, row_count - row);
      const Truth* holds = program_->result->values(
          conditions::Slice{rows.data() + row * row_bytes, row_bytes, count, first_row + row});
      // Written always and kept if it holds, because no branch foretells random rows.
      matches.resize(found + count);
      for (std::size_t i = 0; i < count; ++i) {
        matches[found] = first_row + row + i;
        found += static_cast<std::size_t>(holds[i]);
      }
    }
  } catch (const Error& error) {
    matches.resize(found_before);
    throw Error(error.code(), fmt::format("condition '{}': {}", text_, error.what()));
  }
  matches.resize(found);
}

std::vector<std::string> fields_of_condition(const std::string& text) {
  return conditions::fields_of(conditions::parse_condition(text));
}

}  // namespace h5flume
