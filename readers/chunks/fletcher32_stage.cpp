#include <algorithm>
#include <bit>
#include <cstring>

#include "readers/chunks/byte_order_internal.h"
#include "readers/chunks/fletcher32_internal.h"
#include "readers/chunks/stage_internal.h"

namespace h5flume::chunks {
namespace {

// Vectors as the compiler provides them for every processor.
constexpr std::size_t kLanes = 16;
using Words = std::uint16_t __attribute__((vector_size(kLanes * sizeof(std::uint16_t))));
using Lanes = std::uint32_t __attribute__((vector_size(kLanes * sizeof(std::uint32_t))));

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
  // Words are added in the machine's byte order: swapping the bytes of every word is multiplying it
  // by 256 modulo 65535, so that swapping those of the sums at the end does the same.
  //
  // The second sum adds every word as often as there are words from it on. For the word in row r
  // and lane l of a block, whose rows are words side by side, that is kLanes * (rows - r) - l
  // times.
  constexpr std::size_t kMostRows = 256;  // a lane's second sum stays below 2^32 up to 360
  std::uint64_t sum1 = 0;
  std::uint64_t sum2 = 0;
  const std::byte* at = bytes.data();
  std::size_t words = bytes.size() / 2;

  while (words >= kLanes) {
    const std::size_t rows = std::min(words / kLanes, kMostRows);
    Lanes lanes1 = {};
    Lanes lanes2 = {};
    for (std::size_t row = 0; row < rows; ++row, at += sizeof(Words)) {
      Words values;
      std::memcpy(&values, at, sizeof values);
      lanes1 += __builtin_convertvector(values, Lanes);
      lanes2 += lanes1;
    }
    sum2 += rows * kLanes * sum1;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sum1 += lanes1[lane];
      sum2 += std::uint64_t{kLanes} * lanes2[lane] - std::uint64_t{lane} * lanes1[lane];
    }
    sum1 = fold(sum1);
    sum2 = fold(sum2);
    words -= rows * kLanes;
  }
  for (; words > 0; --words, at += 2) {
    std::uint16_t value = 0;
    std::memcpy(&value, at, sizeof value);
    sum1 += value;
    sum2 += sum1;
  }
  if (bytes.size() % 2 != 0) {
    const std::byte last[2] = {*at, std::byte{0}};
    std::uint16_t value = 0;
    std::memcpy(&value, last, sizeof value);
    sum1 += value;
    sum2 += sum1;
  }

  const auto sums = static_cast<std::uint32_t>(fold(sum2) << 16 | fold(sum1));
  return std::endian::native == std::endian::little ? swap_bytes_in_halves(sums) : sums;
}

std::unique_ptr<Stage> make_fletcher32_stage() { return std::make_unique<Fletcher32Stage>(); }

}  // namespace h5flume::chunks
