#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "core/error.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {

void add_json_option(CLI::App& command, Context& context) {
  command.add_flag("--json", context.json, "Print one JSON object on standard output");
}

void add_index_options(CLI::App& command, FileOptions& opening) {
  auto* folder = command
                     .add_option("--index-folder", opening.index_folder,
                                 "Where indices of datasets of 10,000 chunks and more are kept. "
                                 "Default: $H5FLUME_INDEX_FOLDER, else ~/.cache/h5flume")
                     ->type_name("DIR");
  command
      .add_flag_callback(
          "--no-index", [&opening] { opening.index_folder = ""; },
          "Neither look for a kept index nor keep one")
      ->excludes(folder);
}

CLI::Validator whole_number(std::int64_t least, std::int64_t most) {
  auto range = CLI::Range(least, most);
  return range.description("");  // the option's help says it in words
}

void print_json(const nlohmann::ordered_json& object) {
  // Names come from the file and need not be UTF-8.
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
  fmt::print("{}\n", object.dump(2, ' ', false, kReplace));
}

namespace {

constexpr int kFailure = 1;
constexpr int kUsage = 2;

int report(const Context& context, std::string_view code, const std::string& message, int status) {
  fmt::print(stderr, "h5flume: {}\n", printable(message));
  if (context.json) print_json({{"error", {{"code", code}, {"message", message}}}});
  return status;
}

int report_usage(const CLI::App& app, const Context& context, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  const int status = report(context, "usage", error.what(), kUsage);
  fmt::print(stderr, "h5flume: --help says more\n");
  return status;
}

// What the shell sees of everything that a run can throw.
int run_reporting_errors(const Context& context) {
  try {
    context.run();
    if (std::fflush(stdout) == 0) return context.failed ? kFailure : 0;
    return report(context, "io", "write to standard output: it is closed or full", kFailure);
  } catch (const CLI::ParseError& error) {
    return report(context, "usage", error.what(), kUsage);
  } catch (const std::exception& error) {
    const auto* known = dynamic_cast<const Error*>(&error);
    const int signal = context.signals.received();
    if (signal != 0) {
      return report(context, "interrupted", "interrupted", context.signals.exit_status());
    }
    return report(context, known ? to_string(known->code()) : "io", error.what(), kFailure);
  }
}

bool wants_json(int argc, char** argv) {
  for (int index = 1; index < argc; ++index) {
    if (std::string_view(argv[index]) == "--json") return true;
  }
  return false;
}

int main_reporting_errors(int argc, char** argv) {
  SignalWatch signals;
  Context context{signals};
  CLI::App app("Feeds training loops from HDF5 files.", "h5flume");
  app.set_version_flag("--version", "h5flume " H5FLUME_VERSION);
  app.require_subcommand(0, 1);
  app.footer(
      "Exit status: 0 success, 1 data or file error, 2 usage.\n"
      "Example:\n"
      "  h5flume sample images.h5 && h5flume stream images.h5 /images");
  add_inspect(app, context);
  add_stream(app, context);
  add_slice(app, context);
  add_verify(app, context);
  add_sample(app, context);
  add_mapped(app, context);
  add_dict(app, context);
  add_track(app, context);
  add_shared(app, context);
  add_top(app, context);
  add_job(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    context.json = wants_json(argc, argv);  // the command line may not have been read that far
    return report_usage(app, context, error);
  }
  if (!context.run) {
    fmt::print("{}", app.help());
    return kUsage;
  }
  return run_reporting_errors(context);
}

}  // namespace
}  // namespace h5flume::cli

int main(int argc, char** argv) {
  try {
    return h5flume::cli::main_reporting_errors(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "h5flume: {}\n", error.what());
    return 1;
  }
}
