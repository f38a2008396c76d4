#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "readers/stream/streamer.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/npy_writer.h"
#include "tools/h5flume/progress_bar.h"
#include "tools/h5flume/stream_digest.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  std::string file;
  std::string dataset;
  std::string out;
  FileOptions opening;
  StreamOptions streaming;
  bool threads = false;
  bool skip_errors = false;
  bool digest = false;
  bool quiet = false;
  std::optional<double> timeout_seconds;
  std::uint64_t blocks = 0;  // to take of a cyclic stream

  StreamOptions stream_options() const {
    StreamOptions options = streaming;
    options.remainder = true;
    options.kind = threads ? WorkerKind::kThreads : WorkerKind::kProcesses;
    options.on_error = skip_errors ? OnError::kSkip : OnError::kRaise;
    if (timeout_seconds) {
      options.block_timeout =
          std::chrono::milliseconds(static_cast<std::int64_t>(*timeout_seconds * 1000));
      options.open_timeout = options.block_timeout;
    }
    // A digest holds blocks back until those before them are there: a skipped one never is. Of
    // rows that a condition chooses nobody knows beforehand where they go in a file.
    if ((skip_errors && digest) ||
        (is_filtered() && (digest || !out.empty() || streaming.cyclic))) {
      options.ordered = true;
    }
    return options;
  }

  bool is_filtered() const { return !streaming.where.empty(); }
};

struct Result {
  StreamStatistics statistics;
  std::uint64_t rows = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;
  double first_block_seconds = 0;
  unsigned workers = 0;
  std::string path;
  std::vector<Error> skipped;
  std::optional<std::string> sha256;

