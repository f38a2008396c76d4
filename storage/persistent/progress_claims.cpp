// Claims and iteration of a ProgressTracker.

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "storage/persistent/progress_tracker.h"
#include "storage/persistent/tracker/task_text_internal.h"

namespace h5flume {
namespace {

using persistent::claim_of;
using persistent::task_name;
using persistent::task_of;

constexpr std::size_t kTasksPerPage = 256;

bool has_tries_left(std::uint64_t tries, std::uint64_t max_tries) {
  return max_tries == 0 || tries < max_tries;
}

bool is_to_do(const TaskRecord& task, bool allow_aborted, std::uint64_t max_tries) {
  return task.state != TaskState::kDone && (allow_aborted || task.state != TaskState::kAborted) &&
         has_tries_left(task.tries, max_tries);
}

std::vector<Claim> claims_of(const std::vector<ClaimedTask>& tasks, const std::string& address) {
  std::vector<Claim> claims;
  claims.reserve(tasks.size());
  for (const auto& task : tasks) claims.push_back(claim_of(task, address));
  return claims;
}

std::vector<Settlement> settlements_of(Settlement::Kind kind, std::span<const Claim> claims) {
  std::vector<Settlement> settlements;
  settlements.reserve(claims.size());
  for (const auto& claim : claims) {
    settlements.push_back({.kind = kind, .token = claim.token, .key = claim.key.json_text()});
  }
  return settlements;
}

void throw_if_lost(std::string_view operation, const std::vector<std::size_t>& lost,
                   std::span<const Claim> claims, const std::string& address) {
  if (lost.empty()) return;
  const auto& first = claims[lost.front()];
  throw Error(ErrorCode::kConflict,
              fmt::format("{} {}: claim {} of it is lost: its lease ran out and somebody else has "
                          "the task, or it was settled otherwise{}",
                          operation, task_name(first.key.json_text(), address), first.token,
                          lost.size() == 1 ? std::string()
                                           : fmt::format(" ({} more like it)", lost.size() - 1)));
}

}  // namespace

// --- claims -------------------------------------------------------------------------------------

std::vector<Claim> ProgressTracker::claim(const ClaimOptions& options) {
  return claims_of(store_->claim({.count = options.count,
                                  .allow_aborted = options.allow_aborted,
                                  .lease = options.lease.value_or(options_.lease)}),
                   address_);
}

// Whether a task may become due that is not.
bool ProgressTracker::is_anything_left(const ClaimOptions& options) const {
  const auto now = store_->status();
  if (now.todo + now.leased > 0) return true;
  if (!options.allow_aborted || now.aborted == 0) return false;
  bool found = false;
  for_each_todo([&](const Task&) { return !(found = true); }, true);
  return found;
}

std::vector<Claim> ProgressTracker::wait_and_claim(
    const ClaimOptions& options, std::optional<std::chrono::milliseconds> timeout) {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  if (timeout) deadline = std::chrono::steady_clock::now() + *timeout;
  for (;;) {
    const auto seen = store_->change_count();
    auto claims = claim(options);
    if (!claims.empty() || options.count == 0 || !is_anything_left(options)) return claims;
    if (deadline && std::chrono::steady_clock::now() >= *deadline) return claims;
    store_->wait(seen, deadline);
  }
}

std::optional<Claim> ProgressTracker::wait_and_claim() {
  auto claims = wait_and_claim(ClaimOptions{});
  if (claims.empty()) return std::nullopt;
  return std::move(claims.front());
}

void ProgressTracker::complete(const Claim& claim, const Json& result) {
  complete(std::span(&claim, 1), std::span(&result, 1));
}

void ProgressTracker::complete(std::span<const Claim> claims, std::span<const Json> results) {
  if (!results.empty() && results.size() != claims.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("complete {} tasks of tracker {}: there are {} results", claims.size(),
                            address_, results.size()));
  }
  auto settlements = settlements_of(Settlement::Kind::kComplete, claims);
  std::vector<std::string> texts(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].is_null()) continue;
    texts[i] =
        to_json_text(results[i], "result of " + task_name(claims[i].key.json_text(), address_));
    settlements[i].text = texts[i];
  }
  throw_if_lost("complete", store_->settle(settlements), claims, address_);
}

