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

#else

UnshuffleKernel find_unshuffle_kernel(InstructionSet, std::size_t) noexcept { return nullptr; }

#endif

BitRowsKernel find_bit_rows_kernel(InstructionSet) noexcept { return nullptr; }

}  // namespace h5flume::chunks

#endif  // !__x86_64__
