#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "storage/mapped/packer.h"
#include "storage/mapped/region.h"

namespace h5flume::mapped {

/// A slot for bytes of any number, 16 bytes: up to 15 of them lie in it, more lie in the region.
///
///   inside   bytes 0-14: the bytes, then zeros   byte 15: their number
///   outside  u64 offset in the region            u64 number, with 0x80 for its highest byte
///
/// Equal bytes have equal slots as long as they lie inside: most keys are compared without leaving
/// the index.
constexpr std::size_t kTextSlotBytes = 16;
constexpr std::size_t kMostInside = 15;
constexpr std::uint64_t kOutsideTag = std::uint64_t{0x80} << 56U;
constexpr std::uint64_t kMostOutside = (std::uint64_t{1} << 56U) - 1;

/// Writes a slot, and appends what it has no room for to the packer.
void write_bytes(Packer& packer, std::byte* slot, std::span<const std::byte> bytes);

/// The bytes of a slot, which may lie in the slot itself. Throws kCorruptData if they are neither
/// there nor in the region.
inline std::span<const std::byte> read_bytes(const Region& region, const std::byte* slot) {
  const auto last = load<std::uint8_t>(slot + kMostInside);
  if (last <= kMostInside) return {slot, last};
  const auto tagged = load<std::uint64_t>(slot + 8);
  if ((tagged & ~kMostOutside) != kOutsideTag) region.throw_corrupt("a text has no known form");
  const std::uint64_t size = tagged & kMostOutside;
  return {region.at(load<std::uint64_t>(slot), size), size};
}

inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::span<const std::byte> as_raw(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Whether the bytes are UTF-8 as the Unicode standard has it: shortest form, no surrogates.
bool is_utf8(std::span<const std::byte> bytes) noexcept;

}  // namespace h5flume::mapped
