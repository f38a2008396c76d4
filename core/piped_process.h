#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/process.h"

namespace h5flume {

/// What a program is given to read, what is kept of what it writes, and when that ends.
struct PipedOptions {
  /// Standard input: one after the other, then its end. A program need not read it.
  std::vector<std::span<const std::byte>> input;

  std::size_t kept_output_bytes = SIZE_MAX;              ///< from the beginning of standard output
  std::uint64_t most_output_bytes = UINT64_MAX;          ///< kills the program that writes more
  std::size_t kept_error_bytes = std::size_t{4} << 10U;  ///< from the end of standard error

  std::optional<std::chrono::milliseconds> timeout;  ///< kills the program that takes longer
  int stop_descriptor = -1;  ///< kills the program once this can be read, an eventfd for one
};

/// How a program ended that was run with pipes.
struct PipedResult {
  /// Who ended it.
  enum class End { kItself, kTimeout, kTooMuchOutput, kStopped };

  End end = End::kItself;
  ExitStatus status;
  std::vector<std::byte> output;   ///< what is kept of it
  std::uint64_t output_bytes = 0;  ///< all that was written
  std::string error;               ///< what is kept of it
};

/// Runs a program to its end, served by pipes in all three directions at once, so that neither side
/// can wait for the other for ever. Program::input, output, error and leads_group are set here.
///
/// The program has ended when its own process has: what it leaves behind in its process group is
/// killed. A program that does not read its input is no error, and raises no SIGPIPE.
///
/// Threads: any number at once. Throws as ChildProcess::spawn() does, kResourceLimit, kIo.
PipedResult run_with_pipes(Program program, const PipedOptions& options);

}  // namespace h5flume
