#include <algorithm>

#include "readers/chunks/byte_order_internal.h"
#include "readers/chunks/fletcher32_internal.h"
#include "readers/chunks/stage_internal.h"

namespace h5flume::chunks {
namespace {

// Modulo 65535 with 0 kept apart from 65535, as folding the upper half into the lower does it.
std::uint64_t fold(std::uint64_t sum) noexcept {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

std::uint32_t swap_bytes_in_halves(std::uint32_t value) noexcept {
  return (value & 0x00ff00ff) << 8 | (value >> 8 & 0x00ff00ff);
}

class Fletcher32Stage final : public Stage {
 public:
  std::optional<std::size_t> input_bytes(std::size_t output_bytes) const override {
    return output_bytes + kChecksumBytes;
  }

  std::span<const std::byte> decode(std::span<const std::byte> in, StageOutput&) override {
    if (in.size() < kChecksumBytes) corrupt("fletcher32: the data ends before the checksum");
    const auto data = in.first(in.size() - kChecksumBytes);
    const std::uint32_t stored = load_le32(in.data() + data.size());
    const std::uint32_t sum = fletcher32(data);
    // HDF5 before 1.6.3 wrote the second form on little-endian machines.
    if (stored != sum && stored != swap_bytes_in_halves(sum)) {
      corrupt("fails its Fletcher-32 checksum");
    }
    return data;
  }

 private:
  static constexpr std::size_t kChecksumBytes = 4;
};

}  // namespace

std::uint32_t fletcher32(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t kLane = 4;  // words added side by side
  // The second sum adds each word as often as there are words from it on. Within a block of n words
  // it stays below 65535 * n * n: far from 64 bits, so that folding is rare.
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  std::uint64_t sum1 = 0;
  std::uint64_t sum2 = 0;
  const std::byte* at = bytes.data();
  const auto word = [&](std::size_t index) {
    return std::to_integer<std::uint64_t>(at[2 * index]) << 8 |
           std::to_integer<std::uint64_t>(at[2 * index + 1]);
  };

  std::size_t words = bytes.size() / 2;
  while (words > 0) {
    const std::size_t block = std::min(words, kBlock);
    std::size_t i = 0;
    for (; i + kLane <= block; i += kLane) {
      const std::uint64_t w0 = word(i), w1 = word(i + 1), w2 = word(i + 2), w3 = word(i + 3);
      sum2 += 4 * sum1 + 4 * w0 + 3 * w1 + 2 * w2 + w3;
      sum1 += w0 + w1 + w2 + w3;
    }
    for (; i < block; ++i) {
      sum1 += word(i);
      sum2 += sum1;
    }
    sum1 = fold(sum1);
    sum2 = fold(sum2);
    at += 2 * block;
    words -= block;
  }
  if (bytes.size() % 2 != 0) {
    sum1 = fold(sum1 + (std::to_integer<std::uint64_t>(*at) << 8));
    sum2 = fold(sum2 + sum1);
  }
  return static_cast<std::uint32_t>(sum2 << 16 | sum1);
}

std::unique_ptr<Stage> make_fletcher32_stage() { return std::make_unique<Fletcher32Stage>(); }

}  // namespace h5flume::chunks
