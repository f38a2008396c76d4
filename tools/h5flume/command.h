#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>

#include "readers/worker/file_options.h"
#include "tools/h5flume/signal_watch.h"

namespace h5flume::cli {

/// What the subcommands share.
struct Context {
  SignalWatch& signals;
  bool json = false;               ///< --json was given, to whichever subcommand
  bool failed = false;             ///< the run has said itself what is wrong: exit status 1
  std::function<void()> run = {};  ///< the subcommand to run, set while the command line is parsed
};

/// Each adds one subcommand, which sets Context::run. A run throws h5flume::Error or Interrupted
/// (exit status 1, 130), CLI::ParseError for options that do not go together (2).
void add_inspect(CLI::App& app, Context& context);
void add_stream(CLI::App& app, Context& context);
void add_slice(CLI::App& app, Context& context);
void add_verify(CLI::App& app, Context& context);
void add_sample(CLI::App& app, Context& context);
void add_mapped(CLI::App& app, Context& context);
void add_dict(CLI::App& app, Context& context);
void add_track(CLI::App& app, Context& context);
void add_shared(CLI::App& app, Context& context);
void add_top(CLI::App& app, Context& context);
void add_job(CLI::App& app, Context& context);

/// Adds --json.
void add_json_option(CLI::App& command, Context& context);

/// Adds --index-folder and --no-index.
void add_index_options(CLI::App& command, FileOptions& opening);

/// Prints the one JSON object of a run.
void print_json(const nlohmann::ordered_json& object);

/// Option values that have to be whole numbers from `least` to `most`.
CLI::Validator whole_number(std::int64_t least, std::int64_t most = std::int64_t{1} << 53U);

}  // namespace h5flume::cli
