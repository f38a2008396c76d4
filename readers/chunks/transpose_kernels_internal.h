#pragma once

#include <cstddef>

#include "readers/chunks/instruction_set_internal.h"

namespace h5flume::chunks {

/// Does the first elements of an unshuffle() of `count` elements and returns how many these are.
using UnshuffleKernel = std::size_t (*)(const std::byte* in, std::size_t count,
                                        std::byte* out) noexcept;

/// Does the first columns of a transpose_bit_rows() and returns how many bytes of each row these
/// are.
using BitRowsKernel = std::size_t (*)(const std::byte* rows, std::size_t row_bytes,
                                      std::byte* out) noexcept;

// Null where the instruction set has no kernel for that; defined for the processor that is built
// for.
UnshuffleKernel find_unshuffle_kernel(InstructionSet set, std::size_t element_bytes) noexcept;
BitRowsKernel find_bit_rows_kernel(InstructionSet set) noexcept;

// Those of kAvx512, for the two above.
UnshuffleKernel find_unshuffle_kernel_avx512(std::size_t element_bytes) noexcept;
BitRowsKernel find_bit_rows_kernel_avx512() noexcept;

}  // namespace h5flume::chunks
