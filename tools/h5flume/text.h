#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "readers/hdf5/dataset_info.h"

namespace h5flume::cli {

/// "512 B", "31.5 MB", "1.20 GB": decimal units, three digits.
std::string format_bytes(double bytes);

/// "(1000, 64, 3)", "(1000,)" as Python prints it.
std::string format_shape(const std::vector<std::uint64_t>& shape);

/// "0:07", "12:30", "3:05:00".
std::string format_duration(double seconds);

/// `text` with control characters spelled out, so that a name inside a file cannot steer the
/// terminal that it is printed on.
std::string printable(std::string_view text);

/// `text` cut to `width` characters, the last three of them dots.
std::string shortened(std::string text, std::size_t width);

/// The same, with its end kept: "...ages.h5:/images".
std::string shortened_to_end(const std::string& text, std::size_t width);

/// "direct" or "hdf5": which way the values of a dataset are read.
std::string read_path(const hdf5::DatasetInfo& dataset);

/// Lines of aligned columns, two spaces between them. All rows have as many cells as the first.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace h5flume::cli
