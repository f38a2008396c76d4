// Claims: given out, settled, renewed, taken back.

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "core/error.h"
#include "storage/persistent/tracker/sqlite_tracker_internal.h"

namespace h5flume::persistent {
namespace {

std::int64_t end_of(std::int64_t now_us, std::chrono::milliseconds lease) {
  constexpr std::int64_t kLongestMilliseconds = std::int64_t{1} << 42;  // more than a century
  return now_us + std::clamp<std::int64_t>(lease.count(), 0, kLongestMilliseconds) * 1'000;
}

// Both in the order in which tasks are handed out.
std::vector<Candidate> merge(std::vector<Candidate> some, std::vector<Candidate> others,
                             std::size_t limit) {
  std::move(others.begin(), others.end(), std::back_inserter(some));
  std::sort(some.begin(), some.end(), [](const Candidate& one, const Candidate& other) {
    return std::pair(one.standing.due_us, one.standing.sequence) <
           std::pair(other.standing.due_us, other.standing.sequence);
  });
  if (some.size() > limit)
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(limit), some.end());
  return some;
}

}  // namespace

// --- giving out ---------------------------------------------------------------------------------

std::vector<Candidate> SqliteTracker::candidate_of_key(Change& change,
                                                       const ClaimRequest& request) {
  auto found = change->candidate(*request.key);
  if (!found) return {};
  const auto& task = found->standing;
  const auto max_tries = change->settings.max_tries;
  const bool is_left = task.state == TaskState::kTodo ||
                       (request.allow_aborted && task.state == TaskState::kAborted &&
                        (max_tries == 0 || static_cast<std::uint64_t>(task.tries) < max_tries));
  if (!is_left || task.due_us > change.now_us()) return {};
  return {std::move(*found)};
}

std::vector<Candidate> SqliteTracker::candidates(Change& change, const ClaimRequest& request) {
  const auto now_us = change.now_us();
  if (request.key) return candidate_of_key(change, request);
  std::optional<std::uint64_t> max_tries_if_aborted;
  if (request.allow_aborted) max_tries_if_aborted = change->settings.max_tries;
  if (request.after) {
    return change->due_after(static_cast<std::int64_t>(*request.after), now_us,
                             max_tries_if_aborted, request.count);
  }
  auto found = change->due(now_us, request.count);
  if (!max_tries_if_aborted) return found;
  return merge(std::move(found), change->set_aside(now_us, *max_tries_if_aborted, request.count),
               request.count);
}

std::vector<ClaimedTask> SqliteTracker::claim(const ClaimRequest& request) {
  if (request.count == 0) return {};
  Change change(*this);
  const auto now = std::chrono::steady_clock::now();
  auto taken_back = take_back_expired(change);
  if (now - looked_for_deaths_ >= kLookForDeathsEvery) taken_back += take_back_from_dead(change);
  auto found = candidates(change, request);
  if (found.size() < request.count && looked_for_deaths_ < now) {
    if (const auto more = take_back_from_dead(change)) {
      taken_back += more;
      found = candidates(change, request);
    }
  }
  std::vector<ClaimedTask> claims;
  claims.reserve(found.size());
  const auto ends_us = end_of(change.now_us(), request.lease);
  for (auto& task : found) {
    const auto after = claimed(task.standing, ++change->counters.last_token);
    change->lease_out(task.standing, after, task.key, owner(change), ends_us);
    claims.push_back({.sequence = static_cast<std::uint64_t>(after.sequence),
                      .key = std::move(task.key),
                      .value = std::move(task.value),
                      .tries = static_cast<std::uint64_t>(after.tries),
                      .token = static_cast<std::uint64_t>(after.token)});
  }
  if (claims.empty() && taken_back == 0) return claims;
  change.commit();
  if (taken_back > claims.size()) signal_.announce();
  return claims;
}

