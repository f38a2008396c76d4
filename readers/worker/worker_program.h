#pragma once

namespace h5flume {

/// The whole of the program `h5flume-worker`: serves the requests of the process that started it
/// (describe a file, fill the blocks of a ring) until that process closes the channel or dies.
///
/// Started only by this library, see WorkerClient; run by hand it says so and returns 2.
/// The protocol is described in docs/worker-protocol.md.
int worker_program(int argc, char** argv);

}  // namespace h5flume
