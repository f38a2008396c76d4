#pragma once

#include <string>

namespace h5flume {

/// Throws kNotFound or kIo, "open FILE: reason", unless `file` can be opened for reading now and is
/// no folder.
void require_readable_file(const std::string& file);

}  // namespace h5flume
