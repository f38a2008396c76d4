#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/element_type.h"
#include "readers/random/array.h"
#include "readers/random/dataset.h"
#include "storage/persistent/durability.h"
#include "storage/persistent/json.h"
#include "storage/persistent/progress_tracker.h"

namespace h5flume {

/// Consecutive rows of a dataset, to be worked on as one task.
struct JobPiece {
  std::uint64_t number = 0;     ///< of all pieces, from 0
  std::uint64_t first_row = 0;  ///< of the dataset
  std::uint64_t row_count = 0;
  std::uint64_t tries = 1;  ///< this one included
};

/// Rows that a function has made of a piece, for the output dataset.
struct JobRows {
  ElementType type;                  ///< of a fixed size
  std::vector<std::uint64_t> shape;  ///< the first: as many rows as the piece has
  std::vector<std::byte> bytes;      ///< C order, native byte order

  /// Copies `values`, of which `row_shape` make a row; by default each is one.
  template <class T>
  requires std::is_arithmetic_v<T>
  static JobRows of(std::span<const T> values, const std::vector<std::uint64_t>& row_shape = {}) {
    std::uint64_t row_size = 1;
    for (const auto extent : row_shape) row_size *= extent;
    JobRows rows{element_type_of<T>(), {row_size == 0 ? 0 : values.size() / row_size}, {}};
    rows.shape.insert(rows.shape.end(), row_shape.begin(), row_shape.end());
    const auto bytes = std::as_bytes(values);
    rows.bytes.assign(bytes.begin(), bytes.end());
    return rows;
  }
};

/// What a function has made of a piece: a value that the tracker keeps, rows, or both.
struct JobResult {
  JobResult(Json tracked = nullptr) : value(std::move(tracked)) {}  // NOLINT: meant to convert
  JobResult(JobRows made, Json tracked = nullptr)                   // NOLINT
      : value(std::move(tracked)), rows(std::move(made)) {}

  Json value;
  std::optional<JobRows> rows;  ///< for ChunkJobOptions::output, and only then
};

/// Where the rows of a job go: a dataset of a file of its own, contiguous and not compressed.
struct JobOutput {
  std::string file;
  std::string dataset = "/result";
};

/// How far a job has come. One tracker may serve several processes.
struct JobStatistics {
  std::uint64_t pieces = 0;
  std::uint64_t done_before = 0;  ///< when this process began
  std::uint64_t done = 0;         ///< by whomever
  std::uint64_t exhausted = 0;    ///< have failed as often as they may
  std::uint64_t aborted = 0;

  // --- of this process alone ---

  std::uint64_t pieces_here = 0;  ///< that it has done
  std::uint64_t rows = 0;         ///< of these
  std::uint64_t bytes = 0;        ///< of these, decoded
  std::uint64_t failed_tries = 0;
  std::uint64_t lost_claims = 0;  ///< pieces that others took over because the lease had run out
};

/// How a ChunkJob works. Checked by its constructor, which names the offending option.
struct ChunkJobOptions {
  // --- what the job is; kept with the tracker ---

  /// Rows of a piece; 1 or more. Nothing: what the job was begun with; of a new one whole chunks,
  /// as many as make about 8 MiB, at least one.
  std::optional<std::uint64_t> piece_rows;

  /// Where the rows go that the function makes. Nothing: it makes none.
  std::optional<JobOutput> output;

  // --- behaviour ---

  /// What rows of a piece that is done survive. kPower only makes sense with a tracker of kPower;
  /// kBatched is not for jobs.
  Durability durability = Durability::kProcess;

  /// How long a claim lasts that is not renewed, as it is every third of that, however long a piece
  /// takes. After it others take over the pieces of a process that hangs as a whole or has lost its
  /// machine; dead ones are noticed sooner.
  std::chrono::milliseconds lease{60'000};

  // --- performance ---

  /// Pieces worked on at a time by this process, 1 to 255. By default one for each core that it may
  /// use.
  std::optional<unsigned> threads;

  /// Called as pieces end, not more often than every tenth of a second, by one of the threads at a
  /// time; and when run() begins and ends.
  std::function<void(const JobStatistics&)> on_progress;
};

/// Has a function called for each piece of a dataset, on the threads of any number of processes,
/// and keeps in a tracker which are done, so that whatever is killed can be begun again and goes
/// on.
///
///   h5flume::Reader reader("run7.h5");
///   h5flume::ProgressTracker tracker("run7.tracker", {.max_tries = 3});
///   h5flume::ChunkJob job(reader.dataset("/images"), tracker);
///   job.run([](const h5flume::JobPiece& piece, const h5flume::Array& rows) {
///     return h5flume::Json(sum_of(rows.view<std::uint8_t>()));
///   });
///
/// Every piece is recorded as done exactly once, with its result. It may be worked on more than
/// once: when its process dies, or takes longer than its lease without being able to renew it.
///
/// A function that throws has failed; it is tried again as often as the tracker's max_tries allows,
/// for ever if that is 0. What makes the whole job pointless ends run(): a file that has changed, a
/// full disk, a tracker that does not answer.
///
/// The tracker holds a task for each piece, its key (absolute path of the dataset, first row), its
/// value
/// {"first": row, "rows": count}, and one more, "job", which says what the job is.
///
/// Lifetime: the Reader of the dataset and the tracker have to outlive it. Threads: stop() and
/// statistics() may be called by any at once, run() by one.
class ChunkJob {
 public:
  /// Begins a job, adding its pieces to an empty tracker, or goes on with the one that the tracker
  /// holds.
  ///
  /// Throws kInvalidArgument (an option; a tracker that holds another job, or other tasks; an
  /// output that is there and is not this job's), kSourceChanged (the file is not what it was when
  /// the job began), kNotFound (the output is gone although pieces are done); what the tracker
  /// throws. The message says what differs.
  ChunkJob(Dataset dataset, ProgressTracker& tracker, ChunkJobOptions options = {});
  ChunkJob(ChunkJob&&) noexcept;
  ChunkJob& operator=(ChunkJob&&) noexcept;
  ~ChunkJob();

  /// The elements are those of the piece, as Dataset::read() gives them.
  using Function = std::function<JobResult(const JobPiece&, const Array&)>;

  /// Calls `function` for pieces until none is left to do, by anybody: for those that others work
  /// on it waits, because they may fail. Returns early after stop().
  JobStatistics run(const Function& function);

  /// Has run() return once the functions that are being called have returned. One that throws after
  /// this has not failed: its piece is as if it had not been claimed. For good.
  void stop();
  bool stopped() const noexcept;

  JobStatistics statistics() const;

  std::uint64_t piece_rows() const noexcept;
  std::uint64_t piece_count() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace h5flume
