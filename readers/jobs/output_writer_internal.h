#pragma once

#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include "readers/hdf5/output_dataset.h"
#include "readers/jobs/chunk_job.h"

namespace h5flume::jobs {

/// What is wrong with the rows of one piece: the piece has failed, and the job goes on.
struct UnfitRows : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The output dataset of a job, which does not exist before the first rows are there: they say of
/// what type and shape it is.
///
/// Threads: all members may be called by any at once.
class OutputWriter {
 public:
  /// `total_rows` is the number of rows of all pieces.
  OutputWriter(JobOutput output, std::string job_id, std::uint64_t total_rows,
               Durability durability)
      : output_(std::move(output)),
        job_id_(std::move(job_id)),
        total_rows_(total_rows),
        durability_(durability) {}

  /// Throws kInvalidArgument if something else is in its place, kNotFound if nothing is although
  /// `rows_are_done`.
  void check(bool rows_are_done);

  /// Writes the rows to their place. Throws UnfitRows, and as OutputDataset does.
  void write(const JobPiece& piece, const JobRows& rows);

 private:
  hdf5::OutputDataset& dataset_for(const JobRows& rows);
  void open();

  JobOutput output_;
  std::string job_id_;
  std::uint64_t total_rows_;
  Durability durability_;
  std::mutex mutex_;  // for making and opening it
  std::optional<hdf5::OutputDataset> dataset_;
};

}  // namespace h5flume::jobs
