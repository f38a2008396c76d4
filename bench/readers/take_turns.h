#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/readers/random_ways.h"

namespace h5flume::bench {

/// What one way of serving requests came to: a sample of each turn that counts.
struct WayFigures {
  std::string name;
  std::vector<double> p50_us;
  std::vector<double> p99_us;  ///< of turns with a hundred requests or more
  std::vector<double> requests_per_s;
};

/// How the ways take turns.
struct TurnPlan {
  unsigned repetitions = 5;         ///< after one that does not count
  TurnLimits limits;                ///< of a turn that counts
  std::size_t compared = SIZE_MAX;  ///< requests of the turn that does not count, at most
};

/// Lets the ways take turns over the same requests. The values of the turn that does not count are
/// compared: throws Error{kCorruptData} if those of two ways differ. Throws what the ways throw.
std::vector<WayFigures> take_turns(const std::vector<Way>& ways, const Requests& requests,
                                   const TurnPlan& plan);

}  // namespace h5flume::bench
