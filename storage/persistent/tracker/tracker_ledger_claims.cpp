// Candidates and leases of a ledger.

#include <algorithm>

#include "storage/persistent/tracker/standing_row_internal.h"
#include "storage/persistent/tracker/tracker_ledger_internal.h"

namespace h5flume::persistent {
namespace {

Candidate candidate_of(const sqlite::Statement& row) {
  return {standing_of(row), std::string(row.text(kStandingColumns)),
          std::string(row.text(kStandingColumns + 1))};
}

std::vector<Candidate> candidates_of(sqlite::Statement& statement) {
  std::vector<Candidate> found;
  while (statement.step()) found.push_back(candidate_of(statement));
  return found;
}

}  // namespace

// --- candidates ---------------------------------------------------------------------------------

std::vector<Candidate> TrackerLedger::due(std::int64_t now_us, std::size_t limit) {
  const sqlite::Run rows(due_);
  rows->bind(1, now_us).bind(2, static_cast<std::int64_t>(limit));
  return candidates_of(due_);
}

std::vector<Candidate> TrackerLedger::set_aside(std::int64_t now_us, std::uint64_t max_tries,
                                                std::size_t limit) {
  const sqlite::Run rows(set_aside_);
  rows->bind(1, now_us)
      .bind(2, static_cast<std::int64_t>(max_tries))
      .bind(3, static_cast<std::int64_t>(limit));
  return candidates_of(set_aside_);
}

std::vector<Candidate> TrackerLedger::due_after(std::int64_t sequence, std::int64_t now_us,
                                                std::optional<std::uint64_t> max_tries_if_aborted,
                                                std::size_t limit) {
  constexpr std::int64_t kNoAborted = -1;  // no number of tries is smaller
  const sqlite::Run rows(due_after_);
  rows->bind(1, sequence)
      .bind(2, now_us)
      .bind(3, max_tries_if_aborted ? static_cast<std::int64_t>(*max_tries_if_aborted) : kNoAborted)
      .bind(4, static_cast<std::int64_t>(limit));
  return candidates_of(due_after_);
}

std::optional<Candidate> TrackerLedger::candidate(std::string_view key) {
  const sqlite::Run row(candidate_);
  row->bind(1, key);
  if (!row->step()) return std::nullopt;
  return candidate_of(candidate_);
}

// --- leases -------------------------------------------------------------------------------------

void TrackerLedger::lease_out(const Standing& before, const Standing& after, std::string_view key,
                              std::int64_t owner, std::int64_t ends_us) {
  write(after);
  insert_lease_.reset()
      .bind(1, after.token)
      .bind(2, after.sequence)
      .bind(3, key)
      .bind(4, owner)
      .bind(5, ends_us)
      .run();
  counters.earliest_end_us = std::min(counters.earliest_end_us, ends_us);
  count(before, -1);
  count(after, 1);
}

void TrackerLedger::extend(std::int64_t token, std::int64_t owner, std::int64_t ends_us) {
  extend_.reset().bind(1, owner).bind(2, ends_us).bind(3, token).run();
  counters.earliest_end_us = std::min(counters.earliest_end_us, ends_us);
}

std::optional<Standing> TrackerLedger::find_lease(std::int64_t token, std::string_view key) {
  const sqlite::Run row(find_lease_);
  row->bind(1, token).bind(2, key);
  if (!row->step()) return std::nullopt;
  return standing_of(find_lease_);
}

std::vector<Lease> TrackerLedger::leases() {
  const sqlite::Run rows(leases_);
  std::vector<Lease> found;
  while (rows->step()) {
    found.push_back({.standing = standing_of(leases_),
                     .owner = rows->integer(kStandingColumns),
                     .ends_us = rows->integer(kStandingColumns + 1)});
  }
  return found;
}

}  // namespace h5flume::persistent
