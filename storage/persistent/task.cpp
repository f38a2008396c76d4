#include "storage/persistent/task.h"

namespace h5flume {

std::string_view to_string(TaskState state) noexcept {
  switch (state) {
    case TaskState::kTodo:
      return "todo";
    case TaskState::kLeased:
      return "leased";
    case TaskState::kDone:
      return "done";
    case TaskState::kAborted:
      return "aborted";
    case TaskState::kExhausted:
      return "exhausted";
  }
  return "unknown";
}

std::optional<TaskState> task_state_from(std::string_view name) noexcept {
  for (const auto state : {TaskState::kTodo, TaskState::kLeased, TaskState::kDone,
                           TaskState::kAborted, TaskState::kExhausted}) {
    if (name == to_string(state)) return state;
  }
  return std::nullopt;
}

}  // namespace h5flume
