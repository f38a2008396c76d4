#pragma once

#include <cstddef>
#include <span>

namespace h5flume::chunks {

/// Reverses the bytes of each unit of `unit_bytes`, which is 0 (nothing to do), or divides the
/// size of `bytes`.
void swap_bytes(std::span<std::byte> bytes, std::size_t unit_bytes) noexcept;

}  // namespace h5flume::chunks
