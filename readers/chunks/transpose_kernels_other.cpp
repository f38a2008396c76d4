#include "readers/chunks/transpose_kernels_internal.h"

#if !defined(__x86_64__)

#if defined(__aarch64__)
#include <arm_neon.h>

#include <cstdint>
#endif

namespace h5flume::chunks {

#if defined(__aarch64__)
namespace {

const std::uint8_t* plane(const std::byte* in, std::size_t count, std::size_t k, std::size_t i) {
  return reinterpret_cast<const std::uint8_t*>(in + k * count + i);
}

// The processor's own interleaving stores do the transposition.
std::size_t unshuffle2_neon(const std::byte* in, std::size_t count, std::byte* out) noexcept {
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const uint8x16x2_t planes = {
        {vld1q_u8(plane(in, count, 0, i)), vld1q_u8(plane(in, count, 1, i))}};
    vst2q_u8(reinterpret_cast<std::uint8_t*>(out + 2 * i), planes);
  }
  return i;
}

std::size_t unshuffle4_neon(const std::byte* in, std::size_t count, std::byte* out) noexcept {
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const uint8x16x4_t planes = {
        {vld1q_u8(plane(in, count, 0, i)), vld1q_u8(plane(in, count, 1, i)),
         vld1q_u8(plane(in, count, 2, i)), vld1q_u8(plane(in, count, 3, i))}};
    vst4q_u8(reinterpret_cast<std::uint8_t*>(out + 4 * i), planes);
  }
  return i;
}

// Pairs of planes make 16-bit numbers, which are interleaved by fours.
std::size_t unshuffle8_neon(const std::byte* in, std::size_t count, std::byte* out) noexcept {
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    uint16x8x4_t low, high;
    for (std::size_t k = 0; k < 4; ++k) {
      const uint8x16x2_t pair =
          vzipq_u8(vld1q_u8(plane(in, count, 2 * k, i)), vld1q_u8(plane(in, count, 2 * k + 1, i)));
      low.val[k] = vreinterpretq_u16_u8(pair.val[0]);
      high.val[k] = vreinterpretq_u16_u8(pair.val[1]);
    }
    vst4q_u16(reinterpret_cast<std::uint16_t*>(out + 8 * i), low);
    vst4q_u16(reinterpret_cast<std::uint16_t*>(out + 8 * i + 64), high);
  }
  return i;
}

// Swaps the bits that `mask` names with those `kShift` places above them.
template <int kShift>
uint64x2_t swap_bits(uint64x2_t x, std::uint64_t mask) {
  const uint64x2_t t = vandq_u64(veorq_u64(x, vshrq_n_u64(x, kShift)), vdupq_n_u64(mask));
  return veorq_u64(x, veorq_u64(t, vshlq_n_u64(t, kShift)));
}

// Three rounds of interleaving the rows' halves bring the 8 bytes of a column together; then each
// 8x8 bits are transposed: bits, pairs, fours. See transpose_kernels_x86.cpp.
std::size_t transpose_bit_rows_neon(const std::byte* in, std::size_t row_bytes,
                                    std::byte* out) noexcept {
  std::size_t i = 0;
  for (; i + 16 <= row_bytes; i += 16) {
    uint8x16_t rows[8];
    for (std::size_t k = 0; k < 8; ++k) rows[k] = vld1q_u8(plane(in, row_bytes, k, i));
    for (int round = 0; round < 3; ++round) {
      uint8x16_t mixed[8];
      for (std::size_t k = 0; k < 4; ++k) {
        const uint8x16x2_t pair = vzipq_u8(rows[k], rows[k + 4]);
        mixed[2 * k] = pair.val[0];
        mixed[2 * k + 1] = pair.val[1];
      }
      for (std::size_t k = 0; k < 8; ++k) rows[k] = mixed[k];
    }
    for (std::size_t k = 0; k < 8; ++k) {
      uint64x2_t x = vreinterpretq_u64_u8(rows[k]);
      x = swap_bits<7>(x, 0x00AA00AA00AA00AA);
      x = swap_bits<14>(x, 0x0000CCCC0000CCCC);
      x = swap_bits<28>(x, 0x00000000F0F0F0F0);
      vst1q_u8(reinterpret_cast<std::uint8_t*>(out + 8 * i + 16 * k), vreinterpretq_u8_u64(x));
    }
  }
  return i;
}

}  // namespace

UnshuffleKernel find_unshuffle_kernel(InstructionSet set, std::size_t element_bytes) noexcept {
  if (set != InstructionSet::kNeon) return nullptr;
  switch (element_bytes) {
    case 2:
      return unshuffle2_neon;
    case 4:
      return unshuffle4_neon;
    case 8:
      return unshuffle8_neon;
    default:
      return nullptr;
  }
}

BitRowsKernel find_bit_rows_kernel(InstructionSet set) noexcept {
  return set == InstructionSet::kNeon ? transpose_bit_rows_neon : nullptr;
}

#else

UnshuffleKernel find_unshuffle_kernel(InstructionSet, std::size_t) noexcept { return nullptr; }

BitRowsKernel find_bit_rows_kernel(InstructionSet) noexcept { return nullptr; }

#endif

}  // namespace h5flume::chunks

#endif  // !__x86_64__
