#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace h5flume::mapped {

/// What a stored value is. The numbers are those of the file.
enum class Kind : std::uint8_t {
  kBool = 1,
  kInt8 = 2,
  kInt16 = 3,
  kInt32 = 4,
  kInt64 = 5,
  kUInt8 = 6,
  kUInt16 = 7,
  kUInt32 = 8,
  kUInt64 = 9,
  kFloat32 = 10,
  kFloat64 = 11,
  kText = 12,  ///< UTF-8
  kBytes = 13,
  kStruct = 14,
  kList = 15,
  kSet = 16,
  kDict = 17,
  kReference = 18,
  kDate = 19,
  kDateTime = 20,
  kDecimal = 21,
  kNdArray = 22,
  kLongText = 23,  ///< UTF-8, compressed where that pays
  kAny = 24,       ///< says itself what it is
};

/// "uint32", "text", "list".
std::string_view to_string(Kind kind) noexcept;

/// The type of a value: a kind, and what that kind is made of.
struct Type {
  Kind kind = Kind::kBool;
  std::uint32_t structure = 0;       ///< kStruct: its number in Schema::structures
  std::vector<Type> arguments = {};  ///< of a list: the element; of a dict: key and value

  bool operator==(const Type&) const = default;
};

/// A field of a structure, and where its slot lies.
///
/// A state bit is counted from the first bit of the record, -1 if the field has none: always set,
/// never null.
struct Field {
  std::string name;
  Type type;
  std::uint32_t offset = 0;
  std::int32_t set_bit = -1;    ///< 1: set, 0: unset
  std::int32_t value_bit = -1;  ///< 1: has a value, 0: null

  bool operator==(const Field&) const = default;
};

/// A plain struct as it is stored: a record of fixed size.
struct Structure {
  std::string name;  ///< its type tag
  std::uint32_t bytes = 0;
  std::vector<Field> fields;

  bool operator==(const Structure&) const = default;
};

/// All there is to know to read a value: it describes itself, in bytes and in words, and is
/// never code.
///
/// Threads: a value.
struct Schema {
  Type root;
  std::vector<Structure> structures;

  bool operator==(const Schema&) const = default;
};

/// A 128-bit digest of an encoded schema. Equal digests mean equal layouts.
using SchemaDigest = std::array<std::uint64_t, 2>;
SchemaDigest digest_of(const Schema& schema);

/// Bytes that a value of this type takes where it lies: in a record or in a list.
std::uint32_t slot_bytes(const Schema& schema, const Type& type);

/// The form in files: docs/mapped-containers.md.
std::vector<std::byte> encode(const Schema& schema);

/// Reads what encode() wrote. Whatever the bytes are, the schema that comes back is consistent:
/// every field lies inside its record. Throws kCorruptData.
Schema decode_schema(std::span<const std::byte> bytes);

/// "text", "list<Box>", "dict<text, uint32>".
std::string to_text(const Schema& schema, const Type& type);

}  // namespace h5flume::mapped
