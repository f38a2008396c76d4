#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/error.h"
#include "storage/persistent/exchange/tastypy_lines_internal.h"

namespace h5flume::persistent {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::kCorruptData, why); }

// --- keys
// -----------------------------------------------------------------------------------------

// JSON in ASCII, as Python 2 writes it. It has been stored, so dump() finds nothing to refuse.
std::string ascii(const Json& value) { return value.dump(-1, ' ', true); }

std::string escaped_key(const Key& key) {
  std::string text;
  for (const char character : ascii(key.json())) {
    text.append(character == '\\' ? 2 : 1, character);
  }
  return text;
}

// Backslash and t, at the beginning or behind another character than a backslash, are a tab. As
// re.sub() does it: what one match has taken is not looked at for the next, so that of two such
// tabs in a row the second is not one.
std::string with_tabs(std::string_view text) {
  std::string result;
  std::size_t at = 0;
  if (text.starts_with("\\t")) {
    result = '\t';
    at = 2;
  }
  while (at < text.size()) {
    result += text[at];
    if (text[at++] == '\\' || !text.substr(at).starts_with("\\t")) continue;
    result += '\t';
    at += 2;
  }
  return result;
}

std::string with_single_backslashes(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    result += text[at];
    if (text.substr(at).starts_with("\\\\")) ++at;
  }
  return result;
}

// --- tasks
// ----------------------------------------------------------------------------------------

constexpr std::array kTaskMembers{"_tries", "_done", "_aborted", "_result", "_error"};

Json take(Json& value, const char* name) {
  const auto found = value.find(name);
  if (found == value.end()) refuse(fmt::format("it is no task: its value has no \"{}\"", name));
  Json member = std::move(*found);
  value.erase(found);
  return member;
}

Json take_or(Json& value, const char* name, Json otherwise) {
  return value.contains(name) ? take(value, name) : std::move(otherwise);
}

bool take_flag(Json& value, const char* name, bool otherwise) {
  const Json flag = take_or(value, name, otherwise);
  if (!flag.is_boolean()) refuse(fmt::format("\"{}\" is neither true nor false", name));
  return flag.get<bool>();
}

}  // namespace

std::string to_tastypy_line(const DictItem& item) {
  return escaped_key(item.key) + '\t' + ascii(item.value);
}

std::string to_tastypy_line(const Task& task) {
  Json value = task.value;
  for (const char* name : kTaskMembers) {
    if (!value.contains(name)) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("task {}: its value has a member \"{}\", which tastypy's layout needs "
                            "for itself",
                            task.key.json_text(), name));
  }
  value["_tries"] = task.tries;
  value["_done"] = task.state == TaskState::kDone;
  value["_aborted"] = task.state == TaskState::kAborted;
  if (!task.result.is_null()) value["_result"] = task.result;
  if (!task.error.empty()) value["_error"] = task.error;
  return to_tastypy_line(DictItem{task.key, std::move(value)});
}

DictItem dict_item_from_tastypy_line(std::string_view line) {
  const auto tab = line.find('\t');
  if (tab == std::string_view::npos) refuse("there is no tab between a key and a value");
  const std::string key = with_single_backslashes(with_tabs(line.substr(0, tab)));
  return {Key::parse(key), parse_json(line.substr(tab + 1), "value")};
}

Task task_from_tastypy_line(std::string_view line) {
  auto [key, value] = dict_item_from_tastypy_line(line);
  if (!value.is_object()) refuse("it is no task: its value is no object");
  Task task{std::move(key), Json::object()};
  const Json tries = take(value, "_tries");
  if (!tries.is_number_unsigned()) refuse("\"_tries\" is no whole number from 0 on");
  task.tries = tries.get<std::uint64_t>();
  if (!value.contains("_done")) refuse("it is no task: its value has no \"_done\"");
  const bool done = take_flag(value, "_done", false);
  const bool aborted = take_flag(value, "_aborted", false);
  task.state = done ? TaskState::kDone : aborted ? TaskState::kAborted : TaskState::kTodo;
  task.result = take_or(value, "_result", nullptr);
  const Json error = take_or(value, "_error", "");
  if (!error.is_string()) refuse("\"_error\" is no text");
  task.error = error.get<std::string>();
  task.value = std::move(value);
  return task;
}

}  // namespace h5flume::persistent
