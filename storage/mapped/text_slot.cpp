#include "storage/mapped/text_slot.h"

#include <cstring>

namespace h5flume::mapped {
namespace {

// How many bytes a character takes that begins so, and what its second byte may be: Unicode 15,
// table 3-7.
struct Sequence {
  std::size_t bytes;
  std::uint8_t least;
  std::uint8_t most;
};

constexpr Sequence sequence_of(std::uint8_t first) {
  if (first < 0xc2) return {0, 0, 0};
  if (first < 0xe0) return {2, 0x80, 0xbf};
  if (first == 0xe0) return {3, 0xa0, 0xbf};
  if (first == 0xed) return {3, 0x80, 0x9f};
  if (first < 0xf0) return {3, 0x80, 0xbf};
  if (first == 0xf0) return {4, 0x90, 0xbf};
  if (first < 0xf4) return {4, 0x80, 0xbf};
  if (first == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

}  // namespace

void write_bytes(Packer& packer, std::byte* slot, std::span<const std::byte> bytes) {
  if (bytes.size() <= kMostInside) {
    if (!bytes.empty()) std::memcpy(slot, bytes.data(), bytes.size());
    std::memset(slot + bytes.size(), 0, kMostInside - bytes.size());
    store(slot + kMostInside, static_cast<std::uint8_t>(bytes.size()));
    return;
  }
  store(slot, packer.append(bytes));
  store(slot + 8, std::uint64_t{bytes.size()} | kOutsideTag);
}

bool is_utf8(std::span<const std::byte> bytes) noexcept {
  const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto* const end = at + bytes.size();
  while (at != end) {
    if (*at < 0x80) {
      ++at;
      continue;
    }
    const auto sequence = sequence_of(*at);
    if (sequence.bytes == 0 || static_cast<std::size_t>(end - at) < sequence.bytes) return false;
    if (at[1] < sequence.least || at[1] > sequence.most) return false;
    for (std::size_t i = 2; i < sequence.bytes; ++i) {
      if ((at[i] & 0xc0U) != 0x80) return false;
    }
    at += sequence.bytes;
  }
  return true;
}

}  // namespace h5flume::mapped
