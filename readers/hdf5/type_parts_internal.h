#pragma once

#include <H5Cpp.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "readers/hdf5/memory_type_internal.h"

/// The parts that memory_type_of() is made of, one file each.
namespace h5flume::hdf5 {

constexpr int kDeepestTypeNesting = 64;

/// Where in a type we are: the fields that led there, for messages, and how deep.
struct TypePlace {
  std::string field;  ///< "outer/inner"; empty for the element itself
  int depth = 0;

  TypePlace into(const std::string& name) const {
    return {field.empty() ? name : field + "/" + name, depth + 1};
  }
  TypePlace deeper() const { return {field, depth + 1}; }
};

/// Throws kUnsupported: "field 'a/b': the type <type> is not supported".
[[noreturn]] void unsupported_type(const TypePlace& place, const std::string& type);

/// Throws kCorruptData: "field 'a/b': <why>".
[[noreturn]] void corrupt_type(const TypePlace& place, const std::string& why);

/// The name of member `index` of a compound or an enum.
std::string member_name(const H5::DataType& type, unsigned index);

/// The type of member `index` of a compound.
H5::DataType member_type(const H5::DataType& compound, unsigned index);

/// The names of all members of a compound.
std::vector<std::string> member_names(const H5::DataType& compound);

/// The machine's integer of 1, 2, 4 or 8 bytes, and the IEEE 754 float of 2.
const H5::PredType& native_integer(std::size_t size, bool is_signed);
H5::DataType native_half();

/// Integers, bitfields, floats and enums.
MemoryType integer_type(const H5::DataType& file_type, const TypePlace& place);
MemoryType bitfield_type(const H5::DataType& file_type, const TypePlace& place);
MemoryType float_type(const H5::DataType& file_type, const TypePlace& place);
MemoryType enum_type(const H5::DataType& file_type, const TypePlace& place);

/// Whether elements of `file_type` have no fixed size.
bool is_variable_length(const H5::DataType& file_type);

/// Variable-length strings, and sequences of whole_type(): for elements of a dataset, or for one
/// field of them.
MemoryType variable_type(const H5::DataType& file_type, const TypePlace& place);

/// Any type of a fixed size, nested ones included.
MemoryType whole_type(const H5::DataType& file_type, const TypePlace& place);

/// One field of a compound on its way into memory.
struct TypeMember {
  std::string name;
  MemoryType memory;
};

/// The compound of `members` in their order, without padding.
MemoryType packed_compound(std::vector<TypeMember> members, const TypePlace& place);

/// The fields at `paths` of a compound; see OpenOptions::fields.
MemoryType chosen_fields(const H5::DataType& file_type, const std::vector<std::string>& paths);

}  // namespace h5flume::hdf5
