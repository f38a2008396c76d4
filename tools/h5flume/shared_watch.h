#pragma once

#include "tools/h5flume/shared_arguments.h"

namespace h5flume::cli {

/// The run of `h5flume shared watch`: a line for each change, until the dict is unlinked. Throws
/// Interrupted after a signal.
void watch_shared(const SharedArguments& arguments, Context& context);

}  // namespace h5flume::cli
