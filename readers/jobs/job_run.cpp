#include <fmt/format.h>

#include <new>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "readers/jobs/job_run_internal.h"
#include "readers/jobs/utf8_text.h"

namespace h5flume::jobs {
namespace {

using namespace std::chrono_literals;

// The tracker knows nothing of stop(): whoever waits for a piece looks at it as often as this.
constexpr auto kLookAtStop = 100ms;
constexpr auto kBetweenReports = 100ms;

// What is wrong with one piece; the job goes on.
struct PieceFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

JobPiece piece_of(const Claim& claim, const JobRecord& record) {
  JobPiece piece;
  try {
    piece.first_row = claim.value.at("first").get<std::uint64_t>();
    piece.row_count = claim.value.at("rows").get<std::uint64_t>();
  } catch (const Json::exception&) {
    throw PieceFailed("the task is no piece of this job: " + claim.value.dump());
  }
  const std::uint64_t total_rows = record.pieces.rows.count;
  if (piece.first_row > total_rows || piece.row_count > total_rows - piece.first_row) {
    throw PieceFailed("the task is no piece of this job: " + claim.value.dump());
  }
  piece.number = piece.first_row / record.pieces.block_rows;
  piece.tries = claim.tries;
  return piece;
}

Selection rows_of(const JobPiece& piece) {
  const auto first = static_cast<std::int64_t>(piece.first_row);
  return rows(first, first + static_cast<std::int64_t>(piece.row_count));
}

}  // namespace

void JobRun::on_threads(unsigned count) {
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
  }
  if (error_) std::rethrow_exception(error_);
}

void JobRun::work() {
  try {
    const ClaimOptions wanted{.count = 1, .lease = parts_.lease};
    while (!parts_.stopped.load(std::memory_order_relaxed)) {
      const auto claims = parts_.tracker.wait_and_claim(wanted, kLookAtStop);
      for (const Claim& claim : claims) attempt(claim);
      if (claims.empty() && nothing_left()) return;
      report_now_and_then();
    }
  } catch (...) {
    end_with(std::current_exception());
  }
}

void JobRun::attempt(const Claim& claim) {
  const ClaimKeeper::Hold hold(parts_.keeper, claim);
  try {
    try {
      // Somebody has put the record of the job back among what is to be done.
      if (claim.key == record_key()) return parts_.tracker.complete(claim);
      const JobPiece piece = piece_of(claim, parts_.record);
      const Array rows = read(piece);
      const JobResult result = call_function(piece, rows);
      write(claim, piece, result);
      complete(claim, result.value);
      parts_.here.change([&](JobStatistics& numbers) {
        ++numbers.pieces_here;
        numbers.rows += piece.row_count;
        numbers.bytes += rows.bytes().size();
      });
    } catch (const PieceFailed& failure) {
      set_back(claim, failure.what());
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kConflict) {
      // The piece has not failed. If the tracker does not answer, its lease will end.
      try {
        parts_.tracker.release(claim);
      } catch (const Error&) {
      }
      throw;
    }
    parts_.here.change([](JobStatistics& numbers) { ++numbers.lost_claims; });
  }
}

Array JobRun::read(const JobPiece& piece) const {
  try {
    return parts_.dataset.read(rows_of(piece));
  } catch (const Error& error) {
    const bool ends_job =
        error.code() == ErrorCode::kSourceChanged || error.code() == ErrorCode::kCancelled;
    if (ends_job) throw;
    throw PieceFailed(error.what());
  } catch (const std::bad_alloc&) {
    throw PieceFailed("out of memory for the rows of the piece");
  }
}

JobResult JobRun::call_function(const JobPiece& piece, const Array& rows) const {
  try {
    return parts_.function(piece, rows);
  } catch (const std::exception& error) {
    throw PieceFailed(error.what());
  } catch (...) {
    throw PieceFailed("the function has thrown what is no std::exception");
  }
}

void JobRun::write(const Claim& claim, const JobPiece& piece, const JobResult& result) {
  if (parts_.output == nullptr) {
    if (!result.rows) return;
    throw PieceFailed("the function has made rows, and the job has no output for them");
  }
  if (!result.rows) throw PieceFailed("the function has made no rows for the output");
  // Who has been stopped for longer than its lease learns here that the piece is another's now.
  parts_.tracker.renew({&claim, 1}, parts_.lease);
  try {
    parts_.output->write(piece, *result.rows);
  } catch (const UnfitRows& error) {
    throw PieceFailed(error.what());
  }
}

void JobRun::complete(const Claim& claim, const Json& value) {
  try {
    parts_.tracker.complete(claim, value);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    throw PieceFailed(error.what());  // a value that JSON text cannot hold
  }
}

void JobRun::set_back(const Claim& claim, const std::string& why) {
  if (parts_.stopped.load(std::memory_order_relaxed)) return parts_.tracker.release(claim);
  parts_.tracker.fail(claim, utf8_text(why));
  parts_.here.change([](JobStatistics& numbers) { ++numbers.failed_tries; });
}

bool JobRun::nothing_left() const {
  const TrackerStatus status = parts_.tracker.status();
  return status.todo == 0 && status.leased == 0;
}

void JobRun::end_with(std::exception_ptr error) {
  const std::lock_guard lock(error_mutex_);
  if (!error_) error_ = std::move(error);
  parts_.stopped.store(true, std::memory_order_relaxed);
}

void JobRun::report_now_and_then() {
  const std::unique_lock lock(report_mutex_, std::try_to_lock);
  const auto now = std::chrono::steady_clock::now();
  if (!lock || now < next_report_) return;
  next_report_ = now + kBetweenReports;
  parts_.report();
}

}  // namespace h5flume::jobs
