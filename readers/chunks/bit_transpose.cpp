#include <cstdint>

#include "readers/chunks/bit_transpose_internal.h"
#include "readers/chunks/transpose_kernels_internal.h"

namespace h5flume::chunks {
namespace {

// Swaps bits, then pairs, then fours across the diagonal.
std::uint64_t transpose_8x8(std::uint64_t x) noexcept {
  std::uint64_t t = (x ^ (x >> 7)) & 0x00AA00AA00AA00AA;
  x ^= t ^ (t << 7);
  t = (x ^ (x >> 14)) & 0x0000CCCC0000CCCC;
  x ^= t ^ (t << 14);
  t = (x ^ (x >> 28)) & 0x00000000F0F0F0F0;
  return x ^ t ^ (t << 28);
}

}  // namespace

void transpose_bit_rows(const std::byte* rows, std::size_t row_bytes, std::byte* out,
                        InstructionSet set) noexcept {
  const BitRowsKernel kernel = find_bit_rows_kernel(set);
  for (std::size_t i = kernel != nullptr ? kernel(rows, row_bytes, out) : 0; i < row_bytes; ++i) {
    std::uint64_t bits = 0;
    for (std::size_t k = 0; k < 8; ++k) {
      bits |= std::to_integer<std::uint64_t>(rows[k * row_bytes + i]) << 8 * k;
    }
    bits = transpose_8x8(bits);
    for (std::size_t k = 0; k < 8; ++k) out[8 * i + k] = static_cast<std::byte>(bits >> 8 * k);
  }
}

}  // namespace h5flume::chunks
