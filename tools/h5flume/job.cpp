#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "readers/jobs/chunk_job.h"
#include "readers/random/reader.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/npy_writer.h"
#include "tools/h5flume/piece_command.h"
#include "tools/h5flume/progress_bar.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

using Clock = std::chrono::steady_clock;

// How often a piece is tried if nobody has ever said.
constexpr std::uint64_t kDefaultTries = 3;

struct Arguments {
  std::string file;
  std::string dataset;
  std::string tracker;
  std::string out;
  FileOptions opening;
  ChunkJobOptions job;
  PieceCommandOptions command;
  std::string format = "npy";
  std::optional<std::uint64_t> max_tries;
  std::optional<double> lease_seconds;
  std::optional<double> timeout_seconds;
  bool durable = false;
  bool quiet = false;
};

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

// FILE or FILE:DATASET.
JobOutput output_of(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return {.file = text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

ChunkJobOptions job_options(const Arguments& arguments) {
  ChunkJobOptions options = arguments.job;
  if (!arguments.out.empty()) options.output = output_of(arguments.out);
  if (arguments.lease_seconds) options.lease = milliseconds(*arguments.lease_seconds);
  if (arguments.durable) options.durability = Durability::kPower;
  return options;
}

PieceCommandOptions command_options(const Arguments& arguments) {
  PieceCommandOptions options = arguments.command;
  options.format = arguments.format == "raw" ? PieceFormat::kRaw : PieceFormat::kNpy;
  options.makes_rows = !arguments.out.empty();
  if (arguments.timeout_seconds) options.timeout = milliseconds(*arguments.timeout_seconds);
  return options;
}

ProgressTracker open_tracker(const Arguments& arguments) {
  TrackerOptions options;
  options.max_tries = arguments.max_tries;
  options.durability = arguments.durable ? Durability::kPower : Durability::kProcess;
  ProgressTracker tracker(arguments.tracker, options);
  const bool is_new = tracker.size() == 0 && tracker.max_tries() == 0;
  if (arguments.max_tries || !is_new) return tracker;
  options.max_tries = kDefaultTries;
  return ProgressTracker(arguments.tracker, options);
}

std::string count_of(std::uint64_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// Draws what a job reports, from whichever of its threads.
class JobProgress {
 public:
  JobProgress(const Arguments& arguments, const hdf5::DatasetInfo& dataset)
      : total_bytes_(static_cast<double>(dataset.decoded_bytes())),
        bar_(arguments.file + " " + dataset.path, dataset.decoded_bytes(),
             ProgressBar::Unit::kBytes, arguments.quiet) {}

  void show(const JobStatistics& numbers) {
    const std::lock_guard lock(mutex_);
    if (numbers.failed_tries > 0) {
      bar_.set_note(count_of(numbers.failed_tries, "try", "tries") + " failed");
    }
    bar_.start_at(bytes_of(numbers.done_before, numbers));
    bar_.update(bytes_of(numbers.done, numbers));
  }

  void finish() {
    const std::lock_guard lock(mutex_);
    bar_.finish();
  }

 private:
  std::uint64_t bytes_of(std::uint64_t pieces, const JobStatistics& numbers) const {
    if (numbers.pieces == 0) return 0;
    return static_cast<std::uint64_t>(total_bytes_ * static_cast<double>(pieces) /
                                      static_cast<double>(numbers.pieces));
  }

  double total_bytes_;
  std::mutex mutex_;
  ProgressBar bar_;
};

struct Result {
  JobStatistics numbers;
  double seconds = 0;

  double mb_per_s() const {
    return seconds > 0 ? static_cast<double>(numbers.bytes) / 1e6 / seconds : 0;
  }
  bool is_complete() const { return numbers.done >= numbers.pieces; }
};

void print_as_json(const Result& result) {
  const auto& numbers = result.numbers;
  print_json({{"pieces", numbers.pieces},
              {"done", numbers.done},
              {"done_before", numbers.done_before},
              {"failed_tries", numbers.failed_tries},
              {"exhausted", numbers.exhausted},
              {"aborted", numbers.aborted},
              {"rows", numbers.rows},
              {"bytes", numbers.bytes},
              {"seconds", result.seconds},
              {"mb_per_s", result.mb_per_s()}});
}

void print_for_people(const Result& result, const Arguments& arguments) {
  const auto& numbers = result.numbers;
  fmt::print("{} of {} pieces done, {} before: {} rows, {} in {:.2f} s: {:.0f} MB/s\n",
             numbers.done, numbers.pieces, numbers.done_before, numbers.rows,
             format_bytes(static_cast<double>(numbers.bytes)), result.seconds, result.mb_per_s());
  if (numbers.failed_tries > 0) {
    fmt::print("{} failed\n", count_of(numbers.failed_tries, "try", "tries"));
  }
  if (!arguments.out.empty() && numbers.done > 0) {
    fmt::print("wrote {}\n", printable(arguments.out));
  }
}

// On standard error: how many pieces have been given up, why the first of them, and what to do.
void print_what_is_missing(const Result& result, const ProgressTracker& tracker) {
  const auto& numbers = result.numbers;
  if (numbers.aborted > 0) {
    fmt::print(stderr, "h5flume: {} aborted\n",
               count_of(numbers.aborted, "piece is", "pieces are"));
  }
  if (numbers.exhausted == 0) return;
  fmt::print(stderr, "h5flume: {} failed {} and {} not tried again\n",
             count_of(numbers.exhausted, "piece has", "pieces have"),
             count_of(tracker.max_tries(), "time", "times"), numbers.exhausted == 1 ? "is" : "are");
  tracker.for_each(
      [](const Task& task) {
        fmt::print(stderr, "  {}: {}\n", printable(task.key.json_text()), printable(task.error));
        return false;
      },
      {TaskState::kExhausted});
  const std::string address = printable(tracker.address());
  fmt::print(stderr,
             "  h5flume track list {} --state exhausted   # all of them\n"
             "  h5flume track retry {}   # and then run this again\n",
             address, address);
}

Result run_job(const Arguments& arguments, Dataset dataset, ProgressTracker& tracker,
               SignalWatch& signals) {
  JobProgress progress(arguments, dataset.info());
  ChunkJobOptions options = job_options(arguments);
  options.on_progress = [&](const JobStatistics& numbers) { progress.show(numbers); };
  const auto info = dataset.info();
  ChunkJob job(std::move(dataset), tracker, std::move(options));
  PieceCommand command(command_options(arguments), info, job.piece_count());
  const SignalWatch::Action stop_on_signal(signals, [&] {
    job.stop();
    command.stop();
  });

  Result result;
  const auto start = Clock::now();
  result.numbers =
      job.run([&](const JobPiece& piece, const Array& rows) { return command.run(piece, rows); });
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  progress.finish();
  signals.check();
  return result;
}

void run(const Arguments& arguments, Context& context) {
  const Reader reader(arguments.file, {}, arguments.opening);
  const bool is_absolute = arguments.dataset.starts_with('/');
  const Dataset dataset = reader.dataset(is_absolute ? arguments.dataset : "/" + arguments.dataset);
  require_npy_type(dataset.info());
  require_program(arguments.command.command.at(0));
  ProgressTracker tracker = open_tracker(arguments);
  const Result result = run_job(arguments, dataset, tracker, context.signals);
  if (context.json) {
    print_as_json(result);
  } else if (!arguments.quiet) {
    print_for_people(result, arguments);
  }
  if (result.is_complete()) return;
  context.failed = true;
  print_what_is_missing(result, tracker);
}

void add_job_options(CLI::App& command, Arguments& arguments) {
  command
      .add_option("--tracker", arguments.tracker,
                  "Where the progress is kept: a folder, made if it is not there, or "
                  "redis://HOST for several machines. Begin again with the same one to go on")
      ->type_name("PATH")
      ->required();
  command
      .add_option("--out", arguments.out,
                  "Write what the commands print, rows as --format says, to this dataset, "
                  "contiguous and not compressed. Default of DATASET: /result")
      ->type_name("FILE[:DATASET]");
  command
      .add_option("--format", arguments.format,
                  "How the commands get the piece, and give rows back: npy, or raw, the bare "
                  "elements in C order, little-endian, as many and of the same type. Default: npy")
      ->type_name("npy|raw")
      ->check(CLI::IsMember({"npy", "raw"}).description(""));
  command
      .add_option("--piece-rows", arguments.job.piece_rows,
                  "Rows of a piece; of whole chunks is fastest. Default: whole chunks of about "
                  "8 MiB, or what the job was begun with")
      ->type_name("N")
      ->check(whole_number(1));
}

void add_behaviour(CLI::App& command, Arguments& arguments) {
  command
      .add_option("--workers", arguments.job.threads,
                  "Commands at a time, 1 to 255. Default: one for each core")
      ->type_name("N")
      ->check(whole_number(1, 255));
  command
      .add_option("--max-tries", arguments.max_tries,
                  "How often a piece is tried; 0: until it succeeds. Kept with the tracker. "
                  "Default: 3 in a new one")
      ->type_name("N")
      ->check(whole_number(0));
  command
      .add_option("--timeout", arguments.timeout_seconds,
                  "Seconds after which a command is killed, which is a failed try. Default: none")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, 1e9).description(""));
  command
      .add_option("--lease", arguments.lease_seconds,
                  "Seconds after which the pieces of an h5flume that hangs are given to another; "
                  "those of a dead one are at once. Default: 60")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 1e9).description(""));
  command.add_flag("--durable", arguments.durable,
                   "What is done survives the machine's going down, too, which costs some "
                   "milliseconds a piece. Default: it survives the death of any process");
  command.add_flag("--allow-outside-sources", arguments.opening.allow_outside_sources,
                   "Follow links and sources that lead outside the file's own folder");
  add_index_options(command, arguments.opening);
  command.add_flag("--quiet", arguments.quiet, "No progress bar and no summary");
}

