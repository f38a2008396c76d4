#include "readers/chunks/transpose_kernels_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>

// Interleaving the first half of a sequence with its second half moves the highest bit of every
// index to its lowest place. After log2(kRows) such rounds the bits that numbered the row are the
// lowest ones: byte i of row k has gone to place i * kRows + k, which is the transposition wanted.
//
// AVX2 interleaves each half of a register for itself, so that one register works on two
// independent runs of 16 columns; they are put behind one another when they are stored.

#define H5FLUME_AVX2 __attribute__((target("avx2")))
#define H5FLUME_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline

namespace h5flume::chunks {
namespace {

template <std::size_t kRows>
inline void interleave(__m128i (&rows)[kRows]) noexcept {
  for (std::size_t round = 1; round < kRows; round *= 2) {
    __m128i mixed[kRows];
    for (std::size_t k = 0; k < kRows / 2; ++k) {
      mixed[2 * k] = _mm_unpacklo_epi8(rows[k], rows[k + kRows / 2]);
      mixed[2 * k + 1] = _mm_unpackhi_epi8(rows[k], rows[k + kRows / 2]);
    }
    for (std::size_t k = 0; k < kRows; ++k) rows[k] = mixed[k];
  }
}

template <std::size_t kRows>
H5FLUME_AVX2_INLINE void interleave(__m256i (&rows)[kRows]) noexcept {
  for (std::size_t round = 1; round < kRows; round *= 2) {
    __m256i mixed[kRows];
    for (std::size_t k = 0; k < kRows / 2; ++k) {
      mixed[2 * k] = _mm256_unpacklo_epi8(rows[k], rows[k + kRows / 2]);
      mixed[2 * k + 1] = _mm256_unpackhi_epi8(rows[k], rows[k + kRows / 2]);
    }
    for (std::size_t k = 0; k < kRows; ++k) rows[k] = mixed[k];
  }
}

template <std::size_t kRows>
H5FLUME_AVX2_INLINE void store_interleaved(const __m256i (&rows)[kRows], std::byte* out) noexcept {
  for (std::size_t k = 0; k < kRows; k += 2) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 16 * k),
                        _mm256_permute2x128_si256(rows[k], rows[k + 1], 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 16 * (kRows + k)),
                        _mm256_permute2x128_si256(rows[k], rows[k + 1], 0x31));
  }
}

template <std::size_t kRows>
std::size_t unshuffle_sse2(const std::byte* in, std::size_t count, std::byte* out) noexcept {
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    __m128i rows[kRows];
    for (std::size_t k = 0; k < kRows; ++k) {
      rows[k] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + k * count + i));
    }
    interleave(rows);
    for (std::size_t k = 0; k < kRows; ++k) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * kRows + 16 * k), rows[k]);
    }
  }
  return i;
}

template <std::size_t kRows>
H5FLUME_AVX2 std::size_t unshuffle_avx2(const std::byte* in, std::size_t count,
                                        std::byte* out) noexcept {
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m256i rows[kRows];
    for (std::size_t k = 0; k < kRows; ++k) {
      rows[k] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + k * count + i));
    }
    interleave(rows);
    store_interleaved(rows, out + i * kRows);
  }
  return i;
}

// Transposes 8x8 bits in each 64-bit number: swaps bits, then pairs, then fours across the
// diagonal.
H5FLUME_AVX2_INLINE __m256i transpose_8x8(__m256i x) noexcept {
  __m256i t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, 7)),
                               _mm256_set1_epi64x(0x00AA00AA00AA00AA));
  x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64(t, 7)));
  t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, 14)),
                       _mm256_set1_epi64x(0x0000CCCC0000CCCC));
  x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64(t, 14)));
  t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, 28)),
                       _mm256_set1_epi64x(0x00000000F0F0F0F0));
  return _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64(t, 28)));
}

H5FLUME_AVX2 std::size_t transpose_bit_rows_avx2(const std::byte* in, std::size_t row_bytes,
                                                 std::byte* out) noexcept {
  std::size_t i = 0;
  for (; i + 32 <= row_bytes; i += 32) {
    __m256i rows[8];
    for (std::size_t k = 0; k < 8; ++k) {
      rows[k] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + k * row_bytes + i));
    }
    interleave(rows);
    for (__m256i& row : rows) row = transpose_8x8(row);
    store_interleaved(rows, out + 8 * i);
  }
  return i;
}

}  // namespace

UnshuffleKernel find_unshuffle_kernel(InstructionSet set, std::size_t element_bytes) noexcept {
  if (set == InstructionSet::kPlain) return nullptr;
  if (set == InstructionSet::kAvx512) return find_unshuffle_kernel_avx512(element_bytes);
  const bool avx2 = set == InstructionSet::kAvx2;
  switch (element_bytes) {
    case 2:
      return avx2 ? unshuffle_avx2<2> : unshuffle_sse2<2>;
    case 4:
      return avx2 ? unshuffle_avx2<4> : unshuffle_sse2<4>;
    case 8:
      return avx2 ? unshuffle_avx2<8> : unshuffle_sse2<8>;
    case 16:
      return avx2 ? unshuffle_avx2<16> : unshuffle_sse2<16>;
    default:
      return nullptr;
  }
}

BitRowsKernel find_bit_rows_kernel(InstructionSet set) noexcept {
  if (set == InstructionSet::kAvx512) return find_bit_rows_kernel_avx512();
  return set == InstructionSet::kAvx2 ? transpose_bit_rows_avx2 : nullptr;
}

}  // namespace h5flume::chunks

#endif  // __x86_64__
