#include "readers/jobs/chunk_job.h"

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "core/error.h"
#include "core/usable_cores.h"
#include "readers/jobs/claim_keeper_internal.h"
#include "readers/jobs/job_record_internal.h"
#include "readers/jobs/job_run_internal.h"
#include "readers/jobs/output_writer_internal.h"

namespace h5flume {
namespace {

using namespace std::chrono_literals;

void check_options(const ChunkJobOptions& options) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw Error(ErrorCode::kInvalidArgument, fmt::format("run a job: {}", what));
  };
  require(options.piece_rows.value_or(1) >= 1, "piece_rows is 0");
  require(options.threads.value_or(1) >= 1 && options.threads.value_or(1) <= 255,
          "threads is not from 1 to 255");
  require(options.lease >= 100ms, "lease is shorter than 100 ms");
  require(options.durability != Durability::kBatched, "durability is kBatched");
  require(!options.output || !options.output->file.empty(), "the output's file has no name");
  require(!options.output || !options.output->dataset.empty(), "the output's dataset has no name");
}

}  // namespace

struct ChunkJob::Impl {
  Impl(Dataset source, ProgressTracker& kept_in, ChunkJobOptions chosen)
      : dataset(std::move(source)), tracker(kept_in), options(std::move(chosen)) {
    check_options(options);
    record = jobs::take_up_job(tracker, dataset.info(), options);
    done_before = statistics().done;
    if (!options.output) return;
    output.emplace(*options.output, record.id, dataset.info().row_count(), options.durability);
    output->check(done_before > 0);
  }

  // What the tracker counts, its record of the job left out.
  JobStatistics statistics() const {
    const TrackerStatus status = tracker.status();
    JobStatistics numbers = here.get();
    numbers.pieces = record.count;
    numbers.done_before = done_before;
    numbers.done = status.done > 0 ? status.done - 1 : 0;
    numbers.exhausted = status.exhausted;
    numbers.aborted = status.aborted;
    return numbers;
  }

  Dataset dataset;
  ProgressTracker& tracker;
  ChunkJobOptions options;
  jobs::JobRecord record;
  std::optional<jobs::OutputWriter> output;
  std::uint64_t done_before = 0;
  jobs::LocalStatistics here;
  // Relaxed: a flag that is looked at between pieces, and guards nothing else.
  std::atomic<bool> stopped{false};
};

ChunkJob::ChunkJob(Dataset dataset, ProgressTracker& tracker, ChunkJobOptions options)
    : impl_(std::make_unique<Impl>(std::move(dataset), tracker, std::move(options))) {}
ChunkJob::ChunkJob(ChunkJob&&) noexcept = default;
ChunkJob& ChunkJob::operator=(ChunkJob&&) noexcept = default;
ChunkJob::~ChunkJob() = default;

JobStatistics ChunkJob::run(const Function& function) {
  auto& job = *impl_;
  const auto report = [&job] {
    if (job.options.on_progress) job.options.on_progress(job.statistics());
  };
  report();
  {
    jobs::ClaimKeeper keeper(job.tracker, job.options.lease);
    jobs::JobRun run({.dataset = job.dataset,
                      .tracker = job.tracker,
                      .record = job.record,
                      .lease = job.options.lease,
                      .output = job.output ? &*job.output : nullptr,
                      .keeper = keeper,
                      .here = job.here,
                      .stopped = job.stopped,
                      .function = function,
                      .report = report});
    run.on_threads(job.options.threads.value_or(usable_cores()));
  }
  report();
  return job.statistics();
}

void ChunkJob::stop() { impl_->stopped.store(true, std::memory_order_relaxed); }
bool ChunkJob::stopped() const noexcept { return impl_->stopped.load(std::memory_order_relaxed); }
JobStatistics ChunkJob::statistics() const { return impl_->statistics(); }
std::uint64_t ChunkJob::piece_rows() const noexcept { return impl_->record.pieces.block_rows; }
std::uint64_t ChunkJob::piece_count() const noexcept { return impl_->record.count; }

}  // namespace h5flume
