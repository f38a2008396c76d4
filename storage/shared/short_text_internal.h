#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

// Hashing and comparing of keys, which are short for the most part: without a call.
namespace h5flume::shared {

constexpr std::size_t kShortText = 16;

inline std::uint64_t load_64(const char* from) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  return word;
}
inline std::uint64_t load_32(const char* from) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// Two words that together have every byte of a text of at most kShortText bytes, and with its size
// tell it from any other.
struct ShortWords {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  explicit ShortWords(std::string_view text) noexcept {
    const char* const begin = text.data();
    const std::size_t size = text.size();
    if (size >= 8) {
      first = load_64(begin);
      last = load_64(begin + size - 8);
    } else if (size >= 4) {
      first = load_32(begin);
      last = load_32(begin + size - 4);
    } else if (size > 0) {
      const auto byte = [&](std::size_t at) {
        return std::uint64_t{static_cast<unsigned char>(begin[at])};
      };
      first = byte(0) | byte(size / 2) << 8U | byte(size - 1) << 16U;
    }
  }
};

// The halves of the 128 bits of a product: every bit of the factors reaches both. The constants are
// digits of pi; they keep zeros apart.
inline std::size_t short_hash(std::uint64_t first, std::uint64_t last, std::uint32_t node,
                              std::size_t size) noexcept {
  constexpr std::uint64_t kFirst = 0x243f6a8885a308d3U;
  constexpr std::uint64_t kLast = 0x13198a2e03707344U;
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15U;  // the golden ratio's
  __extension__ using Wide = unsigned __int128;
  const std::uint64_t one = (first ^ kFirst) * kSpread;
  const std::uint64_t other = last ^ kLast ^ ((std::uint64_t{node} << 32U | size) * kSpread);
  const Wide product = Wide{one} * other;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

std::size_t long_hash(std::string_view text, std::uint32_t node) noexcept;  // XXH3

inline std::size_t hash_of_text(std::uint32_t node, std::string_view text) noexcept {
  if (text.size() > kShortText) return long_hash(text, node);
  const ShortWords words(text);
  return short_hash(words.first, words.last, node, text.size() + 1);
}

inline bool is_same_text(std::string_view one, std::string_view other) noexcept {
  if (one.size() != other.size()) return false;
  if (one.size() > kShortText) return std::memcmp(one.data(), other.data(), one.size()) == 0;
  const ShortWords a(one);
  const ShortWords b(other);
  return a.first == b.first && a.last == b.last;
}

}  // namespace h5flume::shared
