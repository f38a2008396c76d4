#include <cstdint>

#include "core/error.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/stored_type_internal.h"
#include "readers/hdf5/type_parts_internal.h"

namespace h5flume::hdf5 {
namespace {

[[noreturn]] void refuse(const ElementType& type) {
  throw Error(ErrorCode::kUnsupported,
              "elements of type " + to_string(type) + " cannot be written");
}

H5::DataType stored_float(const ElementType& type) {
  if (type.size == 2) return native_half();
  if (type.size == sizeof(float)) return H5::PredType::NATIVE_FLOAT;
  if (type.size == sizeof(double)) return H5::PredType::NATIVE_DOUBLE;
  if (type.size == sizeof(long double)) return H5::PredType::NATIVE_LDOUBLE;
  refuse(type);
}

// Values of a smaller integer are the first bytes of the larger one: the machine is little-endian.
H5::DataType stored_enum(const H5::PredType& base, const std::vector<EnumMember>& members) {
  H5::EnumType stored(base);
  for (const auto& member : members) {
    std::int64_t value = member.value;
    stored.insert(member.name, &value);
  }
  return stored;
}

H5::DataType stored_string(std::size_t size) {
  H5::StrType stored(H5::PredType::C_S1, size);
  stored.setStrpad(H5T_STR_NULLPAD);
  return stored;
}

H5::DataType stored_compound(const ElementType& type) {
  H5::CompType stored(type.size);
  for (const auto& field : type.fields) {
    stored.insertMember(field.name, field.offset, stored_type(field.type));
  }
  return stored;
}

H5::DataType stored_array(const ElementType& type) {
  const std::vector<hsize_t> dims(type.dims.begin(), type.dims.end());
  return H5::ArrayType(stored_type(type.base.at(0)), static_cast<int>(dims.size()), dims.data());
}

}  // namespace

H5::DataType stored_type(const ElementType& type) {
  switch (type.kind) {
    case ElementKind::kInteger:
      return native_integer(type.size, true);
    case ElementKind::kUnsigned:
      return native_integer(type.size, false);
    case ElementKind::kFloat:
      return stored_float(type);
    case ElementKind::kBool:  // as h5py does
      return stored_enum(H5::PredType::NATIVE_INT8, {{"FALSE", 0}, {"TRUE", 1}});
    case ElementKind::kEnum:
      return stored_enum(native_integer(type.size, type.is_signed), type.members);
    case ElementKind::kString:
      return stored_string(type.size);
    case ElementKind::kOpaque:
      return H5::DataType(H5T_OPAQUE, type.size);
    case ElementKind::kCompound:
      return stored_compound(type);
    case ElementKind::kArray:
      return stored_array(type);
    case ElementKind::kText:
    case ElementKind::kList:
      break;
  }
  refuse(type);
}

}  // namespace h5flume::hdf5
