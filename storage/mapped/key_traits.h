#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "storage/mapped/index_writer.h"
#include "storage/mapped/pack.h"

namespace h5flume::mapped {

/// How keys of a C++ type are stored and looked up: unsigned integers, std::string, structs with a
/// field list. What keys() gives of one map is stored in another as it was.
template <class K>
struct KeyTraits;

template <std::unsigned_integral K>
struct KeyTraits<K> {
  static constexpr ContainerKind kKind = ContainerKind::kIntegerMap;
  using Index = KeyIndex<IntegerKeys>;
  using Writer = IntegerIndexWriter;
  using Lookup = K;  ///< what find() takes
  using View = K;    ///< what keys() gives

  static Writer writer(ContainerWriter& container, std::size_t memory_bytes) {
    return {container, IntegerIndexWriter::Order::kByHashOfKey, memory_bytes};
  }
  static std::uint64_t stored(K key) noexcept { return key; }
  static View view(const Container& container, std::uint64_t key) {
    if (key > std::numeric_limits<K>::max()) {
      throw Error(ErrorCode::kUnsupported, "read " + container.name() + ": the key " +
                                               std::to_string(key) + " is too large for keys of " +
                                               std::to_string(sizeof(K) * 8) + " bits");
    }
    return static_cast<K>(key);
  }
  static std::string name(K key) { return std::to_string(key); }
  static void describe(ContainerWriter&) {}
  static void check(const Container&) {}
};

template <>
struct KeyTraits<std::string> {
  static constexpr ContainerKind kKind = ContainerKind::kTextMap;
  using Index = KeyIndex<TextKeys>;
  using Writer = TextIndexWriter;
  using Lookup = std::string_view;
  using View = std::string_view;

  static Writer writer(ContainerWriter& container, std::size_t memory_bytes) {
    return {container, memory_bytes};
  }
  static std::string_view stored(std::string_view key) noexcept { return key; }
  static View view(const Container&, std::string_view key) noexcept { return key; }
  static std::string name(std::string_view key) { return "'" + std::string(key) + "'"; }
  static void describe(ContainerWriter&) {}
  static void check(const Container&) {}
};

/// A struct is looked up by its packed bytes, which are equal where all its fields are. Two NaN are
/// then equal, and 0.0 is not -0.0.
template <Fielded K>
struct KeyTraits<K> {
  static constexpr ContainerKind kKind = ContainerKind::kObjectMap;
  using Index = KeyIndex<TextKeys>;
  using Writer = TextIndexWriter;
  using Lookup = K;
  using View = mapped::View<K>;

  static Writer writer(ContainerWriter& container, std::size_t memory_bytes) {
    return {container, memory_bytes};
  }
  /// Valid until the next call in this thread, which uses the memory again.
  static std::string_view stored(const K& key) {
    thread_local std::string record;
    thread_local Packer packer;
    packer.restart(Codec<K>::kBytes);
    record.assign(Codec<K>::kBytes, '\0');
    Codec<K>::write(packer, reinterpret_cast<std::byte*>(record.data()), key);
    packer.clear_shared();
    return record.append(as_text(packer.bytes()));
  }
  static std::string_view stored(const View& key) { return stored(key.clone()); }
  static View view(const Container& container, std::string_view key) {
    const Region region(as_raw(key), container.name());
    return View(region, region.at(0, Codec<K>::kBytes), detail::own_plan<K>().root());
  }
  static std::string name(const K&) { return std::string("that was asked for"); }
  static void describe(ContainerWriter& container) {
    container.begin(SectionKind::kKeySchema);
    container.append(encode(schema_of<K>()));
  }
  /// Keys are found by all their bytes, so that no field may have been added or dropped.
  static void check(const Container& container) {
    if (decode_schema(container.section(SectionKind::kKeySchema)) == schema_of<K>()) return;
    throw Error(ErrorCode::kUnsupported, "open " + container.name() +
                                             ": its keys have other fields than " +
                                             to_text(schema_of<K>(), schema_of<K>().root) + " has");
  }
};

}  // namespace h5flume::mapped
