#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/mapped/mapped_map.h"

namespace h5flume {

namespace mapped {

/// A text of which only the hash is kept.
struct ApproximateText {};

template <>
struct KeyTraits<ApproximateText> {
  static constexpr ContainerKind kKind = ContainerKind::kApproximateMap;
  using Index = KeyIndex<HashedKeys>;
  using Writer = IntegerIndexWriter;
  using Lookup = std::string_view;
  using View = std::uint64_t;  ///< the hash

  static Writer writer(ContainerWriter& container, std::size_t memory_bytes) {
    return {container, IntegerIndexWriter::Order::kByKey, memory_bytes};
  }
  static std::uint64_t stored(std::string_view key) noexcept { return hash_of(as_raw(key)); }
  static std::uint64_t stored(View hash) noexcept { return hash; }
  static View view(const Container&, std::uint64_t hash) noexcept { return hash; }
  static std::string name(std::string_view key) { return "'" + std::string(key) + "'"; }
  static void describe(ContainerWriter&) {}
  static void check(const Container&) {}
};

}  // namespace mapped

/// A multi-map that forgets its keys and keeps their 64-bit hashes: half the size, and no key is
/// compared. It never misses a key that was put in. It may give values of another key as well, if
/// both have the same hash; of n keys, about n^2 / 2^65 pairs do.
///
/// The hash is XXH3 and no secret: who chooses the keys can make them meet.
template <class T>
using MappedApproximateMultiMap = MappedMultiMap<mapped::ApproximateText, T>;

}  // namespace h5flume
