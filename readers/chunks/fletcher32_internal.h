#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace h5flume::chunks {

/// Fletcher's checksum as HDF5 defines it (H5_checksum_fletcher32): of big-endian 16-bit words, an
/// odd last byte being the upper half of one, with sums that start at 0.
std::uint32_t fletcher32(std::span<const std::byte> bytes) noexcept;

}  // namespace h5flume::chunks
