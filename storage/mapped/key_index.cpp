#include "storage/mapped/key_index.h"

#include <xxhash.h>

#include <bit>

namespace h5flume::mapped {
namespace {

constexpr std::size_t kCacheLine = 64;

}  // namespace

std::uint64_t hash_of(std::span<const std::byte> key) noexcept {
  return XXH3_64bits(key.data(), key.size());
}

Directory::Directory(const Container& container, const Region& region)
    : region_(region),
      starts_(container.section(SectionKind::kDirectory).data()),
      entry_count_(container.counts().entries),
      wide_(start_bytes(entry_count_) == sizeof(std::uint64_t)) {
  const std::uint64_t bytes = container.section(SectionKind::kDirectory).size();
  const std::uint64_t starts = bytes / start_bytes(entry_count_);
  if (bytes % start_bytes(entry_count_) != 0 || starts < 2 || !std::has_single_bit(starts - 1)) {
    region_.throw_corrupt("its directory has not the size of one");
  }
  bits_ = static_cast<unsigned>(std::countr_zero(starts - 1));
}

void Directory::throw_contradiction() const {
  region_.throw_corrupt("its directory contradicts itself");
}

unsigned Directory::bits_for(std::uint64_t entry_count, std::size_t entry_bytes) noexcept {
  const std::uint64_t lines = entry_count * entry_bytes / kCacheLine;
  return lines <= 1 ? 0 : static_cast<unsigned>(std::bit_width(lines - 1));
}

}  // namespace h5flume::mapped
