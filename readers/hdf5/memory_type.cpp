#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/type_parts_internal.h"

namespace h5flume::hdf5 {
namespace {

std::size_t times(std::size_t a, std::uint64_t b, const TypePlace& place) {
  std::size_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) corrupt_type(place, "the type's size overflows");
  return product;
}

std::size_t plus(std::size_t a, std::size_t b, const TypePlace& place) {
  std::size_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) corrupt_type(place, "the type's size overflows");
  return sum;
}

MemoryType bytes_as_stored(ElementKind kind, const H5::DataType& file_type,
                           const TypePlace& place) {
  MemoryType memory;
  memory.element.kind = kind;
  memory.element.size = file_type.getSize();
  if (memory.element.size == 0) corrupt_type(place, "a type has no size");
  memory.type = file_type;
  memory.as_stored = true;
  return memory;
}

MemoryType text(const H5::DataType& file_type, const TypePlace& place) {
  if (checked(H5Tis_variable_str(file_type.getId()), "H5Tis_variable_str") > 0) {
    unsupported_type(place, "variable-length string inside another type");
  }
  MemoryType memory = bytes_as_stored(ElementKind::kString, file_type, place);
  TextRun run;
  run.size = memory.element.size;
  switch (H5Tget_strpad(file_type.getId())) {
    case H5T_STR_NULLPAD:
      return memory;
    case H5T_STR_SPACEPAD:
      run.padding = TextRun::Padding::kSpaces;
      break;
    default:
      run.padding = TextRun::Padding::kFirstNul;
      break;
  }
  memory.text.push_back(std::move(run));
  return memory;
}

MemoryType array(const H5::DataType& file_type, const TypePlace& place) {
  const H5::DataType file_base = file_type.getSuper();
  MemoryType base = whole_type(file_base, place.deeper());
  const int rank = checked(H5Tget_array_ndims(file_type.getId()), "H5Tget_array_ndims");
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
  checked(H5Tget_array_dims2(file_type.getId(), dims.data()), "H5Tget_array_dims2");

  MemoryType memory;
  memory.element.kind = ElementKind::kArray;
  memory.element.dims.assign(dims.begin(), dims.end());
  std::size_t count = 1;
  for (const hsize_t dim : dims) count = times(count, dim, place);
  memory.element.size = times(base.element.size, count, place);
  if (memory.element.size == 0) corrupt_type(place, "an array type has no elements");
  memory.as_stored = base.as_stored;
  if (base.as_stored) {
    if (memory.element.size != file_type.getSize()) corrupt_type(place, "an array's size is wrong");
    memory.type = file_type;
  } else {
    memory.type =
        Identifier(H5Tarray_create2(base.type.getId(), static_cast<unsigned>(rank), dims.data()),
                   "H5Tarray_create2")
            .as<H5::DataType>();
  }
  for (TextRun& run : base.text) {
    run.loops.insert(run.loops.begin(), {count, base.element.size});
    memory.text.push_back(std::move(run));
  }
  memory.element.base.push_back(std::move(base.element));
  return memory;
}

// A compound of `size` bytes with `members` at `offsets`; its HDF5 type is left to the caller.
MemoryType lay_out(std::vector<TypeMember> members, const std::vector<std::size_t>& offsets,
                   std::size_t size) {
  MemoryType memory;
  memory.element.kind = ElementKind::kCompound;
  memory.element.size = size;
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (TextRun& run : members[i].memory.text) {
      run.offset += offsets[i];
      memory.text.push_back(std::move(run));
    }
    memory.element.fields.push_back(
        {std::move(members[i].name), offsets[i], std::move(members[i].memory.element)});
  }
  return memory;
}

