#pragma once

#include <cstddef>
#include <span>

#include "readers/chunks/instruction_set_internal.h"

namespace h5flume::chunks {

/// Undoes HDF5's shuffle filter: `in` holds first byte 0 of all elements, then byte 1 of all, and
/// so on; at its end, as they were, the bytes that make no whole element. `out` has in.size() bytes
/// and does not overlap `in`; element_bytes is not 0.
void unshuffle(std::span<const std::byte> in, std::size_t element_bytes, std::byte* out,
               InstructionSet set = best_instruction_set()) noexcept;

}  // namespace h5flume::chunks
