#include <algorithm>
#include <cmath>

#include "storage/persistent/tracker/standing_internal.h"

namespace h5flume::persistent {
namespace {

std::int64_t waiting_time_us(const Backoff& backoff, std::int64_t tries) {
  const double longest = static_cast<double>(backoff.longest.count()) * 1e3;
  const double first = static_cast<double>(backoff.first.count()) * 1e3;
  if (first <= 0) return 0;
  const double steps = static_cast<double>(std::max<std::int64_t>(tries - 1, 0));
  return static_cast<std::int64_t>(std::min(longest, first * std::pow(backoff.factor, steps)));
}

bool is_waiting_kind(TaskState state) noexcept {
  return state == TaskState::kTodo || state == TaskState::kExhausted;
}

// The end of a claim that has not got the task done.
Standing put_back(Standing task, const TrackerSettings& settings) {
  if (task.state == TaskState::kLeased) {
    task.state = task.was_aborted ? TaskState::kAborted : TaskState::kTodo;
    task.was_aborted = false;
  }
  return by_tries(task, settings);
}

Standing done(Standing task) {
  task.state = TaskState::kDone;
  task.was_aborted = false;
  task.due_us = std::min(task.due_us, Standing::kFailed);
  return task;
}

Standing with_tries(Standing task, std::int64_t tries, const TrackerSettings& settings) {
  task.tries = tries;
  return by_tries(task, settings);
}

Settled outcome_of(Settlement::Kind kind) noexcept {
  switch (kind) {
    case Settlement::Kind::kComplete:
      return Settled::kCompleted;
    case Settlement::Kind::kFail:
      return Settled::kFailed;
    case Settlement::Kind::kRelease:
      return Settled::kReleased;
  }
  return Settled::kNot;
}

}  // namespace

Standing by_tries(Standing task, const TrackerSettings& settings) {
  if (task.tries == 0) task.due_us = Standing::kNotFailed;
  if (!is_waiting_kind(task.state)) return task;
  const bool has_left =
      settings.max_tries == 0 || static_cast<std::uint64_t>(task.tries) < settings.max_tries;
  task.state = has_left ? TaskState::kTodo : TaskState::kExhausted;
  // What does not wait keeps no time, so that only those that do need be looked at when the machine
  // has been started anew.
  if (!has_left) task.due_us = std::min(task.due_us, Standing::kFailed);
  return task;
}

Standing claimed(Standing task, std::int64_t token) {
  task.was_aborted = task.state == TaskState::kAborted;
  task.state = TaskState::kLeased;
  task.tries += 1;
  task.token = token;
  task.settled = Settled::kNot;
  return task;
}

Standing taken_back(Standing task, const TrackerSettings& settings, std::int64_t now_us) {
  task.due_us = now_us + waiting_time_us(settings.backoff, task.tries);
  return put_back(task, settings);
}

std::optional<Standing> settled(Standing task, Settlement::Kind kind, std::int64_t token,
                                const TrackerSettings& settings, std::int64_t now_us) {
  if (task.token != token || token == Standing::kNoToken) return std::nullopt;
  const Settled outcome = outcome_of(kind);
  if (task.settled == outcome) return task;
  if (task.settled != Settled::kNot) return std::nullopt;
  task.settled = outcome;
  switch (kind) {
    case Settlement::Kind::kComplete:
      return done(task);
    case Settlement::Kind::kFail:
      return task.state == TaskState::kLeased ? taken_back(task, settings, now_us) : task;
    case Settlement::Kind::kRelease:
      task.tries = std::max<std::int64_t>(task.tries - 1, 0);
      return put_back(task, settings);
  }
  return std::nullopt;
}

bool can_renew(const Standing& task, std::int64_t token) noexcept {
  return task.token == token && token != Standing::kNoToken && task.settled == Settled::kNot;
}

Standing changed(Standing task, TaskChange change, const TrackerSettings& settings) {
  const bool is_done = task.state == TaskState::kDone;
  switch (change) {
    case TaskChange::kMarkDone:
      if (is_done) return task;
      task.token = Standing::kNoToken;
      return done(task);
    case TaskChange::kMarkNotDone:
      if (!is_done) return task;
      task.token = Standing::kNoToken;
      task.state = TaskState::kTodo;
      return by_tries(task, settings);
    case TaskChange::kAbort:
      if (is_done) return task;
      task.token = Standing::kNoToken;
      task.state = TaskState::kAborted;
      task.was_aborted = false;
      return task;
    case TaskChange::kUnabort:
      task.was_aborted = false;
      if (task.state != TaskState::kAborted) return task;
      task.state = TaskState::kTodo;
      return by_tries(task, settings);
    case TaskChange::kIncrementTries:
      return with_tries(task, task.tries + 1, settings);
    case TaskChange::kDecrementTries:
      return with_tries(task, std::max<std::int64_t>(task.tries - 1, 0), settings);
    case TaskChange::kResetTries:
      return with_tries(task, 0, settings);
  }
  return task;
}

}  // namespace h5flume::persistent
