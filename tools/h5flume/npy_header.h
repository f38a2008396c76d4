#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/element_type.h"

namespace h5flume::cli {

/// What a .npy file holds: elements of `shape`, C order.
/// Format: numpy.lib.format, version 1.0; 2.0 where the header is longer than 65535 bytes, 3.0
/// where field names are not ASCII.
struct NpyArray {
  ElementType type;  ///< no array: its dimensions are axes of the shape
  std::vector<std::uint64_t> shape;

  bool operator==(const NpyArray&) const = default;
};

/// How elements of `type` lie in a .npy file.
NpyArray npy_array(const ElementType& type, const std::vector<std::uint64_t>& shape);

/// The header; as long for any number of places on the first axis, up to `most_rows`.
std::string npy_header(const NpyArray& array, std::uint64_t most_rows);

/// The inverse, for the beginning of a file, whose elements begin after `header_bytes`.
///
/// Throws kCorruptData for what is no such header, kUnsupported for Fortran order, big-endian
/// numbers and Python objects; a cause only.
NpyArray parse_npy_header(std::span<const std::byte> file, std::size_t& header_bytes);

}  // namespace h5flume::cli
