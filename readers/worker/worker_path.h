#pragma once

#include <string>

namespace h5flume {

/// Finds the worker program: `option` if it is not empty, else the environment variable
/// H5FLUME_WORKER, else `h5flume-worker` next to the library or the running program or in
/// ../libexec/h5flume or ../bin from there, else where h5flume was installed.
/// Throws kNotFound, naming the places that were looked at.
std::string find_worker(const std::string& option);

/// The same for `h5flume-launcher`, which runs the commands of jobs: the environment variable
/// H5FLUME_LAUNCHER, else as above.
std::string find_launcher();

}  // namespace h5flume
