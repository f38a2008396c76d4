#pragma once

namespace h5flume {

/// How many cores this process may use, by its affinity; at least 1.
unsigned usable_cores();

}  // namespace h5flume
