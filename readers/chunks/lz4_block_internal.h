#pragma once

#include <cstddef>
#include <span>

namespace h5flume::chunks {

/// Decodes one bare LZ4 block; false if it does not decode to exactly out.size() bytes.
bool decode_lz4_block(std::span<const std::byte> in, std::span<std::byte> out) noexcept;

}  // namespace h5flume::chunks
