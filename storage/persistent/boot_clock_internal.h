#pragma once

#include <cstdint>
#include <string>

namespace h5flume::persistent {

/// Microseconds since the machine was started, those that it slept included: CLOCK_BOOTTIME, the
/// one clock that all processes share and nobody sets.
std::int64_t boot_time_us() noexcept;

/// The name of this start of the machine, /proc/sys/kernel/random/boot_id. Times of boot_time_us()
/// mean nothing under another. Throws as throw_system_error() does.
std::string boot_id();

}  // namespace h5flume::persistent
