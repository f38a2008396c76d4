#pragma once

#include <memory>
#include <string>

#include "storage/mapped/container.h"

namespace h5flume::mapped {

/// Maps the container at `path` so that its records can be written to by several processes at once.
/// Throws as Container::open() does; kUnsupported if it was not built to be writable.
std::shared_ptr<const Container> open_writable(const std::string& path,
                                               const MappedOpenOptions& options);

}  // namespace h5flume::mapped