// The number's lock is taken before the change is committed, so that no lease is seen whose owner
// seems dead. If it never is, the next owner passes over the locked number; and a lease takes care
// that its owner's number is counted, so that nobody is given it when the owner has died.
std::int64_t SqliteTracker::owner(Change& change) {
  auto& last = change->counters.last_owner;
  while (owner_ == 0) {
    if (owners_.take(++last)) owner_ = last;
  }
  last = std::max(last, owner_);
  return owner_;
}

// --- taking back --------------------------------------------------------------------------------

std::size_t SqliteTracker::take_back_expired(Change& change) {
  if (change.now_us() < change->counters.earliest_end_us) return 0;
  std::size_t count = 0;
  auto earliest_us = std::numeric_limits<std::int64_t>::max();
  for (const auto& lease : change->leases()) {
    if (lease.ends_us > change.now_us()) {
      earliest_us = std::min(earliest_us, lease.ends_us);
      continue;
    }
    change->put(lease.standing, taken_back(lease.standing, change->settings, change.now_us()));
    ++count;
  }
  change->counters.earliest_end_us = earliest_us;
  return count;
}

std::size_t SqliteTracker::take_back_from_dead(Change& change) {
  looked_for_deaths_ = std::chrono::steady_clock::now();
  std::map<std::int64_t, bool> alive{{owner_, true}};
  std::size_t count = 0;
  for (const auto& lease : change->leases()) {
    if (!alive.contains(lease.owner)) alive[lease.owner] = owners_.is_alive(lease.owner);
    if (alive[lease.owner]) continue;
    change->put(lease.standing, taken_back(lease.standing, change->settings, change.now_us()));
    ++count;
  }
  return count;
}

// --- settling -----------------------------------------------------------------------------------

bool SqliteTracker::settle_one(Change& change, const Settlement& settlement) {
  const auto token = static_cast<std::int64_t>(settlement.token);
  auto before = change->find_lease(token, settlement.key);
  if (!before) before = change->find(settlement.key);
  if (!before) return false;
  const auto after = settled(*before, settlement.kind, token, change->settings, change.now_us());
  if (!after) return false;
  if (*after == *before) return true;
  change->put(*before, *after);
  if (settlement.kind == Settlement::Kind::kComplete && !settlement.text.empty()) {
    change->set_result(after->sequence, settlement.text);
  }
  if (settlement.kind == Settlement::Kind::kFail) {
    change->set_error(after->sequence, settlement.text);
  }
  return true;
}

std::vector<std::size_t> SqliteTracker::settle(std::span<const Settlement> settlements) {
  std::vector<std::size_t> lost;
  if (settlements.empty()) return lost;
  Change change(*this);
  bool is_news = false;
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    if (!settle_one(change, settlements[i])) lost.push_back(i);
    is_news |= settlements[i].kind != Settlement::Kind::kComplete;
  }
  if (lost.size() == settlements.size()) return lost;
  const auto& status = change->counters.status;
  is_news |= status.todo + status.leased == 0;  // who waits may go
  change.commit();
  if (is_news) signal_.announce();
  return lost;
}

bool SqliteTracker::renew_one(Change& change, const Settlement& claim, std::int64_t ends_us) {
  const auto token = static_cast<std::int64_t>(claim.token);
  const auto before = change->find(claim.key);
  if (!before || !can_renew(*before, token)) return false;
  if (before->state == TaskState::kLeased) {
    change->extend(token, owner(change), ends_us);
    return true;
  }
  auto after = *before;
  after.was_aborted = before->state == TaskState::kAborted;
  after.state = TaskState::kLeased;
  change->lease_out(*before, after, claim.key, owner(change), ends_us);
  return true;
}

std::vector<std::size_t> SqliteTracker::renew(std::span<const Settlement> claims,
                                              std::chrono::milliseconds lease) {
  std::vector<std::size_t> lost;
  if (claims.empty()) return lost;
  Change change(*this);
  const auto ends_us = end_of(change.now_us(), lease);
  for (std::size_t i = 0; i < claims.size(); ++i) {
    if (!renew_one(change, claims[i], ends_us)) lost.push_back(i);
  }
  if (lost.size() < claims.size()) change.commit();
  return lost;
}

}  // namespace h5flume::persistent
