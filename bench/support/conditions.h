#pragma once

#include <string>
#include <vector>

namespace h5flume::bench {

/// What a figure depends on besides the code: printed with every measurement.
struct Conditions {
  std::string cpu;
  unsigned cores = 0;  ///< that this process may use
  std::string load;    ///< average over 1, 5 and 15 minutes, at the time of the call
};

Conditions conditions_now();

/// Of repeated measurements.
struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};

/// Zeros for no samples.
Spread spread_of(std::vector<double> samples);

}  // namespace h5flume::bench
