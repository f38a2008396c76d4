#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "readers/stream/streamer.h"
#include "readers/worker/inspector.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/progress_bar.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

struct Arguments {
  std::string file;
  std::string dataset;
  FileOptions opening;
  bool quiet = false;
};

// A dataset that differs, or that could not be compared.
struct Finding {
  std::string path;
  std::string message;
};

struct Report {
  std::uint64_t datasets = 0;
  std::uint64_t compared = 0;
  std::uint64_t bytes = 0;
  std::vector<Finding> differing;
  std::vector<Finding> unsupported;  // read by libhdf5 either way, or not at all
};

BlockQueue open_queue(const Streamer& streamer, const std::string& dataset, bool direct) {
  StreamOptions options;
  options.ordered = true;
  options.remainder = true;
  options.direct = direct;
  options.workers = 1;
  return streamer.queue(dataset, options);
}

// Either way gives the bytes of a block, or an error: both must say the same.
struct Outcome {
  std::optional<Block> block;
  std::string error;
};

Outcome take(BlockQueue& queue) {
  try {
    return {queue.take(), {}};
  } catch (const Error& error) {
    return {std::nullopt, error.what()};
  }
}

// The first difference, or nothing.
std::string difference(const Outcome& direct, const Outcome& library) {
  if (!direct.error.empty() && library.error.empty()) {
    return "direct reading fails where libhdf5 does not: " + direct.error;
  }
  if (direct.error.empty() && !library.error.empty()) {
    return "libhdf5 fails where direct reading does not: " + library.error;
  }
  if (!direct.block || !library.block) return {};
  const auto a = direct.block->bytes();
  const auto b = library.block->bytes();
  if (std::equal(a.begin(), a.end(), b.begin(), b.end())) return {};
  const auto at = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
  const std::uint64_t row_bytes = a.size() / std::max<std::uint64_t>(direct.block->row_count(), 1);
  return fmt::format("row {} differs, from its byte {} on",
                     direct.block->first_row() + static_cast<std::uint64_t>(at) / row_bytes,
                     static_cast<std::uint64_t>(at) % row_bytes);
}

void compare(const Arguments& arguments, const std::string& path, Report& report,
             const SignalWatch& signals) {
  const Streamer streamer(arguments.file, arguments.opening);
  auto direct = open_queue(streamer, path, true);
  if (!direct.dataset().hdf5_reason.empty()) {
    report.unsupported.push_back({path, direct.dataset().hdf5_reason});
    return;
  }
  auto library = open_queue(streamer, path, false);
  ProgressBar progress(arguments.file + " " + path, direct.dataset().decoded_bytes(),
                       ProgressBar::Unit::kBytes, arguments.quiet);
  std::uint64_t bytes = 0;
  while (true) {
    signals.check();
    const Outcome a = take(direct);
    const Outcome b = take(library);
    if (auto found = difference(a, b); !found.empty()) {
      report.differing.push_back({path, std::move(found)});
      break;
    }
    // What both cannot read is the same to both; what comes after such a block is not compared.
    if (!a.error.empty()) {
      report.unsupported.push_back({path, "cannot be read either way: " + b.error});
      return;
    }
    if (!a.block) break;
    bytes += a.block->bytes().size();
    progress.update(bytes);
  }
  ++report.compared;
  report.bytes += bytes;
}

Report verify(const Arguments& arguments, const SignalWatch& signals) {
  Report report;
  std::vector<hdf5::ListedDataset> datasets{{arguments.dataset, {}}};
  const bool all = arguments.dataset.empty();
  if (all) {
    Inspector inspector(arguments.file, arguments.opening);
    datasets = inspector.list();
  }
  report.datasets = datasets.size();
  for (const auto& [path, error] : datasets) {
    if (!error.empty()) {
      report.unsupported.push_back({path, error});
      continue;
    }
    try {
      compare(arguments, path, report, signals);
    } catch (const Error& failure) {
      if (!all) throw;
      report.unsupported.push_back({path, failure.what()});
    }
  }
  return report;
}

nlohmann::ordered_json to_array(const std::vector<Finding>& findings, const char* what) {
  auto array = nlohmann::ordered_json::array();
  for (const auto& finding : findings) {
    array.push_back({{"path", finding.path}, {what, finding.message}});
  }
  return array;
}

std::string verdict(const Report& report) {
  if (report.compared == 0) return "nothing to say";
  if (report.differing.empty()) return "every byte the same";
  return fmt::format("{} differ", report.differing.size());
}

void print_for_people(const Report& report) {
  fmt::print("{} of {} datasets compared, {}: {}\n", report.compared, report.datasets,
             format_bytes(static_cast<double>(report.bytes)), verdict(report));
  for (const auto& [path, message] : report.differing) {
    fmt::print("  differs: {}: {}\n", printable(path), printable(message));
  }
  for (const auto& [path, message] : report.unsupported) {
    fmt::print("  not compared: {}: {}\n", printable(path), printable(message));
  }
}

void run(const Arguments& arguments, Context& context) {
  const Report report = verify(arguments, context.signals);
  if (context.json) {
    print_json({{"file", arguments.file},
                {"datasets", report.datasets},
                {"compared", report.compared},
                {"bytes", report.bytes},
                {"differing", to_array(report.differing, "difference")},
                {"unsupported", to_array(report.unsupported, "reason")}});
  } else if (!arguments.quiet) {
    print_for_people(report);
  }
  context.failed = !report.differing.empty();
}

}  // namespace

void add_verify(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto& command = *app.add_subcommand(
      "verify", "Compare what is read directly with what libhdf5 reads, byte by byte");
  command.add_option("FILE", arguments->file, "HDF5 file")->type_name("")->required();
  command
      .add_option("DATASET", arguments->dataset,
                  "Path of one dataset inside the file; default: all of them")
      ->type_name("");
  command.add_flag("--allow-outside-sources", arguments->opening.allow_outside_sources,
                   "Follow links and sources that lead outside the file's own folder");
  add_index_options(command, arguments->opening);
  command.add_flag("--quiet", arguments->quiet, "No progress bar and no summary");
  add_json_option(command, context);
  command.footer(
      "Exit status 1 if a dataset differs. Datasets that only libhdf5 can read are named with the "
      "reason.\n"
      "Example:\n  h5flume verify run7.h5 /images");
  command.callback(
      [&context, arguments] { context.run = [&, arguments] { run(*arguments, context); }; });
}

}  // namespace h5flume::cli
