#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "core/error.h"
#include "readers/conditions/field_column_internal.h"

namespace h5flume::conditions {
namespace {

// Values of type `Stored`, which may lie at any address, gathered as type T.
template <class Stored, class T>
class FieldColumn final : public Column<T> {
 public:
  explicit FieldColumn(std::size_t offset) : offset_(offset) {}

  const T* values(const Slice& slice) override {
    const std::byte* from = slice.rows + offset_;
    for (std::size_t i = 0; i < slice.count; ++i, from += slice.row_bytes) {
      Stored value;
      std::memcpy(&value, from, sizeof value);
      values_[i] = static_cast<T>(value);
    }
    return values_.data();
  }

 private:
  std::size_t offset_;
  std::array<T, kSliceRows> values_;
};

class TextFieldColumn final : public Column<std::string_view> {
 public:
  TextFieldColumn(std::size_t offset, std::size_t size) : offset_(offset), size_(size) {}

  const std::string_view* values(const Slice& slice) override {
    const std::byte* from = slice.rows + offset_;
    for (std::size_t i = 0; i < slice.count; ++i, from += slice.row_bytes) {
      std::string_view text(reinterpret_cast<const char*>(from), size_);
      while (text.ends_with('\0')) text.remove_suffix(1);
      values_[i] = text;
    }
    return values_.data();
  }

 private:
  std::size_t offset_;
  std::size_t size_;
  std::array<std::string_view, kSliceRows> values_;
};

// IEEE 754 binary16, which not every compiler has a type for.
struct Half {
  std::uint16_t bits;

  explicit operator double() const {
    const int exponent = bits >> 10 & 0x1f;
    const int fraction = bits & 0x3ff;
    double magnitude = 0;
    if (exponent == 0x1f) {
      magnitude = fraction == 0 ? std::numeric_limits<double>::infinity()
                                : std::numeric_limits<double>::quiet_NaN();
    } else {
      magnitude =
          exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 0x400, exponent - 25);
    }
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
  }
};

template <class Stored, class T>
AnyColumn column_of(std::size_t offset) {
  return ColumnPtr<T>(std::make_unique<FieldColumn<Stored, T>>(offset));
}

[[noreturn]] void refuse(const std::string& name, const ElementType& type) {
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format("{} is of type {}, which conditions do not compare", name, to_string(type)));
}

AnyColumn integer_column(const FieldPlace& field, bool is_signed, const std::string& name) {
  switch (field.type->size) {
    case 1:
      return is_signed ? column_of<std::int8_t, std::int64_t>(field.offset)
                       : column_of<std::uint8_t, std::int64_t>(field.offset);
    case 2:
      return is_signed ? column_of<std::int16_t, std::int64_t>(field.offset)
                       : column_of<std::uint16_t, std::int64_t>(field.offset);
    case 4:
      return is_signed ? column_of<std::int32_t, std::int64_t>(field.offset)
                       : column_of<std::uint32_t, std::int64_t>(field.offset);
    case 8:
      return is_signed ? column_of<std::int64_t, std::int64_t>(field.offset)
                       : column_of<std::uint64_t, std::uint64_t>(field.offset);
    default:
      refuse(name, *field.type);
  }
}

AnyColumn number_column(const FieldPlace& field, const std::string& name) {
  switch (field.type->size) {
    case 2:
      return column_of<Half, double>(field.offset);
    case 4:
      return column_of<float, double>(field.offset);
    case 8:
      return column_of<double, double>(field.offset);
    default:
      refuse(name, *field.type);  // long double, which double does not hold
  }
}

}  // namespace

AnyColumn field_column(const FieldPlace& field, const std::string& name) {
  switch (field.type->kind) {
    case ElementKind::kInteger:
      return integer_column(field, true, name);
    case ElementKind::kUnsigned:
      return integer_column(field, false, name);
    case ElementKind::kEnum:
      return integer_column(field, field.type->is_signed, name);
    case ElementKind::kFloat:
      return number_column(field, name);
    case ElementKind::kBool:
      return map<Truth>(std::get<IntegerColumn>(integer_column(field, false, name)),
                        [](std::int64_t value, std::uint64_t) { return truth(value != 0); });
    case ElementKind::kString:
      return TextColumn(std::make_unique<TextFieldColumn>(field.offset, field.type->size));
    case ElementKind::kCompound:
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{} is a compound: write which of its fields, {}, behind a dot", name,
                              field_names(*field.type)));
    default:
      refuse(name, *field.type);
  }
}

}  // namespace h5flume::conditions
