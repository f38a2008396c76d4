#include "tools/h5flume/element_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/python_literal_internal.h"

namespace h5flume::cli {
namespace {

constexpr std::size_t kLongestText = 400;

template <class Number>
Number load(const std::byte* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof(number));
  return number;
}

bool is_signed(const ElementType& type) {
  return type.kind == ElementKind::kInteger || (type.kind == ElementKind::kEnum && type.is_signed);
}

std::string integer_text(const std::byte* bytes, std::size_t size, bool is_signed) {
  switch (size) {
    case 1:
      return is_signed ? fmt::format("{}", load<std::int8_t>(bytes))
                       : fmt::format("{}", load<std::uint8_t>(bytes));
    case 2:
      return is_signed ? fmt::format("{}", load<std::int16_t>(bytes))
                       : fmt::format("{}", load<std::uint16_t>(bytes));
    case 4:
      return is_signed ? fmt::format("{}", load<std::int32_t>(bytes))
                       : fmt::format("{}", load<std::uint32_t>(bytes));
    default:
      return is_signed ? fmt::format("{}", load<std::int64_t>(bytes))
                       : fmt::format("{}", load<std::uint64_t>(bytes));
  }
}

// The shortest digits that read back as the same number, with a point: 1.0, not 1.
template <class Float>
std::string decimal(Float value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

// IEEE 754 binary16, which not every compiler has a type for: every value is a float, too.
std::string half_text(std::uint16_t bits) {
  const int exponent = bits >> 10U & 0x1fU;
  const auto fraction = static_cast<float>(bits & 0x3ffU);
  const float sign = (bits & 0x8000U) != 0 ? -1.0F : 1.0F;
  if (exponent == 0x1f) return decimal(fraction == 0 ? sign * HUGE_VALF : NAN);
  const float step = std::ldexp(1.0F, std::max(exponent, 1) - 25);  // to the next half
  const float value = sign * step * (fraction + (exponent == 0 ? 0.0F : 1024.0F));
  for (int digits = 1; digits < 5; ++digits) {
    const float shorter = std::stof(fmt::format("{:.{}g}", value, digits));
    if (std::abs(shorter - value) < step / 2) return decimal(shorter);
  }
  return decimal(std::stof(fmt::format("{:.5g}", value)));
}

std::string float_text(const std::byte* bytes, std::size_t size) {
  switch (size) {
    case 2:
      return half_text(load<std::uint16_t>(bytes));
    case sizeof(float):
      return decimal(load<float>(bytes));
    case sizeof(double):
      return decimal(load<double>(bytes));
    default:
      return decimal(load<long double>(bytes));
  }
}

// Text behind its last byte that is not NUL is padding.
std::string string_text(const std::byte* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  text = text.substr(0, text.find_last_not_of('\0') + 1);
  return python_literal(text.substr(0, kLongestText)) + (text.size() > kLongestText ? "..." : "");
}

std::string opaque_text(const std::byte* bytes, std::size_t size) {
  std::string text = "b'";
  for (std::size_t at = 0; at < std::min(size, kLongestText / 4); ++at) {
    text += fmt::format("\\x{:02x}", std::to_integer<unsigned>(bytes[at]));
  }
  return text + (4 * size > kLongestText ? "'..." : "'");
}

// Appends elements until there is no room for more.
class Writer {
 public:
  std::string text;

  void element(const ElementType& type, const std::byte* bytes) {
    switch (type.kind) {
      case ElementKind::kInteger:
      case ElementKind::kUnsigned:
      case ElementKind::kEnum:
        text += integer_text(bytes, type.size, is_signed(type));
        return;
      case ElementKind::kFloat:
        text += float_text(bytes, type.size);
        return;
      case ElementKind::kBool:
        text += load<std::uint8_t>(bytes) != 0 ? "True" : "False";
        return;
      case ElementKind::kString:
        text += string_text(bytes, type.size);
        return;
      case ElementKind::kCompound:
        return type.is_complex() ? complex(type, bytes) : compound(type, bytes);
      case ElementKind::kArray:
        return array(type, 0, bytes);
      case ElementKind::kOpaque:
      case ElementKind::kText:
      case ElementKind::kList:
        text += opaque_text(bytes, type.size);
        return;
    }
  }

 private:
  bool is_full() {
    if (text.size() < kLongestText) return false;
    if (!text.ends_with("...")) text += "...";
    return true;
  }

  void complex(const ElementType& type, const std::byte* bytes) {
    const std::size_t size = type.fields[0].type.size;
    const std::string imaginary = float_text(bytes + size, size);
    text += float_text(bytes, size);
    if (imaginary.front() != '-') text += '+';
    text += imaginary + 'j';
  }

  void compound(const ElementType& type, const std::byte* bytes) {
    text += '(';
    for (const Field& field : type.fields) {
      if (&field != &type.fields.front()) text += ", ";
      if (is_full()) break;
      element(field.type, bytes + field.offset);
    }
    text += type.fields.size() == 1 ? ",)" : ")";
  }

  // Of the axes from `axis` on.
  void array(const ElementType& type, std::size_t axis, const std::byte* bytes) {
    if (axis == type.dims.size()) return element(type.base.at(0), bytes);
    std::size_t stride = type.base.at(0).size;
    for (std::size_t inner = axis + 1; inner < type.dims.size(); ++inner) {
      stride *= type.dims[inner];
    }
    text += '[';
    for (std::uint64_t at = 0; at < type.dims[axis]; ++at) {
      if (at > 0) text += ' ';
      if (is_full()) break;
      array(type, axis + 1, bytes + at * stride);
    }
    text += ']';
  }
};

}  // namespace

std::string element_text(const ElementType& type, const std::byte* bytes) {
  Writer writer;
  writer.element(type, bytes);
  return std::move(writer.text);
}

std::string list_text(const ElementType& type, std::span<const std::byte> values) {
  ElementType fixed{.kind = ElementKind::kString, .size = values.size()};
  if (type.kind == ElementKind::kList) {
    fixed.kind = ElementKind::kArray;
    fixed.base = type.base;
    fixed.dims = {values.size() / type.value_size()};
  }
  return element_text(fixed, values.data());
}

}  // namespace h5flume::cli
