#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "storage/persistent/json_lines.h"
#include "storage/persistent/progress_tracker.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/exchange_command.h"
#include "tools/h5flume/key_argument.h"
#include "tools/h5flume/text.h"
#include "tools/h5flume/track_watch.h"

namespace h5flume::cli {
namespace {

struct Arguments {
  std::string tracker;
  std::vector<std::string> key_texts;
  std::vector<std::string> state_names;
  std::uint64_t limit = ~std::uint64_t{0};
  std::optional<std::uint64_t> max_tries;
  bool text_keys = false;
  bool all = false;
  bool aborted = false;
  ExchangeArguments exchange;

  std::vector<Key> keys() const {
    std::vector<Key> keys;
    for (const auto& text : key_texts) keys.push_back(key_argument(text, text_keys));
    return keys;
  }

  ProgressTracker::States states() const {
    ProgressTracker::States states;
    for (const auto& name : state_names) states.push_back(*task_state_from(name));
    return states;
  }
};

ProgressTracker open_to_read(const Arguments& arguments) {
  return ProgressTracker(arguments.tracker, {.create = false, .read_only = true});
}

ProgressTracker open_to_write(const Arguments& arguments) {
  return ProgressTracker(arguments.tracker, {.create = false, .durability = Durability::kPower});
}

// --- looking
// --------------------------------------------------------------------------------------

Json to_object(const TrackerStatus& status, std::uint64_t max_tries) {
  return {{"total", status.total}, {"todo", status.todo},       {"leased", status.leased},
          {"done", status.done},   {"aborted", status.aborted}, {"exhausted", status.exhausted},
          {"tries", status.tries}, {"tried", status.tried},     {"max_tries", max_tries}};
}

void print_for_people(const std::string& address, const TrackerStatus& status,
                      std::uint64_t max_tries) {
  const auto share = [&](std::uint64_t count) {
    return status.total == 0
               ? 0.0
               : 100.0 * static_cast<double>(count) / static_cast<double>(status.total);
  };
  fmt::print("{}: {} tasks, {:.2f}% done\n", printable(address), status.total, share(status.done));
  fmt::print("  todo {}, being worked on {}, done {}, aborted {}, exhausted {}\n", status.todo,
             status.leased, status.done, status.aborted, status.exhausted);
  fmt::print("  {} tries of {} tasks, {}\n", status.tries, status.tried,
             max_tries == 0 ? "any number allowed" : fmt::format("at most {} each", max_tries));
}

void print_status(const ProgressTracker& tracker, const Context& context) {
  const auto status = tracker.status();
  const auto max_tries = tracker.max_tries();
  if (context.json) return print_json(to_object(status, max_tries));
  print_for_people(tracker.address(), status, max_tries);
}

void status(const Arguments& arguments, Context& context) {
  print_status(open_to_read(arguments), context);
}

void watch(const Arguments& arguments, Context& context) {
  const auto tracker = open_to_read(arguments);
  watch_tracker(tracker, context);
  print_status(tracker, context);
}

std::string line_for_people(const Task& task) {
  std::string line =
      fmt::format("{}\t{}\t{}", task.key.json_text(), to_string(task.state), task.tries);
  if (!task.error.empty()) line += '\t' + printable(task.error);
  return line;
}

void list(const Arguments& arguments, Context& context) {
  const auto tracker = open_to_read(arguments);
  std::uint64_t left = arguments.limit;
  if (left == 0) return;
  tracker.for_each(
      [&](const Task& task) {
        fmt::print("{}\n", context.json ? to_json_line(task) : line_for_people(task));
        return --left > 0;
      },
      arguments.states());
}

// --- changing
// -------------------------------------------------------------------------------------

// Says how many tasks a command has changed.
void print_changed(const char* what, std::uint64_t count, const Context& context) {
  if (context.json) return print_json({{what, count}});
  fmt::print("{} {} {}\n", what, count, count == 1 ? "task" : "tasks");
}

// The tasks whose keys are given. Throws if one is not there, before anything is changed.
std::vector<Task> named_tasks(const ProgressTracker& tracker, const Arguments& arguments) {
  std::vector<Task> tasks;
  for (const auto& key : arguments.keys()) {
    auto task = tracker.find(key);
    if (!task) {
      throw Error(ErrorCode::kNotFound,
                  fmt::format("tracker {}: no task {}", tracker.address(), key.json_text()));
    }
    tasks.push_back(std::move(*task));
  }
  return tasks;
}

// Calls `change` for the tasks whose keys are given, or else for all in any of `states`; returns
// how many there are.
template <class Change>
std::uint64_t for_tasks(const ProgressTracker& tracker, const Arguments& arguments,
                        const ProgressTracker::States& states, const Change& change) {
  if (!arguments.key_texts.empty()) {
    const auto tasks = named_tasks(tracker, arguments);
    for (const auto& task : tasks) change(task);
    return tasks.size();
  }
  std::uint64_t count = 0;
  tracker.for_each(
      [&](const Task& task) {
        change(task);
        return ++count > 0;
      },
      states);
  return count;
}

void require_keys_or(bool instead, const char* flag, const Arguments& arguments) {
  if (arguments.key_texts.empty() == instead) return;
  throw CLI::ValidationError(instead ? fmt::format("{} and KEY do not go together", flag)
                                     : fmt::format("KEY or {} is required", flag));
}

void retry(const Arguments& arguments, Context& context) {
  if (arguments.aborted) require_keys_or(true, "--aborted", arguments);
  auto tracker = open_to_write(arguments);
  if (arguments.key_texts.empty() && !arguments.aborted) {
    return print_changed("retried", tracker.retry_exhausted(), context);
  }
  for (const auto& task : named_tasks(tracker, arguments)) {
    if (task.state != TaskState::kDone) continue;
    throw Error(ErrorCode::kConflict,
                fmt::format("tracker {}: task {} is done: reset makes it undone", tracker.address(),
                            task.key.json_text()));
  }
  const auto count = for_tasks(tracker, arguments, {TaskState::kAborted}, [&](const Task& task) {
    tracker.unabort(task.key);
    tracker.reset_tries(task.key);
  });
  print_changed("retried", count, context);
}

void abort(const Arguments& arguments, Context& context) {
  require_keys_or(arguments.all, "--all", arguments);
  auto tracker = open_to_write(arguments);
  const auto count =
      for_tasks(tracker, arguments, {TaskState::kTodo, TaskState::kLeased, TaskState::kExhausted},
                [&](const Task& task) { tracker.abort(task.key); });
  print_changed("aborted", count, context);
}

// Many at a time: ten million tasks are reset by a script that waits.
void reset(const Arguments& arguments, Context& context) {
  constexpr std::size_t kTasksAtATime = 4096;
  require_keys_or(arguments.all, "--all", arguments);
  auto tracker = open_to_write(arguments);
  std::vector<Task> tasks;
  const auto flush = [&] {
    tracker.restore(tasks);
    tasks.clear();
  };
  const auto count = for_tasks(tracker, arguments, {}, [&](const Task& task) {
    tasks.push_back({.key = task.key, .value = task.value});
    if (tasks.size() == kTasksAtATime) flush();
  });
  flush();
  print_changed("reset", count, context);
}

void run_export_of(const Arguments& arguments, Context& context) {
  const auto tracker = open_to_read(arguments);
  run_export(arguments.exchange, tracker.size(), context, [&](const ExportOptions& options) {
    return export_tracker(tracker, arguments.exchange.file, options);
  });
}

void run_import_into(const Arguments& arguments, Context& context) {
  require_source(arguments.exchange);
  auto tracker = ProgressTracker(arguments.tracker, {.max_tries = arguments.max_tries});
  run_import(arguments.exchange, context, [&](const ImportOptions& options) {
    return import_tracker(tracker, arguments.exchange.file, options);
  });
}

// --- the command line
// -----------------------------------------------------------------------------

using Run = void (*)(const Arguments&, Context&);

CLI::App& add_command(CLI::App& parent, const std::string& name, const std::string& help, Run run,
                      const std::shared_ptr<Arguments>& arguments, Context& context) {
  auto& command = *parent.add_subcommand(name, help);
  command
      .add_option("PATH", arguments->tracker,
                  "Folder of the tracker, or "
                  "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?name=NAME]")
      ->type_name("")
      ->required();
  add_json_option(command, context);
  command.callback([&context, arguments, run] {
    context.run = [&context, arguments, run] { run(*arguments, context); };
  });
  return command;
}

// Any number of keys. CLI11 takes a tuple for a list of several where an option may be repeated, so
// that only the first is one and the others are what is left.
void add_keys(CLI::App& command, const std::shared_ptr<Arguments>& arguments) {
  command.add_option("KEY...", arguments->key_texts, kKeyHelp)
      ->type_name("")
      ->expected(1)
      ->allow_extra_args(false);
  command.add_flag("--text-key", arguments->text_keys, "KEYs are text, whatever they look like");
  command.allow_extras();
  command.parse_complete_callback([&command, arguments] {
    bool only_keys = false;  // behind --
    for (const auto& extra : command.remaining()) {
      if (!only_keys && extra == "--") {
        only_keys = true;
      } else if (!only_keys && extra.starts_with("--")) {
        throw CLI::ExtrasError({extra});
      } else {
        arguments->key_texts.push_back(extra);
      }
    }
  });
}

void add_looking(CLI::App& parent, const std::shared_ptr<Arguments>& arguments, Context& context) {
  auto& showing =
      add_command(parent, "status", "Count the tasks in each state", status, arguments, context);
  showing.footer("Example:\n  h5flume track status run7.tracker --json");

  auto& listing = add_command(parent, "list", "Print tasks, in the order of their adding", list,
                              arguments, context);
  listing
      .add_option("--state", arguments->state_names,
                  "Only tasks that are todo, leased, done, aborted or exhausted; may be repeated")
      ->type_name("STATE")
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"todo", "leased", "done", "aborted", "exhausted"}).description(""));
  listing.add_option("--limit", arguments->limit, "Stop after so many")
      ->type_name("N")
      ->check(whole_number(0));
  listing.footer(
      "Key, state, tries and last error for each line, between tabs; with --json a line of JSON "
      "for "
      "each, as export writes them.\n"
      "Example:\n  h5flume track list run7.tracker --state exhausted");

  auto& watching = add_command(parent, "watch", "Show a progress bar until nothing is left to do",
                               watch, arguments, context);
  watching.footer("Example:\n  h5flume track watch redis://server/0?name=run7");
}

