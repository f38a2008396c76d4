#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace h5flume {

/// The families of elements. All are of a fixed size, but for the last two.
enum class ElementKind {
  kInteger,   ///< two's complement, native byte order, 1, 2, 4 or 8 bytes
  kUnsigned,  ///< unsigned, native byte order, 1, 2, 4 or 8 bytes; HDF5 bitfields too
  kFloat,     ///< IEEE 754, native byte order, 2, 4 or 8 bytes, or the platform's long double
  kBool,      ///< one byte, 0 or 1: HDF5's enum {FALSE, TRUE} as h5py writes it
  kEnum,      ///< an integer with named values; see ElementType::members
  kString,    ///< fixed-size text, padded with NUL bytes
  kOpaque,    ///< bytes without a meaning to HDF5
  kCompound,  ///< named fields at byte offsets; see ElementType::fields
  kArray,     ///< an n-d array as one element; see ElementType::base and dims
  kText,      ///< a string of any length; its values are bytes
  kList,      ///< a sequence of any length, of the fixed-size type in ElementType::base
};

struct Field;

/// One named value of an enum.
struct EnumMember {
  std::string name;
  std::int64_t value = 0;  ///< for an unsigned 64-bit base: the same bits

  bool operator==(const EnumMember&) const = default;
};

/// The type of one element as it lies in memory: native byte order.
///
/// Elements of a fixed size lie one after the other. Those of variable length, which are never part
/// of another type, lie as docs/variable-length.md says.
///
/// A complex number is the compound {r, i} of two floats, as h5py and PyTables store it.
/// Threads: a value; copy it freely.
struct ElementType {
  ElementKind kind = ElementKind::kOpaque;
  std::size_t size = 0;  ///< bytes of one element, padding included; 0: of variable length

  std::vector<Field> fields;        ///< of a compound, in the order of the file
  std::vector<EnumMember> members;  ///< of an enum
  bool is_signed = true;            ///< of an enum's integer
  std::vector<ElementType> base;    ///< of an array or a list: exactly one entry
  std::vector<std::uint64_t> dims;  ///< of an array: its shape, row-major

  /// True for the compound {r, i} of two floats of the same size.
  bool is_complex() const noexcept;

  /// True for text and lists.
  bool is_variable_length() const noexcept {
    return kind == ElementKind::kText || kind == ElementKind::kList;
  }

  /// Bytes of one value of a list, of one character of text; of one element of any other type.
  std::size_t value_size() const noexcept;

  /// The field called `name`, or null.
  const Field* field(std::string_view name) const noexcept;

  bool operator==(const ElementType&) const;
};

/// One field of a compound.
struct Field {
  std::string name;
  std::size_t offset = 0;  ///< bytes from the start of the element
  ElementType type;

  bool operator==(const Field&) const = default;
};

/// A short name in numpy's words: "uint8", "float32", "bool", "S16", "V4", "complex64",
/// "float64[3,2]", "{x: float32, y: float32}"; "string" and "list of int32" for variable lengths.
std::string to_string(const ElementType& type);

/// The type as a numpy dtype description, the format of the `descr` entry of .npy files:
/// `'<f4'`, or `[('x', '<f4'), ('', '|V4'), ('y', '<f4', (3,))]` with padding spelled out.
/// Source: numpy.lib.format, version 1.0. An enum is described as its integer, variable lengths as
/// Python objects.
std::string numpy_descr(const ElementType& type);

/// The element type that a C++ arithmetic type stands for.
template <class T>
requires std::is_arithmetic_v<T> ElementType element_type_of() {
  ElementType type;
  type.size = sizeof(T);
  if constexpr (std::is_same_v<T, bool>) {
    type.kind = ElementKind::kBool;
  } else if constexpr (std::is_floating_point_v<T>) {
    type.kind = ElementKind::kFloat;
  } else {
    type.kind = std::is_signed_v<T> ? ElementKind::kInteger : ElementKind::kUnsigned;
  }
  return type;
}

}  // namespace h5flume
