#include "core/usable_cores.h"

#include <sched.h>

#include <algorithm>
#include <thread>

namespace h5flume {

unsigned usable_cores() {
  cpu_set_t cores;
  if (::sched_getaffinity(0, sizeof cores, &cores) == 0) {
    return static_cast<unsigned>(CPU_COUNT(&cores));
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace h5flume
