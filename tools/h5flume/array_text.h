#pragma once

#include <string>

#include "readers/random/request.h"

namespace h5flume::cli {

/// What a request comes to, as numpy prints it: an element by itself, or rows in nested brackets.
///
///   [[  0   1   2 ...  61  62  63]
///    [ 64  65  66 ... 125 126 127]]
///
/// Of a result of more than a thousand elements, or of much memory, only the first and last three
/// of each axis are shown, and only those are read. Throws as Request::read() does.
std::string array_text(const Request& wanted);

}  // namespace h5flume::cli