void ProgressTracker::fail(const Claim& claim, const std::string& error) {
  const std::span claims(&claim, 1);
  auto settlements = settlements_of(Settlement::Kind::kFail, claims);
  settlements.front().text = error;
  throw_if_lost("fail", store_->settle(settlements), claims, address_);
}

void ProgressTracker::release(const Claim& claim) { release(std::span(&claim, 1)); }

void ProgressTracker::release(std::span<const Claim> claims) {
  const auto settlements = settlements_of(Settlement::Kind::kRelease, claims);
  throw_if_lost("release", store_->settle(settlements), claims, address_);
}

void ProgressTracker::renew(std::span<const Claim> claims,
                            std::optional<std::chrono::milliseconds> lease) {
  const auto settlements = settlements_of(Settlement::Kind::kComplete, claims);
  throw_if_lost("renew", store_->renew(settlements, lease.value_or(options_.lease)), claims,
                address_);
}

// --- gates --------------------------------------------------------------------------------------

bool ProgressTracker::should_do(const Key& key, bool allow_aborted) const {
  return is_to_do(record(key), allow_aborted, max_tries());
}

bool ProgressTracker::should_do_add(const Key& key, bool allow_aborted) {
  return add_if_absent(key) || should_do(key, allow_aborted);
}

std::optional<Claim> ProgressTracker::should_try(const Key& key, bool allow_aborted) {
  const auto claimed = store_->claim(
      {.allow_aborted = allow_aborted, .lease = options_.lease, .key = key.json_text()});
  if (!claimed.empty()) return claim_of(claimed.front(), address_);
  static_cast<void>(record(key));  // throws if it is not there
  return std::nullopt;
}

std::optional<Claim> ProgressTracker::should_try_add(const Key& key, bool allow_aborted) {
  add_if_absent(key);
  return should_try(key, allow_aborted);
}

// --- iteration ----------------------------------------------------------------------------------

void ProgressTracker::for_each(const std::function<bool(const Task&)>& visit,
                               const States& states) const {
  std::uint64_t after = 0;
  for (;;) {
    const auto page = store_->page(after, kTasksPerPage, states);
    if (page.empty()) return;
    for (const auto& task : page) {
      if (!visit(task_of(task, address_))) return;
    }
    after = page.back().sequence;
  }
}

void ProgressTracker::for_each_todo(const std::function<bool(const Task&)>& visit,
                                    bool allow_aborted) const {
  States states{TaskState::kTodo, TaskState::kLeased, TaskState::kExhausted};
  if (allow_aborted) states.push_back(TaskState::kAborted);
  const auto max = max_tries();
  for_each([&](const Task& task) { return !has_tries_left(task.tries, max) || visit(task); },
           states);
}

void ProgressTracker::try_each(const std::function<bool(const Claim&)>& attempt,
                               bool allow_aborted) {
  std::uint64_t after = 0;
  for (;;) {
    const auto claimed =
        store_->claim({.allow_aborted = allow_aborted, .lease = options_.lease, .after = after});
    if (claimed.empty()) return;
    after = claimed.front().sequence;
    const auto claim = claim_of(claimed.front(), address_);
    const auto fail_unless_settled = [&](std::string_view error) {
      auto settlement = settlements_of(Settlement::Kind::kFail, std::span(&claim, 1));
      settlement.front().text = error;
      static_cast<void>(store_->settle(settlement));  // lost: it has been settled
    };
    bool goes_on = false;
    try {
      goes_on = attempt(claim);
    } catch (const std::exception& error) {
      fail_unless_settled(error.what());
      throw;
    } catch (...) {
      fail_unless_settled("");
      throw;
    }
    fail_unless_settled("");
    if (!goes_on) return;
  }
}

}  // namespace h5flume
