#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "readers/hdf5/dataset_info.h"

// The other direction of the chunk filters: the libraries' own encoders where there are some,
// otherwise the format's definition written down as plainly as possible.

namespace h5flume::test {

using Bytes = std::vector<std::byte>;

/// Values that compress, but not to nothing.
Bytes sample_bytes(std::size_t count, std::mt19937_64& random);
Bytes random_bytes(std::size_t count, std::mt19937_64& random);

hdf5::Filter deflate_filter(std::uint32_t level = 4);
hdf5::Filter shuffle_filter(std::uint32_t element_bytes);
hdf5::Filter fletcher32_filter();
hdf5::Filter szip_filter(std::uint32_t bits_per_pixel, std::uint32_t pixels_per_block = 8,
                         std::uint32_t pixels_per_scanline = 64, bool nearest_neighbour = true);
hdf5::Filter lzf_filter(std::uint32_t chunk_bytes = 0);
hdf5::Filter blosc_filter(std::uint32_t element_bytes, std::uint32_t shuffle = 1);
hdf5::Filter lz4_filter(std::uint32_t block_bytes = 0);
enum class BitshuffleWith : std::uint32_t { kNothing = 0, kLz4 = 2, kZstd = 3 };
hdf5::Filter bitshuffle_filter(std::uint32_t element_bytes, BitshuffleWith with,
                               std::uint32_t block_elements = 0);
hdf5::Filter zstd_filter();

/// What one filter makes of a chunk.
Bytes encode(const hdf5::Filter& filter, const Bytes& data);

/// What a pipeline makes of it. Bit i of `filter_mask`: filter i is skipped.
Bytes encode(const std::vector<hdf5::Filter>& filters, Bytes data, std::uint32_t filter_mask = 0);

Bytes shuffled(const Bytes& data, std::size_t element_bytes);

/// One block of bitshuffle's transposition; a multiple of 8 elements.
Bytes bitshuffled_block(const Bytes& data, std::size_t element_bytes);

}  // namespace h5flume::test
