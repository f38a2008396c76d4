#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace h5flume::chunks {

/// A box of elements inside an array in C order.
struct BoxPlace {
  std::span<const std::uint64_t> shape;  ///< of the array
  std::span<const std::uint64_t> start;  ///< of the box in the array
};

/// Copies a box of `extent` elements, of `element_bytes` each, from one array to another. All spans
/// have the same rank, of at least 1; the boxes lie inside their arrays.
void copy_box(const std::byte* from, const BoxPlace& source, std::byte* to, const BoxPlace& target,
              std::span<const std::uint64_t> extent, std::size_t element_bytes);

/// Fills a box of an array with copies of one element.
void fill_box(std::span<const std::byte> element, std::byte* to, const BoxPlace& target,
              std::span<const std::uint64_t> extent);

}  // namespace h5flume::chunks
