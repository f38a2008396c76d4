#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>

namespace h5flume::mapped {

using ValueDigest = std::array<std::uint64_t, 2>;

/// Remembers which values have been stored already, by 128 bits of XXH3 with a seed of this
/// object's own: nobody who chooses values can know which of them would be taken for each other.
///
/// Threads: one.
class SeenValues {
 public:
  /// Remembers as many as fit, then forgets them all and begins anew. With no memory it is
  /// disabled.
  explicit SeenValues(std::size_t memory_bytes);

  bool enabled() const noexcept { return most_ > 0; }

  ValueDigest digest_of(std::span<const std::byte> record, std::span<const std::byte> rest) const;

  /// The record that holds the value, and false; or `record`, which will, and true.
  std::pair<std::uint64_t, bool> find_or_enter(const ValueDigest& digest, std::uint64_t record);

 private:
  static constexpr std::size_t kBytesEach = 64;  // in the table, about

  struct TakeFirst {
    std::size_t operator()(const ValueDigest& digest) const noexcept { return digest[0]; }
  };

  std::size_t most_;
  std::uint64_t seed_;
  std::unordered_map<ValueDigest, std::uint64_t, TakeFirst> records_;
};

}  // namespace h5flume::mapped
