// Adding, removing, reading and changing tasks by their keys.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "storage/persistent/redis/redis_tracker_internal.h"

namespace h5flume::redis {
namespace {

using Argument = Session::Argument;

TaskState state_of(std::string_view name) {
  for (const auto state : {TaskState::kTodo, TaskState::kLeased, TaskState::kDone,
                           TaskState::kAborted, TaskState::kExhausted}) {
    if (to_string(state) == name) return state;
  }
  throw Error(ErrorCode::kCorruptData,
              fmt::format("the Redis server has a task in the state '{}'", name));
}

// By TaskChange.
constexpr std::array<std::string_view, 7> kChanges{
    "mark_done",       "mark_not_done",   "abort",      "unabort",
    "increment_tries", "decrement_tries", "reset_tries"};

// The script may be run twice if the first run's reply is lost.
Repeat may_repeat(TaskChange change) noexcept {
  const bool counts =
      change == TaskChange::kIncrementTries || change == TaskChange::kDecrementTries;
  return counts ? Repeat::kNo : Repeat::kYes;
}

std::string text_of(const Reply& reply) {
  return reply.is_nothing() ? std::string() : std::string(reply.text());
}

TaskRecord record_of(const Reply& task) {
  return {.sequence = task[7].unsigned_integer(),
          .version = task[3].unsigned_integer(),
          .key = text_of(task[1]),
          .value = text_of(task[2]),
          .result = text_of(task[5]),
          .error = text_of(task[6]),
          .state = state_of(task[0].text()),
          .tries = task[4].unsigned_integer()};
}

}  // namespace

std::uint64_t RedisTracker::add(std::span<const NewRecord> tasks, AddMode mode) {
  std::vector<Argument> arguments{mode == AddMode::kMustBeNew ? "new" : "absent"};
  for (const auto& task : tasks) arguments.insert(arguments.end(), {task.key, task.value});
  const auto reply = write(kAdd, arguments, Repeat::kNo);
  if (!reply.is_list()) return reply.unsigned_integer();
  throw Error(ErrorCode::kConflict, fmt::format("add task {} to {}: it is there already",
                                                reply[0].text(), session_.what()));
}

void RedisTracker::restore(std::span<const TaskRecord> tasks) {
  for (; !tasks.empty(); tasks = tasks.subspan(std::min(kMostTasks, tasks.size()))) {
    std::vector<std::string> tries;
    for (const auto& task : tasks.first(std::min(kMostTasks, tasks.size()))) {
      tries.push_back(std::to_string(task.tries));
    }
    std::vector<Argument> arguments;
    for (std::size_t i = 0; i < tries.size(); ++i) {
      const auto& task = tasks[i];
      arguments.insert(arguments.end(), {task.key, task.value, task.result, task.error,
                                         to_string(task.state), tries[i]});
    }
    write(kRestore, arguments, Repeat::kYes);
  }
}

std::optional<TaskRecord> RedisTracker::find(const std::string& key) {
  const auto task = read(kFind, std::array<Argument, 1>{key});
  if (task.is_nothing()) return std::nullopt;
  return record_of(task);
}

std::vector<TaskRecord> RedisTracker::page(std::uint64_t after, std::size_t limit,
                                           const ProgressTracker::States& states) {
  std::string wanted;
  for (const auto state : states) wanted.append(to_string(state)).append(" ");
  const auto most = std::to_string(kMostLooks);
  std::vector<TaskRecord> found;
  for (bool more = true; more && found.size() < limit;) {
    const auto from = std::to_string(after);
    const auto left = std::to_string(std::min(limit - found.size(), kMostTasks));
    const auto reply = read(kPage, std::array<Argument, 4>{from, left, most, wanted});
    for (std::size_t i = 2; i < reply.size(); ++i) found.push_back(record_of(reply[i]));
    after = reply[0].unsigned_integer();
    more = reply[1].integer() != 0;
  }
  return found;
}

bool RedisTracker::erase(const std::string& key) {
  return write(kErase, std::array<Argument, 1>{key}, Repeat::kNo).integer() != 0;
}

void RedisTracker::clear() {
  write(kClear, {}, Repeat::kYes);
  tidy();
}

bool RedisTracker::replace_value(const std::string& key, std::uint64_t version,
                                 std::string_view value) {
  const auto expected = std::to_string(version);
  return write(kReplaceValue, std::array<Argument, 3>{key, expected, value}, Repeat::kNo)
             .integer() != 0;
}

std::optional<std::uint64_t> RedisTracker::change(const std::string& key, TaskChange change) {
  const auto name = kChanges.at(static_cast<std::size_t>(change));
  const auto tries = write(kChange, std::array<Argument, 2>{key, name}, may_repeat(change));
  if (tries.is_nothing()) return std::nullopt;
  return tries.unsigned_integer();
}

std::uint64_t RedisTracker::retry_exhausted() {
  const auto most = std::to_string(kMostTasks);
  std::uint64_t total = 0;
  for (std::uint64_t retried = kMostTasks; retried == kMostTasks; total += retried) {
    retried = write(kRetryExhausted, std::array<Argument, 1>{most}, Repeat::kNo).unsigned_integer();
  }
  return total;
}

}  // namespace h5flume::redis