MemoryType compound(const H5::DataType& file_type, const TypePlace& place) {
  const std::vector<std::string> names = member_names(file_type);
  if (names.empty()) corrupt_type(place, "a compound has no fields");
  const std::size_t size = file_type.getSize();
  std::vector<TypeMember> members;
  std::vector<std::size_t> offsets;
  bool as_stored = true;
  for (unsigned i = 0; i < names.size(); ++i) {
    const TypePlace inside = place.into(names[i]);
    members.push_back({names[i], whole_type(member_type(file_type, i), inside)});
    offsets.push_back(H5Tget_member_offset(file_type.getId(), i));
    as_stored = as_stored && members[i].memory.as_stored;
    if (as_stored && plus(offsets[i], members[i].memory.element.size, inside) > size) {
      corrupt_type(inside, "the field lies outside its compound");
    }
  }
  if (!as_stored) return packed_compound(std::move(members), place);
  MemoryType memory = lay_out(std::move(members), offsets, size);
  memory.type = file_type;
  memory.as_stored = true;
  return memory;
}

std::string prefix(const TypePlace& place) {
  return place.field.empty() ? "" : fmt::format("field '{}': ", place.field);
}

}  // namespace

void unsupported_type(const TypePlace& place, const std::string& type) {
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}the type {} is not supported{}", prefix(place), type,
                          place.field.empty() ? "" : "; other fields can be chosen"));
}

void corrupt_type(const TypePlace& place, const std::string& why) {
  throw Error(ErrorCode::kCorruptData, prefix(place) + why);
}

std::string member_name(const H5::DataType& type, unsigned index) {
  char* const name = H5Tget_member_name(type.getId(), index);
  if (name == nullptr) throw H5::Exception("H5Tget_member_name", "failed");
  const std::string copy = name;
  H5free_memory(name);
  return copy;
}

H5::DataType member_type(const H5::DataType& compound, unsigned index) {
  return Identifier(H5Tget_member_type(compound.getId(), index), "H5Tget_member_type")
      .as<H5::DataType>();
}

std::vector<std::string> member_names(const H5::DataType& compound) {
  std::vector<std::string> names;
  const int count = checked(H5Tget_nmembers(compound.getId()), "H5Tget_nmembers");
  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    names.push_back(member_name(compound, i));
  }
  return names;
}

MemoryType packed_compound(std::vector<TypeMember> members, const TypePlace& place) {
  std::vector<std::size_t> offsets;
  std::size_t size = 0;
  for (const TypeMember& member : members) {
    offsets.push_back(size);
    size = plus(size, member.memory.type.getSize(), place);
  }
  const Identifier type(H5Tcreate(H5T_COMPOUND, size), "H5Tcreate");
  for (std::size_t i = 0; i < members.size(); ++i) {
    checked(
        H5Tinsert(type.get(), members[i].name.c_str(), offsets[i], members[i].memory.type.getId()),
        "H5Tinsert");
  }
  MemoryType memory = lay_out(std::move(members), offsets, size);
  memory.type = type.as<H5::DataType>();
  return memory;
}

MemoryType whole_type(const H5::DataType& file_type, const TypePlace& place) {
  if (place.depth > kDeepestTypeNesting) unsupported_type(place, "of more than 64 nested levels");
  switch (file_type.getClass()) {
    case H5T_INTEGER:
      return integer_type(file_type, place);
    case H5T_FLOAT:
      return float_type(file_type, place);
    case H5T_STRING:
      return text(file_type, place);
    case H5T_BITFIELD:
      return bitfield_type(file_type, place);
    case H5T_OPAQUE:
      return bytes_as_stored(ElementKind::kOpaque, file_type, place);
    case H5T_COMPOUND:
      return compound(file_type, place);
    case H5T_ENUM:
      return enum_type(file_type, place);
    case H5T_ARRAY:
      return array(file_type, place);
    case H5T_VLEN:
      unsupported_type(place, "variable-length sequence inside another type");
    case H5T_TIME:
      unsupported_type(place, "time");
    case H5T_REFERENCE:
      unsupported_type(place, H5Tequal(file_type.getId(), H5T_STD_REF_OBJ) > 0
                                  ? "object reference"
                                  : "region reference");
    default:
      unsupported_type(place, fmt::format("of class {}", int(file_type.getClass())));
  }
}

MemoryType memory_type_of(const H5::DataType& file_type, const std::vector<std::string>& fields) {
  if (!fields.empty()) return chosen_fields(file_type, fields);
  return is_variable_length(file_type) ? variable_type(file_type, {}) : whole_type(file_type, {});
}

}  // namespace h5flume::hdf5
