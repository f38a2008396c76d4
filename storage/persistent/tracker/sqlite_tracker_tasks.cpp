// Adding, removing and changing tasks by their keys.

#include <fmt/format.h>

#include "core/error.h"
#include "storage/persistent/tracker/sqlite_tracker_internal.h"

namespace h5flume::persistent {

std::uint64_t SqliteTracker::add(std::span<const NewRecord> tasks, AddMode mode) {
  Change change(*this);
  std::uint64_t added = 0;
  for (const auto& task : tasks) {
    if (change->insert(task.key, task.value)) {
      ++added;
    } else if (mode == AddMode::kMustBeNew) {
      throw Error(ErrorCode::kConflict,
                  fmt::format("add task {} to tracker {}: it is there already", task.key, path_));
    }
  }
  if (added == 0) return 0;
  change.commit();
  signal_.announce();
  return added;
}

void SqliteTracker::restore_one(Change& change, const TaskRecord& task) {
  auto before = change->find(task.key);
  if (before) {
    change->set_value(before->sequence, task.value);
    change->drop_outcome(before->sequence);
  } else {
    before = change->insert(task.key, task.value);
  }
  const bool was_leased = task.state == TaskState::kLeased;
  const auto tries = static_cast<std::int64_t>(task.tries);
  change->put(*before, {.sequence = before->sequence,
                        .state = was_leased ? TaskState::kTodo : task.state,
                        .tries = tries,
                        .due_us = tries > 0 ? Standing::kFailed : Standing::kNotFailed});
  if (!task.result.empty()) change->set_result(before->sequence, task.result);
  if (!task.error.empty()) change->set_error(before->sequence, task.error);
}

void SqliteTracker::restore(std::span<const TaskRecord> tasks) {
  Change change(*this);
  for (const auto& task : tasks) restore_one(change, task);
  change.commit();
  signal_.announce();
}

bool SqliteTracker::erase(const std::string& key) {
  Change change(*this);
  const auto task = change->find(key);
  if (!task) return false;
  change->remove(*task);
  change.commit();
  signal_.announce();
  return true;
}

void SqliteTracker::clear() {
  Change change(*this);
  change->remove_all();
  change.commit();
  signal_.announce();
}

bool SqliteTracker::replace_value(const std::string& key, std::uint64_t version,
                                  std::string_view value) {
  Change change(*this);
  if (!change->replace_value(key, static_cast<std::int64_t>(version), value)) return false;
  change.commit();
  return true;
}

std::optional<std::uint64_t> SqliteTracker::change(const std::string& key, TaskChange kind) {
  Change change(*this);
  const auto before = change->find(key);
  if (!before) return std::nullopt;
  const auto after = changed(*before, kind, change->settings);
  const auto tries = static_cast<std::uint64_t>(after.tries);
  if (after == *before) return tries;
  change->put(*before, after);
  if (kind == TaskChange::kMarkNotDone) change->drop_result(after.sequence);
  change.commit();
  signal_.announce();
  return tries;
}

std::uint64_t SqliteTracker::retry_exhausted() {
  Change change(*this);
  const auto count = change->reset_exhausted();
  if (count == 0) return 0;
  change.commit();
  signal_.announce();
  return count;
}

}  // namespace h5flume::persistent