constexpr const char* kFooter =
    "The command gets the rows of its piece on standard input and, in its environment:\n"
    "  H5FLUME_FILE H5FLUME_DATASET          which dataset\n"
    "  H5FLUME_FIRST_ROW H5FLUME_ROWS        which rows, out of H5FLUME_TOTAL_ROWS\n"
    "  H5FLUME_SHAPE H5FLUME_DTYPE           \"512,64,64,3\" and numpy's \"|u1\"\n"
    "  H5FLUME_PIECE H5FLUME_PIECES          its number, from 0, and how many there are\n"
    "  H5FLUME_TRY                           1 if it was never tried before\n"
    "Exit status 0 means done. Otherwise it has failed, and the end of its standard error is kept\n"
    "as the task's error. With --out its standard output is rows; without, it is the task's "
    "result:\n"
    "JSON, or else text, of which 64 KiB are kept.\n"
    "Exit status: 0 all pieces are done, 1 some are exhausted or aborted, 130 after Ctrl-C.\n"
    "Examples:\n"
    "  h5flume job run7.h5 /images --tracker run7.tracker --workers 4 -- python3 measure.py\n"
    "  h5flume job run7.h5 /images --tracker run7.tracker --out small.h5 -- ./shrink --by 2";

}  // namespace

void add_job(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto& command = *app.add_subcommand(
      "job", "Run a command for each piece of a dataset, and go on where a killed run stopped");
  command.add_option("FILE", arguments->file, "HDF5 file")->type_name("")->required();
  command.add_option("DATASET", arguments->dataset, "Path of the dataset inside the file")
      ->type_name("")
      ->required();
  command
      .add_option("COMMAND", arguments->command.command,
                  "Command and its arguments, behind --; found in $PATH, run without a shell")
      ->type_name("")
      ->required();
  add_job_options(command, *arguments);
  add_behaviour(command, *arguments);
  add_json_option(command, context);
  command.footer(kFooter);
  command.callback(
      [&context, arguments] { context.run = [&, arguments] { run(*arguments, context); }; });
}

}  // namespace h5flume::cli
