#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace h5flume {

/// Writes all of `bytes` at `offset` of an open file, however many calls that takes. Throws as
/// throw_system_error() does, with `operation` before the cause.
void write_fully(int descriptor, std::uint64_t offset, std::span<const std::byte> bytes,
                 const std::string& operation);

}  // namespace h5flume
