#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include "core/error.h"
#include "storage/mapped/packer.h"
#include "storage/mapped/plan.h"
#include "storage/mapped/region.h"
#include "storage/mapped/schema_builder.h"
#include "storage/mapped/text_slot.h"

namespace h5flume::mapped {

/// What making plain values of stored ones may cost. Damaged lists may contain each other, and a
/// few bytes may claim to be billions of values.
struct Cloner {
  const Region& region;
  std::uint64_t values_left;  ///< that may still be made
  unsigned depth_left = 1000;

  /// An object that is referred to from several places: made once.
  struct Shared {
    std::shared_ptr<void> object;
    void (*clear)(void* object);  ///< makes it refer to nothing
  };
  std::map<std::pair<const std::byte*, std::type_index>, Shared> shared = {};  ///< by their places

  /// Takes apart all shared objects: those that refer to each other would never be freed.
  void untie() {
    for (auto& [place, known] : shared) {
      if (known.object) known.clear(known.object.get());
    }
  }

  /// Takes `count` values from the allowance. Throws kCorruptData once it is used up.
  void spend(std::uint64_t count) {
    if (count > values_left) region.throw_corrupt("its values contain each other over and over");
    values_left -= count;
  }
};

/// The way of a C++ type into a slot of stored bytes, and back. A specialisation has
///
///   kBytes, kAlignment               of the slot, as it is written
///   describe(SchemaBuilder&)         its type in a schema
///   write(Packer&, slot, value)      into a slot of zeros
///   View, read(region, slot, plan)   what is seen of the stored value, without a copy where that
///   is
///                                    possible
///   clone(Cloner&, view)             the plain value again
///
/// Specialise it, on top of another codec, to store types of your own.
template <class T>
struct Codec;

// --- numbers ------------------------------------------------------------------------------------

template <class T>
consteval Kind kind_of_number() {
  if constexpr (std::is_same_v<T, bool>) return Kind::kBool;
  if constexpr (std::is_same_v<T, float>) return Kind::kFloat32;
  if constexpr (std::is_same_v<T, double>) return Kind::kFloat64;
  constexpr bool kSigned = std::is_signed_v<T>;
  if constexpr (sizeof(T) == 1) return kSigned ? Kind::kInt8 : Kind::kUInt8;
  if constexpr (sizeof(T) == 2) return kSigned ? Kind::kInt16 : Kind::kUInt16;
  if constexpr (sizeof(T) == 4) return kSigned ? Kind::kInt32 : Kind::kUInt32;
  return kSigned ? Kind::kInt64 : Kind::kUInt64;
}

/// bool, integers of 8 to 64 bits, float, double.
template <class T>
concept Number = std::is_arithmetic_v<T> && !std::is_same_v<T, long double> && sizeof(T) <= 8;

template <Number T>
struct Codec<T> {
  static constexpr std::size_t kBytes = sizeof(T);
  static constexpr std::size_t kAlignment = sizeof(T);
  using View = T;

  static Type describe(SchemaBuilder&) { return {kind_of_number<T>()}; }
  static void write(Packer&, std::byte* slot, T value) { store(slot, value); }
  static T read(const Region&, const std::byte* slot, const Plan&) { return load<T>(slot); }
  static T clone(Cloner&, T value) { return value; }
};

/// An enumeration is stored as its integer. A file may hold values that have no name.
template <class T>
requires std::is_enum_v<T>
struct Codec<T> {
  using Integer = std::underlying_type_t<T>;
  static constexpr std::size_t kBytes = sizeof(T);
  static constexpr std::size_t kAlignment = sizeof(T);
  using View = T;

  static Type describe(SchemaBuilder&) { return {kind_of_number<Integer>()}; }
  static void write(Packer&, std::byte* slot, T value) { store(slot, static_cast<Integer>(value)); }
  static T read(const Region&, const std::byte* slot, const Plan&) {
    return static_cast<T>(load<Integer>(slot));
  }
  static T clone(Cloner&, T value) { return value; }
};

// --- text and bytes -----------------------------------------------------------------------------

/// UTF-8; anything else is refused with kInvalidArgument when it is packed.
template <>
struct Codec<std::string> {
  static constexpr std::size_t kBytes = kTextSlotBytes;
  static constexpr std::size_t kAlignment = 8;
  using View = std::string_view;

  static Type describe(SchemaBuilder&) { return {Kind::kText}; }
  static void write(Packer& packer, std::byte* slot, std::string_view text) {
    if (!is_utf8(as_raw(text))) {
      throw Error(ErrorCode::kInvalidArgument, "pack a text: it is not UTF-8; store it as bytes");
    }
    write_bytes(packer, slot, as_raw(text));
  }
  static View read(const Region& region, const std::byte* slot, const Plan&) {
    return as_text(read_bytes(region, slot));
  }
  static std::string clone(Cloner& cloner, View text) {
    cloner.spend(text.size() / 64);
    return std::string(text);
  }
};

template <>
struct Codec<std::vector<std::byte>> {
  static constexpr std::size_t kBytes = kTextSlotBytes;
  static constexpr std::size_t kAlignment = 8;
  using View = std::span<const std::byte>;

  static Type describe(SchemaBuilder&) { return {Kind::kBytes}; }
  static void write(Packer& packer, std::byte* slot, View bytes) {
    write_bytes(packer, slot, bytes);
  }
  static View read(const Region& region, const std::byte* slot, const Plan&) {
    return read_bytes(region, slot);
  }
  static std::vector<std::byte> clone(Cloner& cloner, View bytes) {
    cloner.spend(bytes.size() / 64);
    return {bytes.begin(), bytes.end()};
  }
};

}  // namespace h5flume::mapped
