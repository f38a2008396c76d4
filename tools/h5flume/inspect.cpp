#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "readers/hdf5/dataset_json_internal.h"
#include "readers/stream/streamer.h"
#include "readers/worker/inspector.h"
#include "tools/h5flume/advice.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

struct Arguments {
  std::string file;
  std::string dataset;
  FileOptions opening;
};

struct Failure {
  std::string code;  // empty where only a message is known
  std::string message;
};

// A dataset of the file, or why it cannot be served.
struct Entry {
  std::string path;
  std::variant<hdf5::DatasetInfo, Failure> content;
};

std::vector<Entry> look_into(const Arguments& arguments) {
  Inspector inspector(arguments.file, arguments.opening);
  std::vector<Entry> entries;
  if (!arguments.dataset.empty()) {
    entries.push_back({arguments.dataset, inspector.describe(arguments.dataset)});
    return entries;
  }
  bool hangs = false;
  for (const auto& [path, error] : inspector.list()) {
    if (!error.empty()) {
      entries.push_back({path, Failure{"", error}});
    } else if (hangs) {
      entries.push_back({path, Failure{"timeout",
                                       "not looked at, because one before it did not "
                                       "end in time"}});
    } else {
      try {
        entries.push_back({path, inspector.describe(path)});
      } catch (const Error& failure) {
        hangs = failure.code() == ErrorCode::kTimeout;
        entries.push_back({path, Failure{std::string(to_string(failure.code())), failure.what()}});
      }
    }
  }
  return entries;
}

double compression_ratio(const hdf5::DatasetInfo& info) {
  if (info.stored_bytes == 0) return 0;
  return static_cast<double>(info.decoded_bytes()) / static_cast<double>(info.stored_bytes);
}

std::string why(const hdf5::DatasetInfo& info) {
  return info.hdf5_reason.empty() ? "each worker fetches and decodes the stored bytes itself"
                                  : "libhdf5 reads it inside each worker: " + info.hdf5_reason;
}

nlohmann::ordered_json to_object(const Entry& entry) {
  nlohmann::ordered_json object;
  if (const auto* failure = std::get_if<Failure>(&entry.content)) {
    object["path"] = entry.path;
    object["error"] = {{"code", failure->code}, {"message", failure->message}};
    return object;
  }
  const auto& info = std::get<hdf5::DatasetInfo>(entry.content);
  object = nlohmann::json(info);
  object["row_bytes"] = info.row_bytes();
  object["ratio"] = compression_ratio(info);
  if (info.type.is_variable_length()) {  // not known without reading it
    for (const char* size : {"row_bytes", "decoded_bytes", "ratio"}) object[size] = nullptr;
  } else {
    object.erase("mean_value_bytes_at_most");
  }
  object.erase("hdf5_reason");
  object["read_path"] = read_path(info);
  object["why"] = why(info);
  object["default_block_rows"] = default_block_rows(info);
  object["advice"] = advice_for(info, default_block_rows(info));
  return object;
}

std::vector<std::string> to_cells(const hdf5::DatasetInfo& info) {
  std::string filters;
  for (const auto& filter : info.filters) filters += (filters.empty() ? "" : ", ") + filter.name;
  const double ratio = compression_ratio(info);
  return {printable(info.path),
          format_shape(info.shape),
          shortened(printable(to_string(info.type)), 40),
          to_string(info.layout),
          info.chunk.empty() ? "-" : format_shape(info.chunk),
          filters.empty() ? "-" : printable(filters),
          format_bytes(static_cast<double>(info.stored_bytes)),
          info.type.is_variable_length() ? "?"
                                         : format_bytes(static_cast<double>(info.decoded_bytes())),
          ratio > 0 ? fmt::format("{:.2f}", ratio) : "-",
          read_path(info)};
}

void print_for_people(const std::string& file, const std::vector<Entry>& entries) {
  std::vector<std::vector<std::string>> table{{"DATASET", "SHAPE", "TYPE", "LAYOUT", "CHUNK",
                                               "FILTERS", "STORED", "DECODED", "RATIO", "READ BY"}};
  std::string advice;
  std::string failures;
  for (const auto& entry : entries) {
    if (const auto* failure = std::get_if<Failure>(&entry.content)) {
      failures += fmt::format("  {}: {}\n", printable(entry.path), printable(failure->message));
      continue;
    }
    const auto& info = std::get<hdf5::DatasetInfo>(entry.content);
    table.push_back(to_cells(info));
    for (const auto& sentence : advice_for(info, default_block_rows(info))) {
      advice += fmt::format("  {}: {}\n", printable(info.path), sentence);
    }
  }
  if (entries.empty()) fmt::print("{} holds no datasets\n", printable(file));
  if (table.size() > 1) fmt::print("{}", format_table(table));
  if (!advice.empty()) fmt::print("\nadvice:\n{}", advice);
  if (!failures.empty()) fmt::print("\nnot served:\n{}", failures);
}

void run(const Arguments& arguments, bool json) {
  const auto entries = look_into(arguments);
  if (!json) return print_for_people(arguments.file, entries);
  auto datasets = nlohmann::ordered_json::array();
  for (const auto& entry : entries) datasets.push_back(to_object(entry));
  print_json({{"file", arguments.file}, {"datasets", std::move(datasets)}});
}

}  // namespace

void add_inspect(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto& command = *app.add_subcommand("inspect", "Show what a file holds and how it will be read");
  command.add_option("FILE", arguments->file, "HDF5 file")->type_name("")->required();
  command
      .add_option("DATASET", arguments->dataset,
                  "Path of one dataset inside the file; default: all of them")
      ->type_name("");
  command.add_flag("--allow-outside-sources", arguments->opening.allow_outside_sources,
                   "Follow links and sources that lead outside the file's own folder");
  add_index_options(command, arguments->opening);
  add_json_option(command, context);
  command.footer("Example:\n  h5flume inspect run7.h5 /images");
  command.callback(
      [&context, arguments] { context.run = [&, arguments] { run(*arguments, context.json); }; });
}

}  // namespace h5flume::cli
