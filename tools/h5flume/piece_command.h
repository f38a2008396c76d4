#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/file_descriptor.h"
#include "core/piped_process.h"
#include "readers/jobs/chunk_job.h"

namespace h5flume::cli {

/// How the elements of a piece are written to a command, and read from it.
enum class PieceFormat { kNpy, kRaw };

struct PieceCommandOptions {
  std::vector<std::string> command;  ///< the program, as a shell would find it, and its arguments
  PieceFormat format = PieceFormat::kNpy;
  bool makes_rows = false;  ///< standard output is rows for the output dataset, in the same format
  std::optional<std::chrono::milliseconds> timeout;
};

/// Throws kNotFound unless there is such a program, as execvp() would find it. Asked before
/// anything begins, so that a slip is said once and not for each piece.
void require_program(const std::string& name);

/// A command that is run for each piece of a job: it reads the elements from its standard input,
/// knows from its environment which they are, and says by its exit status whether it has done what
/// it should. No command outlives this process; see tools/launcher.
///
/// Threads: all members may be called by any at once.
class PieceCommand {
 public:
  /// Throws kNotFound if the launcher is not there.
  PieceCommand(PieceCommandOptions options, hdf5::DatasetInfo dataset, std::uint64_t piece_count);

  /// Runs it. Throws kWorkerFailed with its exit status and the end of its standard error,
  /// kTimeout, kCancelled after stop(), kCorruptData for an output that is no rows.
  JobResult run(const JobPiece& piece, const Array& rows) const;

  /// Kills those that run and, as soon as they begin, all others.
  void stop() noexcept;

 private:
  Program program(const JobPiece& piece, const Array& rows) const;
  JobResult result_of(PipedResult ended, const JobPiece& piece) const;
  JobRows rows_of(std::vector<std::byte> output, const JobPiece& piece) const;

  PieceCommandOptions options_;
  hdf5::DatasetInfo dataset_;
  std::uint64_t piece_count_;
  Program launcher_;
  FileDescriptor stopped_;  // an eventfd
};

}  // namespace h5flume::cli
