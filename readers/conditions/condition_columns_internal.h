#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>

// A condition is evaluated column by column: each part of it computes its values for some rows in a
// loop of its own, which the compiler turns into vector code where the machine has it.
namespace h5flume::conditions {

// Rows of which all parts of a condition have their values at once: few enough for the first-level
// cache to keep a handful of columns.
inline constexpr std::size_t kSliceRows = 1024;

struct Slice {
  const std::byte* rows = nullptr;
  std::size_t row_bytes = 0;
  std::size_t count = 0;        // at most kSliceRows
  std::uint64_t first_row = 0;  // its number, for messages
};

// One byte, 0 or 1; a bool of its own kind, because vectors of bytes are what the loops are made
// of.
enum class Truth : std::uint8_t { kFalse, kTrue };
constexpr Truth truth(bool holds) { return static_cast<Truth>(holds); }

// A part of a condition, whose values are of type T.
template <class T>
class Column {
 public:
  Column() = default;
  Column(const Column&) = delete;
  Column& operator=(const Column&) = delete;
  virtual ~Column() = default;

  // The values for the rows of the slice, until the next call. Throws kUnsupported, naming the row,
  // where a value cannot be had exactly.
  virtual const T* values(const Slice& slice) = 0;
};

template <class T>
using ColumnPtr = std::unique_ptr<Column<T>>;

using TruthColumn = ColumnPtr<Truth>;
using IntegerColumn = ColumnPtr<std::int64_t>;
using UnsignedColumn = ColumnPtr<std::uint64_t>;  // of fields that int64 does not hold, only
using NumberColumn = ColumnPtr<double>;
using TextColumn = ColumnPtr<std::string_view>;  // trailing NULs left out
using AnyColumn =
    std::variant<TruthColumn, IntegerColumn, UnsignedColumn, NumberColumn, TextColumn>;

template <class T>
class ConstantColumn final : public Column<T> {
 public:
  explicit ConstantColumn(const T& value) { values_.fill(value); }
  const T* values(const Slice&) override { return values_.data(); }

 private:
  std::array<T, kSliceRows> values_;
};

// `compute(value, row)` of each value of another column.
template <class From, class To, class Compute>
class MappedColumn final : public Column<To> {
 public:
  MappedColumn(ColumnPtr<From> from, Compute compute)
      : from_(std::move(from)), compute_(std::move(compute)) {}

  const To* values(const Slice& slice) override {
    const From* from = from_->values(slice);
    for (std::size_t i = 0; i < slice.count; ++i) {
      values_[i] = compute_(from[i], slice.first_row + i);
    }
    return values_.data();
  }

 private:
  ColumnPtr<From> from_;
  Compute compute_;
  std::array<To, kSliceRows> values_;
};

template <class To, class From, class Compute>
ColumnPtr<To> map(ColumnPtr<From> from, Compute compute) {
  return std::make_unique<MappedColumn<From, To, Compute>>(std::move(from), std::move(compute));
}

// `compute(left, right, row)` of the values of two columns.
template <class Left, class Right, class To, class Compute>
class CombinedColumn final : public Column<To> {
 public:
  CombinedColumn(ColumnPtr<Left> left, ColumnPtr<Right> right, Compute compute)
      : left_(std::move(left)), right_(std::move(right)), compute_(std::move(compute)) {}

  const To* values(const Slice& slice) override {
    const Left* left = left_->values(slice);
    const Right* right = right_->values(slice);
    for (std::size_t i = 0; i < slice.count; ++i) {
      values_[i] = compute_(left[i], right[i], slice.first_row + i);
    }
    return values_.data();
  }

 private:
  ColumnPtr<Left> left_;
  ColumnPtr<Right> right_;
  Compute compute_;
  std::array<To, kSliceRows> values_;
};

template <class To, class Left, class Right, class Compute>
ColumnPtr<To> combine(ColumnPtr<Left> left, ColumnPtr<Right> right, Compute compute) {
  return std::make_unique<CombinedColumn<Left, Right, To, Compute>>(
      std::move(left), std::move(right), std::move(compute));
}

}  // namespace h5flume::conditions
