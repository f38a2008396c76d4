#include "readers/chunks/transpose_kernels_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>

// As transpose_kernels_x86.cpp, with registers that work on four independent runs of 16 columns.

#define H5FLUME_AVX512 __attribute__((target("avx512f,avx512bw")))
#define H5FLUME_AVX512_INLINE __attribute__((target("avx512f,avx512bw"), always_inline)) inline

namespace h5flume::chunks {
namespace {

template <std::size_t kRows>
H5FLUME_AVX512_INLINE void interleave(__m512i (&rows)[kRows]) noexcept {
  for (std::size_t round = 1; round < kRows; round *= 2) {
    __m512i mixed[kRows];
    for (std::size_t k = 0; k < kRows / 2; ++k) {
      mixed[2 * k] = _mm512_unpacklo_epi8(rows[k], rows[k + kRows / 2]);
      mixed[2 * k + 1] = _mm512_unpackhi_epi8(rows[k], rows[k + kRows / 2]);
    }
    for (std::size_t k = 0; k < kRows; ++k) rows[k] = mixed[k];
  }
}

// Run r of the columns is quarter r of each row, in the order of the rows.
template <std::size_t kRows>
H5FLUME_AVX512_INLINE void store_interleaved(const __m512i (&rows)[kRows],
                                             std::byte* out) noexcept {
  if constexpr (kRows == 2) {
    const __m512i low = _mm512_shuffle_i32x4(rows[0], rows[1], 0x44);
    const __m512i high = _mm512_shuffle_i32x4(rows[0], rows[1], 0xEE);
    _mm512_storeu_si512(out, _mm512_shuffle_i32x4(low, low, 0xD8));
    _mm512_storeu_si512(out + 64, _mm512_shuffle_i32x4(high, high, 0xD8));
  } else {
    for (std::size_t k = 0; k < kRows; k += 4) {
      const __m512i low_a = _mm512_shuffle_i32x4(rows[k], rows[k + 1], 0x44);
      const __m512i high_a = _mm512_shuffle_i32x4(rows[k], rows[k + 1], 0xEE);
      const __m512i low_b = _mm512_shuffle_i32x4(rows[k + 2], rows[k + 3], 0x44);
      const __m512i high_b = _mm512_shuffle_i32x4(rows[k + 2], rows[k + 3], 0xEE);
      std::byte* const place = out + 16 * k;
      _mm512_storeu_si512(place, _mm512_shuffle_i32x4(low_a, low_b, 0x88));
      _mm512_storeu_si512(place + 16 * kRows, _mm512_shuffle_i32x4(low_a, low_b, 0xDD));
      _mm512_storeu_si512(place + 32 * kRows, _mm512_shuffle_i32x4(high_a, high_b, 0x88));
      _mm512_storeu_si512(place + 48 * kRows, _mm512_shuffle_i32x4(high_a, high_b, 0xDD));
    }
  }
}

template <std::size_t kRows>
H5FLUME_AVX512 std::size_t unshuffle_avx512(const std::byte* in, std::size_t count,
                                            std::byte* out) noexcept {
  std::size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    __m512i rows[kRows];
    for (std::size_t k = 0; k < kRows; ++k) rows[k] = _mm512_loadu_si512(in + k * count + i);
    interleave(rows);
    store_interleaved(rows, out + i * kRows);
  }
  return i;
}

// Transposes 8x8 bits in each 64-bit number.
H5FLUME_AVX512_INLINE __m512i transpose_8x8(__m512i x) noexcept {
  __m512i t = _mm512_and_si512(_mm512_xor_si512(x, _mm512_srli_epi64(x, 7)),
                               _mm512_set1_epi64(0x00AA00AA00AA00AA));
  x = _mm512_xor_si512(x, _mm512_xor_si512(t, _mm512_slli_epi64(t, 7)));
  t = _mm512_and_si512(_mm512_xor_si512(x, _mm512_srli_epi64(x, 14)),
                       _mm512_set1_epi64(0x0000CCCC0000CCCC));
  x = _mm512_xor_si512(x, _mm512_xor_si512(t, _mm512_slli_epi64(t, 14)));
  t = _mm512_and_si512(_mm512_xor_si512(x, _mm512_srli_epi64(x, 28)),
                       _mm512_set1_epi64(0x00000000F0F0F0F0));
  return _mm512_xor_si512(x, _mm512_xor_si512(t, _mm512_slli_epi64(t, 28)));
}

H5FLUME_AVX512 std::size_t transpose_bit_rows_avx512(const std::byte* in, std::size_t row_bytes,
                                                     std::byte* out) noexcept {
  std::size_t i = 0;
  for (; i + 64 <= row_bytes; i += 64) {
    __m512i rows[8];
    for (std::size_t k = 0; k < 8; ++k) rows[k] = _mm512_loadu_si512(in + k * row_bytes + i);
    interleave(rows);
    for (__m512i& row : rows) row = transpose_8x8(row);
    store_interleaved(rows, out + 8 * i);
  }
  return i;
}

}  // namespace

UnshuffleKernel find_unshuffle_kernel_avx512(std::size_t element_bytes) noexcept {
  switch (element_bytes) {
    case 2:
      return unshuffle_avx512<2>;
    case 4:
      return unshuffle_avx512<4>;
    case 8:
      return unshuffle_avx512<8>;
    case 16:
      return unshuffle_avx512<16>;
    default:
      return nullptr;
  }
}

BitRowsKernel find_bit_rows_kernel_avx512() noexcept { return transpose_bit_rows_avx512; }

}  // namespace h5flume::chunks

#endif  // __x86_64__
