#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "readers/hdf5/dataset_info.h"
#include "readers/jobs/chunk_job.h"
#include "readers/stream/block_plan.h"

namespace h5flume::jobs {

/// Rows of a piece if nobody says how many: whole chunks that make about 8 MiB, at least one chunk.
std::uint64_t default_piece_rows(const hdf5::DatasetInfo& dataset);

/// The task that says what the job of a tracker is. It is done once all pieces have been added.
const Key& record_key();

/// The key of a piece.
Key piece_key(const hdf5::DatasetInfo& dataset, std::uint64_t first_row);

/// What a job is, as the tracker knows it.
struct JobRecord {
  std::string id;       ///< of this job and no other
  BlockPlan pieces;     ///< none if the dataset has no rows
  std::uint64_t count;  ///< of the pieces
};

/// Takes up the job that the tracker holds, or begins one and adds its pieces, a few thousand in
/// memory at a time. Several processes may do so at once. Throws as ChunkJob's constructor does.
JobRecord take_up_job(ProgressTracker& tracker, const hdf5::DatasetInfo& dataset,
                      const ChunkJobOptions& options);

}  // namespace h5flume::jobs
