#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/element_type.h"

namespace h5flume {

/// A question to each row of a table: a condition over the fields of a compound, as PyTables and
/// numexpr write it.
///
///   RowCondition condition("(pos > 3) & (flag == 1)", info.type);
///   condition.find(rows, first_row, matches);
///
/// The language, and where it differs from numexpr, is described in docs/conditions.md. It is
/// evaluated in columns of a thousand rows. Integers are exact at all 64 bits, in comparisons with
/// float64 too: what cannot be computed exactly is an error, not an answer.
///
/// Threads: one at a time; make a copy for each other thread.
class RowCondition {
 public:
  /// `row` is the type of the rows as they will lie in memory.
  ///
  /// Throws kInvalidArgument, with the position in bytes counted from 1, for text that cannot be
  /// read, a field that is not there, operands that do not go with their operator, a result that is
  /// no truth value; without one if `row` is no compound. Throws kUnsupported for a field whose
  /// type conditions do not compare: arrays, variable lengths, whole compounds, opaque bytes, long
  /// double.
  RowCondition(std::string text, ElementType row);

  /// Compiles it again, which takes microseconds.
  RowCondition(const RowCondition& other);
  RowCondition& operator=(const RowCondition& other);
  RowCondition(RowCondition&&) noexcept;
  RowCondition& operator=(RowCondition&&) noexcept;
  ~RowCondition();

  const std::string& text() const noexcept { return text_; }

  /// The fields it reads, as paths "outer/inner", in the order of their first use.
  const std::vector<std::string>& fields() const noexcept { return fields_; }

  /// The type of the rows that it is asked about.
  const ElementType& row() const noexcept { return row_; }

  /// Appends to `matches`, in their order, the numbers of the rows for which it holds. `rows` holds
  /// whole rows of row().size bytes each, without regard to alignment; the first is number
  /// `first_row`.
  ///
  /// Throws kInvalidArgument if `rows` is no whole number of rows, kUnsupported if the values of a
  /// row cannot be computed with exactly (an integer beyond 2**53 among floats, one that outgrows
  /// 64 bits), naming field, value and row. `matches` is then as it was.
  void find(std::span<const std::byte> rows, std::uint64_t first_row,
            std::vector<std::uint64_t>& matches);

 private:
  struct Program;

  std::string text_;
  ElementType row_;
  std::vector<std::string> fields_;
  std::unique_ptr<Program> program_;
};

/// The paths of the fields that a condition reads, in the order of their first use, by its text
/// alone. Throws kInvalidArgument, with the position, for text that cannot be read.
std::vector<std::string> fields_of_condition(const std::string& text);

}  // namespace h5flume
