#include "storage/mapped/seen_values.h"

#include <xxhash.h>

#include <random>

namespace h5flume::mapped {

SeenValues::SeenValues(std::size_t memory_bytes) : most_(memory_bytes / kBytesEach) {
  std::random_device random;
  seed_ = std::uint64_t{random()} << 32U | random();
}

ValueDigest SeenValues::digest_of(std::span<const std::byte> record,
                                  std::span<const std::byte> rest) const {
  const auto first = XXH3_128bits_withSeed(record.data(), record.size(), seed_);
  const auto second = XXH3_128bits_withSeed(rest.data(), rest.size(), first.low64);
  return {second.low64, second.high64 ^ first.high64};
}

std::pair<std::uint64_t, bool> SeenValues::find_or_enter(const ValueDigest& digest,
                                                         std::uint64_t record) {
  if (records_.size() >= most_) records_.clear();
  const auto [found, is_new] = records_.try_emplace(digest, record);
  return {found->second, is_new};
}

}  // namespace h5flume::mapped
