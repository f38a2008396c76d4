#include "storage/persistent/json_lines.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "core/error.h"

namespace h5flume {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::kCorruptData, why); }

// Takes the members of a line one after the other; what is left over belongs to no such line.
class Members {
 public:
  explicit Members(std::string_view line) : object_(parse_json(line, "the line")) {
    if (!object_.is_object()) refuse("the line is no JSON object");
  }

  std::optional<Json> take(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end()) return std::nullopt;
    Json value = std::move(*found);
    object_.erase(found);
    return value;
  }

  Json take_required(const char* name) {
    auto value = take(name);
    if (!value) refuse(fmt::format("it has no \"{}\"", name));
    return std::move(*value);
  }

  void must_be_empty(std::string_view what) const {
    if (object_.empty()) return;
    refuse(fmt::format("\"{}\" is no member of {}", object_.begin().key(), what));
  }

 private:
  Json object_;
};

TaskState task_state(const Json& name) {
  const auto state = name.is_string() ? task_state_from(name.get<std::string>()) : std::nullopt;
  if (state) return *state;
  refuse(
      fmt::format("\"state\": {} is none of todo, leased, done, aborted, exhausted", name.dump()));
}

}  // namespace

std::string to_json_line(const DictItem& item) {
  return fmt::format(R"({{"key":{},"value":{}}})", item.key.json_text(),
                     to_json_text(item.value, "value"));
}

std::string to_json_line(const Task& task) {
  std::string line =
      fmt::format(R"({{"key":{},"value":{},"state":"{}","tries":{})", task.key.json_text(),
                  to_json_text(task.value, "value"), to_string(task.state), task.tries);
  if (!task.result.is_null()) line += R"(,"result":)" + to_json_text(task.result, "result");
  if (!task.error.empty()) line += R"(,"error":)" + to_json_text(task.error, "error");
  return line + '}';
}

DictItem dict_item_from_json_line(std::string_view line) {
  Members members(line);
  DictItem item{Key::from_json(members.take_required("key")), members.take_required("value")};
  members.must_be_empty("an item of a dict");
  return item;
}

Task task_from_json_line(std::string_view line) {
  Members members(line);
  Task task{Key::from_json(members.take_required("key")), Json::object()};
  if (auto value = members.take("value")) {
    if (!value->is_object()) refuse("\"value\" is no object");
    task.value = std::move(*value);
  }
  if (const auto state = members.take("state")) task.state = task_state(*state);
  if (const auto tries = members.take("tries")) {
    if (!tries->is_number_unsigned()) refuse("\"tries\" is no whole number from 0 on");
    task.tries = tries->get<std::uint64_t>();
  }
  if (auto result = members.take("result")) task.result = std::move(*result);
  if (const auto error = members.take("error")) {
    if (!error->is_string()) refuse("\"error\" is no text");
    task.error = error->get<std::string>();
  }
  members.must_be_empty("a task");
  return task;
}

}  // namespace h5flume
