#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/persistent/json.h"
#include "storage/persistent/key.h"

namespace h5flume {

/// Where a task stands.
///
///   todo -> leased -> done            complete()
///     ^       |
///     |       +-> todo, later         fail(), the lease ran out, its owner died: while tries are
///     left |       +-> exhausted           the same, after the last try |       '-> todo, as it
///     was     release(): the try is given back
///     '--> aborted                    abort(), at any time before it is done
///
/// An exhausted task goes back to todo by reset_tries() and by a larger max_tries, an aborted one
/// by unabort().
enum class TaskState : std::uint8_t { kTodo, kLeased, kDone, kAborted, kExhausted };

/// "todo", "leased" and so on.
std::string_view to_string(TaskState state) noexcept;

/// The inverse; nothing for any other text.
std::optional<TaskState> task_state_from(std::string_view name) noexcept;

/// A task as it stood when it was asked for.
struct Task {
  Key key;
  Json value;   ///< the user's own data: an object
  Json result;  ///< what complete() gave; null before
  TaskState state = TaskState::kTodo;
  std::uint64_t tries = 0;
  std::string error;  ///< what the last fail() said
};

/// A task to add.
struct NewTask {
  Key key;
  Json value = Json::object();  ///< an object
};

/// A task that has been given to the caller, until its lease ends: nobody else gets it meanwhile.
struct Claim {
  Key key;
  Json value;
  std::uint64_t tries = 0;  ///< this one included

  /// Larger than those of all claims before. Who has lost a task to another claim cannot settle it
  /// any more, because its token is out of date.
  std::uint64_t token = 0;
};

struct ClaimOptions {
  std::size_t count = 1;       ///< tasks wanted at most
  bool allow_aborted = false;  ///< aborted tasks too, if they have tries left

  /// How long the claims last unless they are renewed. Nothing: TrackerOptions::lease.
  std::optional<std::chrono::milliseconds> lease = std::nullopt;
};

/// How many tasks stand where; counted as they change, not when asked.
struct TrackerStatus {
  std::uint64_t total = 0;
  std::uint64_t todo = 0;  ///< those that wait for another try included
  std::uint64_t leased = 0;
  std::uint64_t done = 0;
  std::uint64_t aborted = 0;
  std::uint64_t exhausted = 0;
  std::uint64_t tried = 0;  ///< tasks that have been tried at least once
  std::uint64_t tries = 0;  ///< of all tasks together

  bool operator==(const TrackerStatus&) const = default;
};

/// How long a task that has failed waits for its next try: `first` after the first, `factor` times
/// as long after each further one, at most `longest`.
struct Backoff {
  std::chrono::milliseconds first{0};
  double factor = 2;
  std::chrono::milliseconds longest{3'600'000};

  bool operator==(const Backoff&) const = default;
};

}  // namespace h5flume
