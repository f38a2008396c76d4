#pragma once

#include <string>

#include "readers/stream/published_streams.h"
#include "storage/shared/shared_dict.h"

// How published statistics lie in a shared dict: written by StatisticsPublisher, read by
// published_programs().
//
//   {"format": 1, "pid": 4711, "program": "train", "updated": 1764276000.25,
//    "streams": {"1": {"file": "run7.h5", ..., "workers": {"0": {"pid": 4712, ...}}}}}
namespace h5flume {

inline constexpr std::int64_t kStatisticsFormat = 1;

// The names of such dicts: this, the process id, a dot, and something random.
inline constexpr auto kStatisticsPrefix = "h5flume-streams.";

// Writes all of a stream into its dict.
void write_stream(SharedDict& dict, const PublishedStream& stream);

// The inverse. Throws nlohmann's exceptions for what write_stream() has not written.
PublishedStream read_stream(const Json& dict);

double to_unix_seconds(std::chrono::system_clock::time_point moment);
std::chrono::system_clock::time_point from_unix_seconds(double seconds);

}  // namespace h5flume
