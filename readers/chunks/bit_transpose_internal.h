#pragma once

#include <cstddef>

#include "readers/chunks/instruction_set_internal.h"

namespace h5flume::chunks {

/// Turns 8 rows of bits into bytes: `rows` holds 8 rows of row_bytes each, one after the other, and
/// bit k of the byte i that goes to `out` is bit i of row k (bit 0 being the lowest of a byte).
/// `out` has 8 * row_bytes bytes and does not overlap `rows`.
void transpose_bit_rows(const std::byte* rows, std::size_t row_bytes, std::byte* out,
                        InstructionSet set = best_instruction_set()) noexcept;

}  // namespace h5flume::chunks
