#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "tests/storage/mapped/forged.h"

// What an input of a fuzzer does to one of several valid containers. Its first byte says:
//
//   bits 0-2   which of them is changed; 7: the rest of the input is the container itself, and
//              bits 5-7 say which of them it is read like
//   bit 3      length and checksums are made right afterwards, so that what lies behind them is met
//   bit 4      two bytes follow: where it is cut
//
// The rest are changes of four bytes each: where (two bytes), how, with what.
namespace h5flume::fuzz {

constexpr std::uint8_t kRaw = 7;
constexpr std::uint8_t kForged = 8;
constexpr std::uint8_t kCut = 16;

// Overwrites as much of a number as there is room for.
inline void put(std::vector<std::byte>& bytes, std::size_t at, std::uint64_t number) {
  std::memcpy(bytes.data() + at, &number, std::min<std::size_t>(sizeof number, bytes.size() - at));
}

// Changes one place, the way that offsets, lengths and texts go wrong.
inline void change(std::vector<std::byte>& bytes, std::span<const std::uint8_t> how) {
  constexpr std::array<std::uint64_t, 10> kNumbers = {
      0,          1,         7,       UINT64_MAX,    UINT64_MAX - 1,
      UINT32_MAX, INT64_MAX, 1 << 16, (1 << 16) + 1, std::uint64_t{1} << 63};
  if (bytes.empty()) return;
  const std::size_t at = (how[0] + 256U * how[1]) % bytes.size();
  switch (how[2] % 6) {
    case 0:
      bytes[at] = std::byte{how[3]};
      break;
    case 1:
      bytes[at] ^= std::byte{1} << (how[3] % 8);
      break;
    case 2:
      put(bytes, at / 8 * 8, how[3]);
      break;
    case 3:
      put(bytes, at / 8 * 8, ~std::uint64_t{0} >> how[3] % 64);
      break;
    case 4:
      put(bytes, at, kNumbers[how[3] % kNumbers.size()]);
      break;
    case 5:
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), how[3] % 9, std::byte{how[2]});
      break;
  }
}

struct Damaged {
  std::size_t model = 0;  // which one it was made of, or is read like
  std::vector<std::byte> bytes;
};

inline Damaged damage(std::span<const std::uint8_t> input,
                      std::span<const std::vector<std::byte>> models) {
  const std::uint8_t choice = input[0];
  auto rest = input.subspan(1);
  Damaged damaged{.model = (choice & 7U) % models.size()};
  if ((choice & 7U) == kRaw) {
    const auto raw = std::as_bytes(rest);
    damaged.model = (choice >> 5U) % models.size();
    damaged.bytes.assign(raw.begin(), raw.end());
  } else {
    damaged.bytes = models[damaged.model];
    if ((choice & kCut) != 0 && rest.size() >= 2) {
      damaged.bytes.resize((rest[0] + 256U * rest[1]) % (damaged.bytes.size() + 9));
      rest = rest.subspan(2);
    }
    for (; rest.size() >= 4; rest = rest.subspan(4)) change(damaged.bytes, rest);
  }
  if ((choice & kForged) != 0) test::make_believable(damaged.bytes);
  return damaged;
}

// An input of a few changes to one of `model_count` models; most are forged, since what has wrong
// checksums is not looked at any further.
inline std::vector<std::uint8_t> some_changes(std::mt19937_64& random, std::size_t model_count) {
  std::vector<std::uint8_t> input(1 + random() % 24);
  for (auto& byte : input) byte = static_cast<std::uint8_t>(random());
  if (random() % 4 != 0) input[0] = static_cast<std::uint8_t>(kForged + random() % model_count);
  return input;
}

}  // namespace h5flume::fuzz