  double mb_per_s() const { return seconds > 0 ? static_cast<double>(bytes) / 1e6 / seconds : 0; }
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Looks at the block as the simplest training loop would: memory that nobody touched costs nothing.
void touch(const Block& block) {
  if (block.bytes().empty()) return;
  [[maybe_unused]] volatile std::byte sink = block.bytes().front();
}

// Rows that will have been taken at the end, or more with a condition; of a cyclic stream whole
// blocks, wrapped ones included.
std::uint64_t expected_rows(const Arguments& arguments, const BlockQueue& queue) {
  return arguments.streaming.cyclic ? arguments.blocks * queue.block_rows()
                                    : queue.dataset().row_count();
}

bool has_enough(const Result& result, const Arguments& arguments, std::uint64_t rows) {
  if (!arguments.streaming.cyclic) return false;
  return arguments.is_filtered() ? result.blocks == arguments.blocks : result.rows >= rows;
}

// Takes every block of the stream, or the first `arguments.blocks` of a cyclic one, which may
// come in any order among others that follow them.
Result drain(BlockQueue& queue, const Arguments& arguments, Clock::time_point start,
             const SignalWatch& signals) {
  const auto& dataset = queue.dataset();
  const std::uint64_t rows = expected_rows(arguments, queue);
  const bool filtered = arguments.is_filtered();
  const bool gaps = arguments.skip_errors || filtered;
  std::optional<NpyWriter> npy;
  if (!arguments.out.empty()) npy.emplace(arguments.out, dataset.type, dataset.shape_of_rows(rows));
  std::optional<StreamDigest> digest;
  if (arguments.digest) digest.emplace();
  // Nobody knows how many bytes variable-length data will have, or the rows that are chosen.
  const bool by_rows = filtered || dataset.type.is_variable_length();
  ProgressBar progress(
      arguments.file + " " + dataset.path, by_rows ? rows : rows * dataset.row_bytes(),
      by_rows ? ProgressBar::Unit::kRows : ProgressBar::Unit::kBytes, arguments.quiet);

  Result result;
  while (!has_enough(result, arguments, rows)) {
    auto block = queue.take();
    if (!block) break;
    touch(*block);
    const std::uint64_t in_stream = block->epoch() * dataset.row_count() + block->first_row();
    const std::uint64_t position = filtered ? result.rows : in_stream;
    if (position >= rows) continue;
    if (result.blocks++ == 0) result.first_block_seconds = seconds_since(start);
    result.rows += block->row_count();
    result.bytes += block->bytes().size();
    if (npy) npy->write_at(position * dataset.row_bytes(), block->bytes());
    if (digest && gaps) digest->append(*block);
    if (digest && !gaps) digest->add(position, std::move(*block));
    progress.update(filtered ? in_stream : by_rows ? result.rows : result.bytes);
  }
  signals.check();

  result.seconds = seconds_since(start);
  result.statistics = queue.statistics();
  result.skipped = queue.skipped();
  result.workers = queue.workers();
  result.path = read_path(dataset);
  if (digest) result.sha256 = digest->finish();
  if (npy && filtered) npy->shorten(result.rows);
  if (npy) std::move(*npy).commit();
  return result;
}

void print_as_json(const Result& result, const Arguments& arguments) {
  nlohmann::ordered_json object{{"rows", result.rows},
                                {"blocks", result.blocks},
                                {"bytes", result.bytes},
                                {"seconds", result.seconds},
                                {"mb_per_s", result.mb_per_s()},
                                {"wait_seconds", result.statistics.wait_seconds},
                                {"path", result.path},
                                {"workers", result.workers},
                                {"read_seconds", result.statistics.read_seconds},
                                {"first_block_seconds", result.first_block_seconds},
                                {"worker_restarts", result.statistics.worker_restarts},
                                {"skipped_blocks", result.statistics.skipped_blocks}};
  if (arguments.is_filtered()) object["where"] = arguments.streaming.where;
  if (result.sha256) object["sha256"] = *result.sha256;
  print_json(object);
}

void print_for_people(const Result& result, const Arguments& arguments) {
  fmt::print("{} rows in {} blocks, {} in {:.2f} s: {:.0f} MB/s\n", result.rows, result.blocks,
             format_bytes(static_cast<double>(result.bytes)), result.seconds, result.mb_per_s());
  fmt::print("{} worker {}, first block after {:.0f} ms, waited {:.2f} s for blocks\n",
             result.workers,
             arguments.threads     ? "threads"
             : result.workers == 1 ? "process"
                                   : "processes",
             result.first_block_seconds * 1000, result.statistics.wait_seconds);
  if (result.statistics.worker_restarts > 0) {
    fmt::print("{} workers died and were replaced\n", result.statistics.worker_restarts);
  }
  if (result.sha256) fmt::print("sha256 {}\n", *result.sha256);
  if (!arguments.out.empty()) fmt::print("wrote {}\n", printable(arguments.out));
}

void run(const Arguments& arguments, Context& context) {
  const auto start = Clock::now();
  const Streamer streamer(arguments.file, arguments.opening);
  auto queue = streamer.queue(arguments.dataset, arguments.stream_options());
  const SignalWatch::Action close_on_signal(context.signals, [&queue] { queue.close(); });
  if (!arguments.out.empty()) require_npy_type(queue.dataset());
  const Result result = drain(queue, arguments, start, context.signals);
  for (const auto& error : result.skipped) {
    fmt::print(stderr, "h5flume: skipped: {}\n", printable(error.what()));
  }
  if (context.json) {
    print_as_json(result, arguments);
  } else if (!arguments.quiet) {
    print_for_people(result, arguments);
  }
}

void add_behaviour(CLI::App& command, Arguments& arguments) {
  auto& streaming = arguments.streaming;
  command
      .add_option("--field", streaming.fields,
                  "Field of a compound dataset, \"outer/inner\" for a nested one; may be repeated. "
                  "Default: whole rows")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command
      .add_option(
          "--where", streaming.where,
          "Only the rows of a compound dataset for which a condition over its fields holds, "
          "as in \"(pos > 3) & (flag == 1)\"; see docs/conditions.md")
      ->type_name("CONDITION");
  command.add_flag("--ordered", streaming.ordered,
                   "Deliver blocks in dataset order. Default: whichever is ready first");
  auto* cyclic = command.add_flag("--cyclic", streaming.cyclic,
                                  "Begin again after the last row; needs --blocks");
  auto* blocks =
      command
          .add_option("--blocks", arguments.blocks, "Number of blocks to take of a cyclic stream")
          ->type_name("N")
          ->check(whole_number(1));
  cyclic->needs(blocks);
  blocks->needs(cyclic);
  command
      .add_flag("--skip-errors", arguments.skip_errors,
                "Leave out blocks that cannot be read, and say which. Default: stop at the first")
      ->excludes(cyclic);
  command.add_flag("--allow-outside-sources", arguments.opening.allow_outside_sources,
                   "Follow links and sources that lead outside the file's own folder");
}

void add_performance(CLI::App& command, Arguments& arguments) {
  auto& streaming = arguments.streaming;
  command
      .add_option("--workers", streaming.workers,
                  "Number of readers, 1 to 255. Default: one for each core, at most 8")
      ->type_name("N")
      ->check(whole_number(1, 255));
  command.add_flag("--threads", arguments.threads,
                   "Read by threads of this process; see --trusted. Default: by "
                   "worker processes");
  command.add_flag("--trusted", arguments.opening.trusted,
                   "With --threads: open the file in this process. Default: in a worker process, "
                   "which a damaged or hostile file cannot get out of");
  command.add_flag("!--no-direct", streaming.direct,
                   "Read everything by libhdf5. Default: without it where the way the dataset is "
                   "stored allows that");
  command
      .add_option("--block-rows", streaming.block_rows,
                  "Rows of a block. Default: about 128 KiB of rows, whole chunks; of "
                  "variable-length data about 2048 elements")
      ->type_name("N")
      ->check(whole_number(1));
  command
      .add_option("--block-capacity", streaming.block_capacity_bytes,
                  "Most bytes of a block of variable-length data. Default: 64 MiB")
      ->type_name("BYTES")
      ->check(whole_number(1));
  command
      .add_option("--read-ahead", streaming.read_ahead,
                  "Blocks in flight, each in memory. Default: twice the workers and one, or up "
                  "to 16 small ones that make 4 MiB")
      ->type_name("N")
      ->check(whole_number(1, 1 << 20));
  add_index_options(command, arguments.opening);
  command
      .add_option("--timeout", arguments.timeout_seconds,
                  "Seconds that a worker process may need for one block, and for opening the "
                  "dataset; 0: no limit. Default: 30 and 8")
      ->check(CLI::Range(0.0, 1e9).description(""))
      ->type_name("SECONDS");
}

void add_output(CLI::App& command, Arguments& arguments, Context& context) {
  command.add_flag("--digest", arguments.digest,
                   "Compute the SHA-256 of the decoded bytes in dataset order; of variable-length "
                   "data of each element's number of values, 8 bytes little endian, followed by "
                   "the values");
  command
      .add_option("--out", arguments.out,
                  "Write the rows to a .npy file; rows that --skip-errors leaves out are zero. Not "
                  "for variable-length data")
      ->type_name("FILE.npy");
  command.add_flag("--quiet", arguments.quiet, "No progress bar and no summary");
  command.add_flag("--statistics", arguments.streaming.publish_statistics,
                   "Let `h5flume top` show how it gets on. A killed program then leaves shared "
                   "memory, which `h5flume shared clean` removes");
  add_json_option(command, context);
}

}  // namespace

void add_stream(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto& command = *app.add_subcommand(
      "stream", "Read a dataset as fast as a training loop could, and report the speed");
  command.add_option("FILE", arguments->file, "HDF5 file")->type_name("")->required();
  command.add_option("DATASET", arguments->dataset, "Path of the dataset inside the file")
      ->type_name("")
      ->required();
  add_behaviour(command, *arguments);
  add_performance(command, *arguments);
  add_output(command, *arguments, context);
  command.footer(
      "MB are 1e6 decoded bytes, offsets of variable-length data included.\n"
      "Examples:\n"
      "  h5flume stream run7.h5 /images --workers 4\n"
      "  h5flume stream run7.h5 /events --field energy --out energy.npy\n"
      "  h5flume stream run7.h5 /events --where \"(energy > 3) & (layer == 1)\"");
  command.callback(
      [&context, arguments] { context.run = [&, arguments] { run(*arguments, context); }; });
}

}  // namespace h5flume::cli
