#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/type_parts_internal.h"

namespace h5flume::hdf5 {

const H5::PredType& native_integer(std::size_t size, bool is_signed) {
  switch (size) {
    case 1:
      return is_signed ? H5::PredType::NATIVE_INT8 : H5::PredType::NATIVE_UINT8;
    case 2:
      return is_signed ? H5::PredType::NATIVE_INT16 : H5::PredType::NATIVE_UINT16;
    case 4:
      return is_signed ? H5::PredType::NATIVE_INT32 : H5::PredType::NATIVE_UINT32;
    default:
      return is_signed ? H5::PredType::NATIVE_INT64 : H5::PredType::NATIVE_UINT64;
  }
}

H5::DataType native_half() {
  H5::DataType half(H5::PredType::NATIVE_FLOAT);
  checked(H5Tset_fields(half.getId(), 15, 10, 5, 0, 10), "H5Tset_fields");
  checked(H5Tset_size(half.getId(), 2), "H5Tset_size");
  checked(H5Tset_ebias(half.getId(), 15), "H5Tset_ebias");
  return half;
}

namespace {

const H5::PredType& native_bitfield(std::size_t size) {
  switch (size) {
    case 1:
      return H5::PredType::NATIVE_B8;
    case 2:
      return H5::PredType::NATIVE_B16;
    case 4:
      return H5::PredType::NATIVE_B32;
    default:
      return H5::PredType::NATIVE_B64;
  }
}

// The next of 1, 2, 4, 8 bytes; 0 if there is none.
std::size_t native_size(std::size_t size) {
  for (const std::size_t fits : {1, 2, 4, 8}) {
    if (size <= fits) return fits;
  }
  return 0;
}

// Byte order has no meaning for one whole byte, but libhdf5 counts the types as different.
bool is_as_stored(const H5::DataType& file_type, const H5::DataType& native) {
  if (file_type == native) return true;
  return native.getSize() == 1 && file_type.getSize() == 1 &&
         H5Tget_precision(file_type.getId()) == 8;
}

MemoryType number(ElementKind kind, const H5::DataType& file_type, const H5::DataType& native) {
  MemoryType memory;
  memory.as_stored = is_as_stored(file_type, native);
  memory.type = memory.as_stored ? file_type : native;
  memory.element.kind = kind;
  memory.element.size = native.getSize();
  return memory;
}

// Whether every value of a binary float fits in the native type T: h5py's rule, so that both
// choose the same type.
struct FloatShape {
  std::size_t mantissa_bits = 0;
  std::size_t exponent_bits = 0;
  std::size_t bias = 0;

  bool fits(std::size_t most_mantissa, long long most_exponent, long long least_exponent) const {
    if (exponent_bits > 32 || bias > (1ull << 32)) return false;
    const auto offset = static_cast<long long>(bias);
    return mantissa_bits <= most_mantissa && (1ll << exponent_bits) - offset - 1 <= most_exponent &&
           1 - offset >= least_exponent;
  }

  template <class T>
  bool fits_in() const {
    using Limits = std::numeric_limits<T>;
    // An x87 long double stores its leading bit, the other formats do not.
    const std::size_t stored = Limits::digits == 64 ? 64 : Limits::digits - 1;
    return fits(stored, Limits::max_exponent, Limits::min_exponent - 1);
  }
};

std::vector<EnumMember> enum_members(const H5::DataType& file_type, const H5::DataType& base,
                                     bool is_signed, const TypePlace& place) {
  const int count = checked(H5Tget_nmembers(file_type.getId()), "H5Tget_nmembers");
  std::vector<EnumMember> members;
  for (int i = 0; i < count; ++i) {
    alignas(8) unsigned char value[8] = {};
    if (base.getSize() > sizeof value) corrupt_type(place, "an enum's integer is too large");
    const auto index = static_cast<unsigned>(i);
    checked(H5Tget_member_value(file_type.getId(), index, value), "H5Tget_member_value");
    base.convert(native_integer(8, is_signed), 1, value, nullptr);
    EnumMember member;
    member.name = member_name(file_type, index);
    std::copy_n(value, sizeof value, reinterpret_cast<unsigned char*>(&member.value));
    members.push_back(std::move(member));
  }
  return members;
}

bool has_member(const ElementType& type, const EnumMember& member) {
  return std::find(type.members.begin(), type.members.end(), member) != type.members.end();
}

bool is_bool(const ElementType& type) {
  return type.size == 1 && type.members.size() == 2 && has_member(type, {"FALSE", 0}) &&
         has_member(type, {"TRUE", 1});
}

}  // namespace

MemoryType integer_type(const H5::DataType& file_type, const TypePlace& place) {
  const std::size_t size = native_size(file_type.getSize());
  if (size == 0) unsupported_type(place, fmt::format("{}-byte integer", file_type.getSize()));
  const bool is_signed = H5Tget_sign(file_type.getId()) != H5T_SGN_NONE;
  return number(is_signed ? ElementKind::kInteger : ElementKind::kUnsigned, file_type,
                native_integer(size, is_signed));
}

MemoryType bitfield_type(const H5::DataType& file_type, const TypePlace& place) {
  const std::size_t size = native_size(file_type.getSize());
  if (size == 0) unsupported_type(place, fmt::format("{}-byte bitfield", file_type.getSize()));
  return number(ElementKind::kUnsigned, file_type, native_bitfield(size));
}

MemoryType float_type(const H5::DataType& file_type, const TypePlace& place) {
  std::size_t sign_at = 0, exponent_at = 0, mantissa_at = 0;
  FloatShape shape;
  checked(H5Tget_fields(file_type.getId(), &sign_at, &exponent_at, &shape.exponent_bits,
                        &mantissa_at, &shape.mantissa_bits),
          "H5Tget_fields");
  shape.bias = H5Tget_ebias(file_type.getId());
  if (shape.fits(10, 16, -14)) return number(ElementKind::kFloat, file_type, native_half());
  if (shape.fits_in<float>()) {
    return number(ElementKind::kFloat, file_type, H5::PredType::NATIVE_FLOAT);
  }
  if (shape.fits_in<double>()) {
    return number(ElementKind::kFloat, file_type, H5::PredType::NATIVE_DOUBLE);
  }
  if (shape.fits_in<long double>()) {
    return number(ElementKind::kFloat, file_type, H5::PredType::NATIVE_LDOUBLE);
  }
  unsupported_type(place, fmt::format("float of {} mantissa and {} exponent bits",
                                      shape.mantissa_bits, shape.exponent_bits));
}

// A foreign enum is read as its integer: from enum to enum libhdf5 turns a value that is no
// member into -1, from enum to integer it keeps it.
MemoryType enum_type(const H5::DataType& file_type, const TypePlace& place) {
  const H5::DataType base = file_type.getSuper();
  if (base.getClass() != H5T_INTEGER) corrupt_type(place, "an enum is not based on an integer");
  MemoryType memory = integer_type(base, place);
  memory.element.is_signed = memory.element.kind == ElementKind::kInteger;
  memory.element.kind = ElementKind::kEnum;
  memory.element.members = enum_members(file_type, base, memory.element.is_signed, place);
  if (memory.as_stored) memory.type = file_type;
  if (is_bool(memory.element)) {
    memory.element = ElementType{};
    memory.element.kind = ElementKind::kBool;
    memory.element.size = 1;
  }
  return memory;
}

}  // namespace h5flume::hdf5
