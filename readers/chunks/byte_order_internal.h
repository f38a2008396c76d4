#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace h5flume::chunks {

// The caller has checked that the bytes are there.

inline std::uint32_t load_be32(const std::byte* at) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(at[i]);
  return value;
}

inline std::uint64_t load_be64(const std::byte* at) noexcept {
  return std::uint64_t{load_be32(at)} << 32 | load_be32(at + 4);
}

inline std::uint32_t load_le32(const std::byte* at) noexcept {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | std::to_integer<std::uint32_t>(at[i]);
  return value;
}

inline const char* as_chars(std::span<const std::byte> bytes) noexcept {
  return reinterpret_cast<const char*>(bytes.data());
}
inline char* as_chars(std::span<std::byte> bytes) noexcept {
  return reinterpret_cast<char*>(bytes.data());
}

}  // namespace h5flume::chunks
