#pragma once

#include <string>
#include <string_view>

namespace h5flume {

/// A Python string literal in single quotes. Bytes of UTF-8 above ASCII stand as they are.
std::string python_literal(std::string_view text);

}  // namespace h5flume
