#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/persistent/progress_tracker.h"

namespace h5flume {

/// What a store keeps of a task. Values and results are JSON text, which no store looks into.
struct TaskRecord {
  std::uint64_t sequence = 0;  ///< larger than those of all tasks added before
  std::uint64_t version = 0;   ///< changes with the value
  std::string key;             ///< Key::json_text()
  std::string value;
  std::string result;  ///< empty: none
  std::string error;
  TaskState state = TaskState::kTodo;
  std::uint64_t tries = 0;
};

struct ClaimedTask {
  std::uint64_t sequence = 0;
  std::string key;
  std::string value;
  std::uint64_t tries = 0;
  std::uint64_t token = 0;
};

/// What a claim asks for.
struct ClaimRequest {
  std::size_t count = 1;
  bool allow_aborted = false;
  std::chrono::milliseconds lease{};

  /// Only this task.
  std::optional<std::string> key = std::nullopt;
  /// Only tasks whose sequence is larger, in the order of their sequence.
  std::optional<std::uint64_t> after = std::nullopt;
};

/// What has become of a claim.
struct Settlement {
  enum class Kind { kComplete, kFail, kRelease };
  Kind kind = Kind::kComplete;
  std::uint64_t token = 0;
  std::string_view key;
  std::string_view text = {};  ///< the result, or the error
};

/// A change of one task by its key.
enum class TaskChange {
  kMarkDone,
  kMarkNotDone,
  kAbort,
  kUnabort,
  kIncrementTries,
  kDecrementTries,
  kResetTries,
};

enum class AddMode {
  kMustBeNew,  ///< nothing is added, and kConflict thrown, if one of the keys is there
  kIfAbsent,
};

/// What is kept with a tracker.
struct TrackerSettings {
  std::uint64_t max_tries = 0;
  Backoff backoff;
};

/// Where the tasks of a tracker are kept. Each member is one transaction, whoever else uses the
/// same store; states, counters, tokens, the order and the times are the store's business, JSON is
/// not.
///
/// Threads: all members may be called by any at once.
class TrackerStore {
 public:
  virtual ~TrackerStore() = default;

  /// Returns how many were new. Of NewTask only key and value text.
  struct NewRecord {
    std::string key;
    std::string value;
  };
  virtual std::uint64_t add(std::span<const NewRecord> tasks, AddMode mode) = 0;

  /// As they stand in the records, sequence and version apart; a leased one becomes todo.
  virtual void restore(std::span<const TaskRecord> tasks) = 0;

  virtual std::optional<TaskRecord> find(const std::string& key) = 0;

  /// Up to `limit` tasks whose sequence is larger than `after`, in that order; in any of `states`,
  /// or in any state if there are none.
  virtual std::vector<TaskRecord> page(std::uint64_t after, std::size_t limit,
                                       const ProgressTracker::States& states) = 0;

  virtual bool erase(const std::string& key) = 0;
  virtual void clear() = 0;

  /// False if the version is another, or the task is not there.
  virtual bool replace_value(const std::string& key, std::uint64_t version,
                             std::string_view value) = 0;

  /// Returns the number of tries afterwards; nothing if there is no such task.
  virtual std::optional<std::uint64_t> change(const std::string& key, TaskChange change) = 0;
  virtual std::uint64_t retry_exhausted() = 0;

  virtual std::vector<ClaimedTask> claim(const ClaimRequest& request) = 0;

  /// Settles those that are not lost; returns the indices of those that are.
  virtual std::vector<std::size_t> settle(std::span<const Settlement> settlements) = 0;

  /// Renews those that are not lost; returns the indices of those that are.
  virtual std::vector<std::size_t> renew(std::span<const Settlement> claims,
                                         std::chrono::milliseconds lease) = 0;

  virtual TrackerStatus status() = 0;
  virtual TrackerSettings settings() = 0;

  /// A number that changes whenever a task may have become due.
  virtual std::uint64_t change_count() = 0;

  /// Waits until change_count() is no longer `seen`, until a time at which a lease or a waiting
  /// time ends or a death is to be looked for, or until the deadline.
  virtual void wait(std::uint64_t seen,
                    std::optional<std::chrono::steady_clock::time_point> deadline) = 0;

  virtual void sync() = 0;
};

/// The store at a path: SQLite.
std::unique_ptr<TrackerStore> open_sqlite_tracker(const std::string& path,
                                                  const TrackerOptions& options);

/// The store at a redis:// address.
std::unique_ptr<TrackerStore> open_redis_tracker(const std::string& address,
                                                 const TrackerOptions& options);

}  // namespace h5flume
