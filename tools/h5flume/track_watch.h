#pragma once

#include "storage/persistent/progress_tracker.h"
#include "tools/h5flume/command.h"

namespace h5flume::cli {

/// Shows how a tracker gets on until nothing is left to do, or until a signal comes: a progress bar
/// where standard error is a terminal, else nothing. Throws Interrupted after a signal.
void watch_tracker(const ProgressTracker& tracker, Context& context);

}  // namespace h5flume::cli
