#pragma once

#include <string>

#include "storage/persistent/tracker/tracker_store_internal.h"

namespace h5flume::persistent {

/// "task KEY of tracker ADDRESS", for messages.
std::string task_name(const std::string& key_text, const std::string& address);

/// The text of a task's value. Throws kInvalidArgument, beginning with `object`, for what is no
/// object or cannot be stored.
std::string task_value_text(const Json& value, const std::string& object);

/// A value or a result that a store has kept. Throws kCorruptData, beginning with `object`.
Json kept_json(const std::string& text, const std::string& object);

Task task_of(const TaskRecord& record, const std::string& address);
Claim claim_of(const ClaimedTask& task, const std::string& address);

}  // namespace h5flume::persistent
