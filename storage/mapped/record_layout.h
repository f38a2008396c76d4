#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <typeinfo>

#include "storage/mapped/codec.h"
#include "storage/mapped/fields.h"
#include "storage/mapped/settable.h"

namespace h5flume::mapped {

/// What a member's type says of its field: the type of the value, whether it may be unset or null.
template <class T>
struct FieldTraits {
  using Value = T;
  static constexpr bool kSettable = false;
  static constexpr bool kNullable = false;
};
template <class T>
struct FieldTraits<std::optional<T>> {
  using Value = T;
  static constexpr bool kSettable = false;
  static constexpr bool kNullable = true;
};
template <class T>
struct FieldTraits<Settable<T>> {
  using Value = typename FieldTraits<T>::Value;
  static constexpr bool kSettable = true;
  static constexpr bool kNullable = FieldTraits<T>::kNullable;
};

template <class Pointer>
struct MemberTraits;
template <class Struct, class T>
struct MemberTraits<T Struct::*> : FieldTraits<T> {
  using Member = T;
};

/// Where the fields of the struct T lie in its record, as this library writes it: widest alignment
/// first, then in the order of the list; the state bits come last.
template <Fielded T>
struct RecordLayout {
  static constexpr std::size_t kCount = decltype(kFields<T>)::kCount;

  std::array<std::uint32_t, kCount> offsets{};
  std::array<std::int32_t, kCount> set_bits{};
  std::array<std::int32_t, kCount> value_bits{};
  std::uint32_t bytes = 0;
  std::uint32_t alignment = 1;

  constexpr RecordLayout() {
    for (const std::uint32_t wanted : {8U, 4U, 2U, 1U}) place(wanted);
    std::int32_t next_bit = static_cast<std::int32_t>(bytes) * 8;
    kFields<T>.for_each([&](auto index, auto member) {
      using Traits = MemberTraits<decltype(member)>;
      set_bits[index] = Traits::kSettable ? next_bit++ : -1;
      value_bits[index] = Traits::kNullable ? next_bit++ : -1;
    });
    bytes = static_cast<std::uint32_t>(next_bit + 7) / 8;
    bytes = std::max((bytes + alignment - 1) / alignment * alignment, 1U);  // never of no size
  }

 private:
  constexpr void place(std::uint32_t wanted) {
    kFields<T>.for_each([&](auto index, auto member) {
      using Value = typename MemberTraits<decltype(member)>::Value;
      if (Codec<Value>::kAlignment != wanted) return;
      offsets[index] = bytes;
      bytes += static_cast<std::uint32_t>(Codec<Value>::kBytes);
      alignment = std::max(alignment, wanted);
    });
  }
};

template <Fielded T>
inline constexpr RecordLayout<T> kLayout{};

/// Whether a record is what T is in memory: a struct of numbers, which lie where the compiler puts
/// them and leave no bytes between each other.
template <Fielded T>
bool is_plain() {
  if constexpr (!std::is_trivially_copyable_v<T>) return false;
  const T sample{};
  std::size_t bytes = 0;
  bool plain = true;
  kFields<T>.for_each([&](auto index, auto member) {
    using Member = typename MemberTraits<decltype(member)>::Member;
    const auto offset =
        reinterpret_cast<const char*>(&(sample.*member)) - reinterpret_cast<const char*>(&sample);
    plain = plain && std::is_arithmetic_v<Member> && !std::is_same_v<Member, bool> &&
            kLayout<T>.offsets[index] == static_cast<std::size_t>(offset);
    bytes += sizeof(Member);
  });
  return plain && bytes == sizeof(T) && kLayout<T>.bytes == sizeof(T);
}

/// Enters T and all that it is made of.
template <Fielded T>
Type describe_structure(SchemaBuilder& builder) {
  const auto [number, is_new] = builder.enter(kFields<T>.type_name, typeid(T));
  if (is_new) {
    Structure structure{
        .name = std::string(kFields<T>.type_name), .bytes = kLayout<T>.bytes, .fields = {}};
    kFields<T>.for_each([&](auto index, auto member) {
      using Value = typename MemberTraits<decltype(member)>::Value;
      structure.fields.push_back({.name = std::string(kFields<T>.names[index]),
                                  .type = Codec<Value>::describe(builder),
                                  .offset = kLayout<T>.offsets[index],
                                  .set_bit = kLayout<T>.set_bits[index],
                                  .value_bit = kLayout<T>.value_bits[index]});
    });
    builder.complete(number, std::move(structure));
  }
  return {Kind::kStruct, number, {}};
}

/// The schema of any type that has a codec. Made once. Throws kInvalidArgument if two of its
/// structs have one name.
template <class T>
const Schema& schema_of() {
  static const Schema schema = [] {
    SchemaBuilder builder;
    Type root = Codec<T>::describe(builder);
    return std::move(builder).finish(std::move(root));
  }();
  return schema;
}

}  // namespace h5flume::mapped
