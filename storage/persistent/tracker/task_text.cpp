#include <fmt/format.h>

#include "core/error.h"
#include "storage/persistent/tracker/task_text_internal.h"

namespace h5flume::persistent {

std::string task_name(const std::string& key_text, const std::string& address) {
  return fmt::format("task {} of tracker {}", key_text, address);
}

std::string task_value_text(const Json& value, const std::string& object) {
  if (!value.is_object()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: its value is no object but {}", object, value.type_name()));
  }
  return value.empty() ? "{}" : to_json_text(value, object);
}

Json kept_json(const std::string& text, const std::string& object) {
  if (text == "{}") return Json::object();
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kCorruptData, fmt::format("{}: {}", object, error.what()));
  }
}

Task task_of(const TaskRecord& record, const std::string& address) {
  const auto name = task_name(record.key, address);
  return {.key = Key::stored(record.key),
          .value = kept_json(record.value, name),
          .result = record.result.empty() ? Json() : kept_json(record.result, name),
          .state = record.state,
          .tries = record.tries,
          .error = record.error};
}

Claim claim_of(const ClaimedTask& task, const std::string& address) {
  return {.key = Key::stored(task.key),
          .value = kept_json(task.value, task_name(task.key, address)),
          .tries = task.tries,
          .token = task.token};
}

}  // namespace h5flume::persistent
