#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <mutex>
#include <string>

#include "readers/jobs/chunk_job.h"
#include "readers/jobs/claim_keeper_internal.h"
#include "readers/jobs/job_record_internal.h"
#include "readers/jobs/output_writer_internal.h"

namespace h5flume::jobs {

/// What this process has done. Threads: all members may be called by any at once.
class LocalStatistics {
 public:
  JobStatistics get() const {
    const std::lock_guard lock(mutex_);
    return numbers_;
  }

  template <class Change>
  void change(const Change& change) {
    const std::lock_guard lock(mutex_);
    change(numbers_);
  }

 private:
  mutable std::mutex mutex_;
  JobStatistics numbers_;
};

/// All that a run works with; everything outlives it.
struct RunParts {
  const Dataset& dataset;
  ProgressTracker& tracker;
  const JobRecord& record;
  std::chrono::milliseconds lease;
  OutputWriter* output;  ///< null: results are values only
  ClaimKeeper& keeper;
  LocalStatistics& here;
  std::atomic<bool>& stopped;
  const ChunkJob::Function& function;
  std::function<void()> report;
};

/// One call of ChunkJob::run().
///
///   claim --> read --> function --> write --> complete
///               |         |           |          '- kConflict: the claim is lost, which is counted
///               '---------+-----------+- PieceFailed --> fail, or release if stopped
///
/// Whatever else goes wrong ends the run: a changed file, a full disk, the tracker.
///
/// A thread claims a piece when it is free to work on it, and none before: what is claimed ahead
/// would have been tried in vain when the process is killed.
class JobRun {
 public:
  explicit JobRun(RunParts parts) : parts_(std::move(parts)) {}

  /// Works until nothing is left, it is stopped, or something ends the run, which is thrown.
  void on_threads(unsigned count);

 private:
  void work();
  void attempt(const Claim& claim);
  Array read(const JobPiece& piece) const;
  JobResult call_function(const JobPiece& piece, const Array& rows) const;
  void write(const Claim& claim, const JobPiece& piece, const JobResult& result);
  void complete(const Claim& claim, const Json& value);
  void set_back(const Claim& claim, const std::string& why);
  bool nothing_left() const;
  void end_with(std::exception_ptr error);
  void report_now_and_then();

  RunParts parts_;
  std::mutex error_mutex_;
  std::exception_ptr error_;  // the first
  std::mutex report_mutex_;
  std::chrono::steady_clock::time_point next_report_;
};

}  // namespace h5flume::jobs
