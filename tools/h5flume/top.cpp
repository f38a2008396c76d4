#include <signal.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "readers/stream/published_streams.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/live_terminal.h"
#include "tools/h5flume/top_view.h"

namespace h5flume::cli {
namespace {

struct Arguments {
  std::string folder = "/dev/shm";
  double interval_seconds = 1;
  bool once = false;

  std::chrono::milliseconds interval() const {
    return std::chrono::milliseconds(static_cast<std::int64_t>(interval_seconds * 1000));
  }
};

std::string json_line(const TopView& view) {
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
  return view.to_json().dump(-1, ' ', false, kReplace) + "\n";
}

void show_once(const Arguments& arguments, const Context& context) {
  TopView view(arguments.folder);
  view.look(published_programs(arguments.folder));
  if (context.json) return print_json(view.to_json());
  LiveTerminal(context.signals, LiveTerminal::Style::kPlain).draw(view.lines());
}

void show_until_ended(const Arguments& arguments, const Context& context) {
  LiveTerminal terminal(context.signals,
                        context.json ? LiveTerminal::Style::kPlain : LiveTerminal::Style::kInPlace);
  TopView view(arguments.folder);
  auto event = LiveTerminal::Event::kTime;
  for (; event == LiveTerminal::Event::kTime; event = terminal.wait(arguments.interval())) {
    view.look(published_programs(arguments.folder));
    terminal.draw(context.json ? json_line(view) : view.lines(terminal.rows(), terminal.columns()));
  }
  // On a terminal Ctrl-C is a way to end it, like the key q.
  const bool is_expected = terminal.is_live() && context.signals.received() != SIGTERM;
  if (!is_expected) context.signals.check();
}

void run(const Arguments& arguments, const Context& context) {
  return arguments.once ? show_once(arguments, context) : show_until_ended(arguments, context);
}

}  // namespace

void add_top(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto& command = *app.add_subcommand(
      "top", "Show what the streams of this machine do now: rates, waits, workers");
  command
      .add_option("--interval", arguments->interval_seconds,
                  "Seconds between two looks, 0.1 at least. Default: 1")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 86'400.0).description(""));
  command.add_flag("--once", arguments->once, "One look, with the rates since each stream began");
  command
      .add_option("--folder", arguments->folder,
                  "Where programs publish their statistics. Default: /dev/shm")
      ->type_name("DIR");
  add_json_option(command, context);
  command.footer(
      "A line for each stream: MB (1e6 decoded bytes) and rows a second since the look before; how "
      "much of the pass is done, after the pass's number if they follow each other; the share of "
      "the time that consumers waited; blocks that are "
      "ready "
      "out of those in flight; workers alive and how many died; file and dataset. Below it its "
      "workers, where there is room.\n"
      "Streams are shown if they publish statistics: all of a program with H5FLUME_STATISTICS=1 in "
      "its environment, those with StreamOptions::publish_statistics, and those of `h5flume stream "
      "--statistics`.\n"
      "Drawn in place on a terminal, where q or Ctrl-C ends it; with --json a line of JSON for "
      "each "
      "look.\n"
      "Examples:\n"
      "  h5flume top\n"
      "  h5flume top --once --json");
  command.callback(
      [&context, arguments] { context.run = [&, arguments] { run(*arguments, context); }; });
}

}  // namespace h5flume::cli