void add_changing(CLI::App& parent, const std::shared_ptr<Arguments>& arguments, Context& context) {
  auto& retrying = add_command(parent, "retry",
                               "Try exhausted tasks again, as if they had not been "
                               "tried; with KEYs those, exhausted or aborted",
                               retry, arguments, context);
  add_keys(retrying, arguments);
  retrying.add_flag("--aborted", arguments->aborted, "All aborted tasks instead");
  retrying.footer("Example:\n  h5flume track retry run7.tracker");

  auto& aborting = add_command(parent, "abort", "Take tasks out of the work, unless they are done",
                               abort, arguments, context);
  add_keys(aborting, arguments);
  aborting.add_flag("--all", arguments->all, "All that are not done");
  aborting.footer("Example:\n  h5flume track abort run7.tracker 4711 '[\"/images\",4096]'");

  auto& resetting = add_command(parent, "reset",
                                "Make tasks as they were when they were added: not "
                                "done, not tried, without results",
                                reset, arguments, context);
  add_keys(resetting, arguments);
  resetting.add_flag("--all", arguments->all, "All tasks");
  resetting.footer(
      "Values stay. Nobody should work on the tasks meanwhile.\n"
      "Example:\n  h5flume track reset run7.tracker --all");
}

void add_exchange(CLI::App& parent, const std::shared_ptr<Arguments>& arguments, Context& context) {
  auto& exporting = add_command(parent, "export",
                                "Write all tasks to a file of JSON lines or a "
                                "folder of tastypy",
                                run_export_of, arguments, context);
  add_export_arguments(exporting, arguments->exchange, "tracker");
  exporting.footer(
      "Examples:\n"
      "  h5flume track export run7.tracker run7.jsonl.gz\n"
      "  h5flume track export run7.tracker run7.pod --format tastypy");

  auto& importing = add_command(parent, "import",
                                "Put the tasks of a file of JSON lines or a "
                                "folder of tastypy in place",
                                run_import_into, arguments, context);
  add_import_arguments(importing, arguments->exchange);
  importing
      .add_option("--max-tries", arguments->max_tries,
                  "How often a task may be tried, kept with the tracker; 0: any number of times")
      ->type_name("N")
      ->check(whole_number(0));
  importing.footer(
      "Tasks with other keys stay; those that were being worked on are todo. A line {\"key\":KEY} "
      "is a new task.\n"
      "Examples:\n"
      "  h5flume track import run7.tracker run7.jsonl.gz\n"
      "  h5flume track import run7.tracker old.pod --max-tries 3 --salvage");
}

}  // namespace

void add_track(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto& command =
      *app.add_subcommand("track", "Look into progress trackers and change what is to be done");
  command.require_subcommand(1);
  command.footer("Example:\n  h5flume track status run7.tracker");
  add_looking(command, arguments, context);
  add_changing(command, arguments, context);
  add_exchange(command, arguments, context);
}

}  // namespace h5flume::cli
