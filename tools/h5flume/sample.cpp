#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/error.h"
#include "readers/hdf5/sample_file.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/progress_bar.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

struct Arguments {
  std::string file;
  std::string kind = "images";
  std::uint64_t rows = 0;  // 0: about 300 MB of them
  bool overwrite = false;
};

// The dataset of the sample that is worth streaming.
std::string main_dataset(hdf5::SampleKind kind) {
  switch (kind) {
    case hdf5::SampleKind::kImages:
      return "/images";
    case hdf5::SampleKind::kTable:
      return "/events";
    case hdf5::SampleKind::kSensor:
      return "/sensor";
  }
  return "/";
}

void run(const Arguments& arguments, Context& context) {
  const auto kind = hdf5::sample_kind_from(arguments.kind);
  const std::uint64_t rows = arguments.rows > 0 ? arguments.rows : hdf5::default_rows(kind);
  {
    // The next report of progress finds the signal and ends the writing.
    const SignalWatch::Action end_between_slabs(context.signals, [] {});
    ProgressBar progress(arguments.file, rows, ProgressBar::Unit::kRows);
    hdf5::write_sample(
        arguments.file, kind, rows,
        [&](std::uint64_t done, std::uint64_t) {
          context.signals.check();
          progress.update(done);
        },
        arguments.overwrite);
  }
  const auto bytes = std::filesystem::file_size(arguments.file);
  const std::string next = fmt::format("h5flume stream {} {}", arguments.file, main_dataset(kind));
  if (context.json) {
    print_json({{"file", arguments.file},
                {"kind", arguments.kind},
                {"dataset", main_dataset(kind)},
                {"rows", rows},
                {"stored_bytes", bytes},
                {"next", next}});
  } else {
    fmt::print("wrote {}: {} rows, {}\ntry: {}\n", printable(arguments.file), rows,
               format_bytes(static_cast<double>(bytes)), printable(next));
  }
}

}  // namespace

void add_sample(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto& command = *app.add_subcommand("sample", "Write an HDF5 file to try things on");
  command.add_option("FILE", arguments->file, "File to write")->type_name("")->required();
  command.add_option("--rows", arguments->rows, "Number of rows. Default: about 300 MB of them")
      ->type_name("N")
      ->check(whole_number(1));
  command
      .add_option("--kind", arguments->kind,
                  "images (64 x 64 RGB), table (records of 57 bytes) or sensor (512 channels)")
      ->check(CLI::IsMember({"images", "table", "sensor"}))
      ->type_name("KIND")
      ->capture_default_str();
  command.add_flag("--overwrite", arguments->overwrite, "Replace the file if it exists");
  add_json_option(command, context);
  command.footer("Example:\n  h5flume sample images.h5 --kind images --rows 5000");
  command.callback(
      [&context, arguments] { context.run = [&, arguments] { run(*arguments, context); }; });
}

}  // namespace h5flume::cli
