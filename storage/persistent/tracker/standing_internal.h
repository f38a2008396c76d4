#pragma once

#include <cstdint>
#include <optional>

#include "storage/persistent/tracker/tracker_store_internal.h"

// The state machine of a task: what each event makes of where it stands. No function here changes
// anything that is kept.
namespace h5flume::persistent {

/// What its owner has said of the last claim of a task.
enum class Settled : std::uint8_t { kNot, kCompleted, kFailed, kReleased };

/// Where a task stands.
struct Standing {
  std::int64_t sequence = 0;
  TaskState state = TaskState::kTodo;
  std::int64_t tries = 0;

  /// When its waiting time ends, by boot_time_us(). kNotFailed comes before all times, and kFailed
  /// means that it has failed and need not wait.
  std::int64_t due_us = 0;
  static constexpr std::int64_t kNotFailed = 0;
  static constexpr std::int64_t kFailed = 1;

  /// Of the last claim; kNoToken if that cannot be settled any more, whatever its lease says.
  std::int64_t token = 0;
  static constexpr std::int64_t kNoToken = 0;

  Settled settled = Settled::kNot;
  bool was_aborted = false;  ///< of a leased one: it is aborted again unless it gets done

  bool operator==(const Standing&) const = default;
};

Standing claimed(Standing task, std::int64_t token);

/// After its lease has ended, or its owner: a failed try that nobody has told of.
Standing taken_back(Standing task, const TrackerSettings& settings, std::int64_t now_us);

/// What `kind` makes of a task that `token` was a claim of. Nothing if that claim is lost; the task
/// as it is if the same has been said before.
///
/// A claim that was taken back is not lost until somebody else claims the task: it can be completed
/// late, failed for good measure, or given back with its try.
std::optional<Standing> settled(Standing task, Settlement::Kind kind, std::int64_t token,
                                const TrackerSettings& settings, std::int64_t now_us);

/// Whether renewing the claim with `token` holds on to the task, or takes it up again.
bool can_renew(const Standing& task, std::int64_t token) noexcept;

Standing changed(Standing task, TaskChange change, const TrackerSettings& settings);

/// With as many tries as it has, todo or exhausted by the settings, if it is one of these.
Standing by_tries(Standing task, const TrackerSettings& settings);

}  // namespace h5flume::persistent
