#include "tools/h5flume/exchange_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "core/error.h"
#include "tools/h5flume/progress_bar.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

constexpr auto kJsonLines = "jsonl";
constexpr auto kTastypy = "tastypy";

ExchangeFormat format_of(const ExchangeArguments& arguments) {
  if (arguments.format == kTastypy) return ExchangeFormat::kTastypy;
  std::error_code ignored;  // which writing tells
  const bool folder =
      arguments.file.ends_with('/') || std::filesystem::is_directory(arguments.file, ignored);
  return arguments.format.empty() && folder ? ExchangeFormat::kTastypy : ExchangeFormat::kJsonLines;
}

// So that a signal ends the run by an exception from check(), which cleans up.
SignalWatch::Action keep_running(Context& context) {
  return SignalWatch::Action(context.signals, [] {});
}

}  // namespace

void add_export_arguments(CLI::App& command, ExchangeArguments& arguments,
                          const std::string& kind) {
  command
      .add_option("DESTINATION", arguments.file,
                  "File of JSON lines, or folder of tastypy; appears when it is complete")
      ->type_name("")
      ->required();
  command
      .add_option("--format", arguments.format,
                  "jsonl or tastypy. Default: tastypy if DESTINATION is a folder or ends in /")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({kJsonLines, kTastypy}).description(""));
  command.add_flag("--gzip", arguments.gzip, "Compress. Default: only a file named .gz");
  command
      .add_option("--file-size", arguments.lines_a_file,
                  "Entries of each file of a tastypy folder, which tastypy has to be told when it "
                  "opens the " +
                      kind + ". Default: 1000, as there")
      ->type_name("N")
      ->check(whole_number(1));
  command.add_flag("--force", arguments.force,
                   "Replace a folder of tastypy that is there; no other is ever replaced");
}

void add_import_arguments(CLI::App& command, ExchangeArguments& arguments) {
  command
      .add_option("SOURCE", arguments.file,
                  "File of JSON lines, or folder of tastypy; either "
                  "may be gzipped")
      ->type_name("")
      ->required();
  command.add_flag("--salvage", arguments.salvage,
                   "Leave out what is damaged, and say each line. Default: import nothing if "
                   "anything is damaged");
}

void run_export(const ExchangeArguments& arguments, std::uint64_t total, Context& context,
                const std::function<std::uint64_t(const ExportOptions&)>& run) {
  const auto keep = keep_running(context);
  ProgressBar bar("export " + arguments.file, total, ProgressBar::Unit::kEntries);
  const std::uint64_t count = run({.format = format_of(arguments),
                                   .gzip = arguments.gzip,
                                   .lines_a_file = arguments.lines_a_file,
                                   .replace = arguments.force,
                                   .on_progress = [&](std::uint64_t done) {
                                     context.signals.check();
                                     bar.update(done);
                                   }});
  bar.finish();
  if (context.json) return print_json({{"destination", arguments.file}, {"exported", count}});
  fmt::print("wrote {} entries to {}\n", count, printable(arguments.file));
}

void require_source(const ExchangeArguments& arguments) {
  std::error_code ignored;  // one that cannot be looked at is told when it is opened
  if (std::filesystem::status(arguments.file, ignored).type() !=
      std::filesystem::file_type::not_found)
    return;
  throw Error(ErrorCode::kNotFound, fmt::format("import {}: it is not there", arguments.file));
}

void run_import(const ExchangeArguments& arguments, Context& context,
                const std::function<ImportReport(const ImportOptions&)>& run) {
  const auto keep = keep_running(context);
  ProgressBar bar("import " + arguments.file, 0, ProgressBar::Unit::kEntries);
  const auto tell_dropped = [&](const DroppedLine& line) {
    bar.finish();
    const auto place = line.line == 0 ? line.file : fmt::format("{} line {}", line.file, line.line);
    fmt::print(stderr, "h5flume: dropped: {}: {}\n", printable(place), printable(line.cause));
  };
  const auto report = run({.salvage = arguments.salvage,
                           .on_dropped = tell_dropped,
                           .on_progress = [&](std::uint64_t done, std::uint64_t total) {
                             context.signals.check();
                             bar.set_total(total);
                             bar.update(done);
                           }});
  bar.finish();
  if (context.json) {
    return print_json(
        {{"source", arguments.file}, {"imported", report.imported}, {"dropped", report.dropped}});
  }
  const auto dropped =
      report.dropped == 0 ? std::string() : fmt::format(", and dropped {} lines", report.dropped);
  fmt::print("read {} entries from {}{}\n", report.imported, printable(arguments.file), dropped);
}

}  // namespace h5flume::cli
