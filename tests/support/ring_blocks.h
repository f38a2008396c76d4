#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "core/block_ring.h"

// Blocks whose bytes tell which ticket they belong to.
namespace h5flume::test {

inline std::uint64_t mix(std::uint64_t ticket, std::size_t index) {
  std::uint64_t x = ticket * 0x9e3779b97f4a7c15u + index;
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9u;
  return x ^ (x >> 32);
}

inline void write_words(std::span<std::byte> bytes, std::uint64_t ticket, std::size_t from,
                        std::size_t to) {
  for (std::size_t i = from; i < to; ++i) {
    const std::uint64_t word = mix(ticket, i);
    std::memcpy(bytes.data() + i * sizeof word, &word, sizeof word);
  }
}

inline void fill_block(std::span<std::byte> bytes, std::uint64_t ticket) {
  write_words(bytes, ticket, 0, bytes.size() / sizeof(std::uint64_t));
}

inline bool holds_block(std::span<const std::byte> bytes, std::uint64_t ticket) {
  for (std::size_t i = 0; i < bytes.size() / sizeof(std::uint64_t); ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i * sizeof word, sizeof word);
    if (word != mix(ticket, i)) return false;
  }
  return true;
}

// Fills and commits the block of a claimed slot, as one that took `work` to make.
inline void commit_block(WriteReservation slot, std::chrono::nanoseconds work = {}) {
  fill_block(slot.bytes(), slot.ticket());
  const std::size_t size = slot.bytes().size();
  std::move(slot).commit(size, work);
}

}  // namespace h5flume::test
