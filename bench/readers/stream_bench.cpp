// Streams against a serial H5Dread loop, in one process and one run: the candidates take turns, so
// that whatever else the machine does falls on all of them alike.

#include <H5Cpp.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/readers/bare_loop.h"
#include "bench/readers/bench_files.h"
#include "bench/readers/serial_reader.h"
#include "bench/support/conditions.h"
#include "core/process.h"
#include "readers/stream/streamer.h"

namespace h5flume::bench {
namespace {

struct Arguments {
  std::string folder = (std::filesystem::temp_directory_path() / "h5flume-bench").string();
  std::vector<std::string> only;
  unsigned repetitions = 5;
  unsigned passes = 10;  // over a fast file
  bool ordered = false;
  bool json = false;
};

// One way of reading; no workers stand for the serial loop, for several of them side by side, or
// for the bare loop.
struct Reader {
  unsigned workers = 0;
  WorkerKind kind = WorkerKind::kProcesses;
  unsigned loops = 1;
  unsigned bare = 0;  // threads of the bare loop
  bool direct = true;
  bool keeps_index = false;

  bool is_baseline() const { return workers == 0 && loops == 1 && bare == 0; }
  bool is_bare() const { return bare > 0; }

  std::string name() const {
    if (bare > 0) return fmt::format("bare loop, {} threads", bare);
    if (workers == 0) return loops == 1 ? "H5Dread" : fmt::format("{} x H5Dread", loops);
    if (!direct) return fmt::format("{} processes, libhdf5", workers);
    const char* noun = kind == WorkerKind::kThreads ? "thread" : "worker";
    return fmt::format("{} {}{}{}", workers, noun, workers == 1 ? "" : "s",
                       keeps_index ? ", index kept" : "");
  }
};

// No block_rows: what h5flume chooses, and what goes with not having been asked.
void stream(const BenchFile& file, const Reader& reader, std::optional<std::int64_t> block_rows,
            const Arguments& arguments, bool cyclic, Pass& pass) {
  const std::string index_folder = reader.keeps_index ? arguments.folder + "/index" : "";
  const Streamer streamer(file.path, {.index_folder = index_folder});
  BlockQueue queue = streamer.queue(file.dataset, {.ordered = arguments.ordered,
                                                   .cyclic = cyclic,
                                                   .remainder = true,
                                                   .mix_passes = !arguments.ordered,
                                                   .kind = reader.kind,
                                                   .direct = reader.direct,
                                                   .workers = reader.workers,
                                                   .block_rows = block_rows});
  while (!pass.done()) {
    const auto block = queue.take();
    const auto bytes = block->bytes();
    [[maybe_unused]] const volatile std::byte touched = bytes.front();
    pass.add(bytes.size());
  }
}

// What the machine gives: serial loops in processes of their own at the same time, each over the
// whole file, which have nothing to do with each other. Their processes' start counts.
void read_side_by_side(const BenchFile& file, const Reader& reader, std::uint64_t block_rows,
                       unsigned times, std::uint64_t dataset_bytes, Pass& pass) {
  const Program loop{.path = "/proc/self/exe",
                     .arguments = {"--read-serially", file.path, file.dataset,
                                   std::to_string(block_rows), std::to_string(times)}};
  std::vector<ChildProcess> loops;
  for (unsigned i = 0; i < reader.loops; ++i) loops.push_back(ChildProcess::spawn(loop));
  for (ChildProcess& process : loops) process.wait();
  pass.add(dataset_bytes * times * reader.loops);
}

// The passes of one reader over one file with one size of blocks.
struct Row {
  const BenchFile* file;
  Reader reader;
  std::uint64_t block_rows;
  std::uint64_t block_bytes;
  std::vector<double> once;    // MB/s
  std::vector<double> steady;  // MB/s
  std::vector<double> first_ms;

  void add(const Pass& pass) {
    once.push_back(pass.mb_per_s_once());
    steady.push_back(pass.mb_per_s_steady());
    first_ms.push_back(pass.first_block_ms());
  }
};

// Rows of a block: what h5flume chooses, about 128 KiB, and about 1 MiB; each once. A filtered
// dataset is read in whole chunks: half a chunk would be decoded twice.
std::vector<std::uint64_t> block_sizes(const hdf5::DatasetInfo& dataset) {
  std::vector<std::uint64_t> sizes{default_block_rows(dataset)};
  for (const std::uint64_t bytes : {std::uint64_t{128} << 10, std::uint64_t{1} << 20}) {
    std::uint64_t rows = std::max<std::uint64_t>(bytes / dataset.row_bytes(), 1);
    if (!dataset.filters.empty()) {
      rows = std::max<std::uint64_t>(rows / dataset.chunk[0], 1) * dataset.chunk[0];
    }
    if (std::find(sizes.begin(), sizes.end(), rows) == sizes.end()) sizes.push_back(rows);
  }
  return sizes;
}

std::vector<Row> measure(const BenchFile& file, const Arguments& arguments) {
  const hdf5::DatasetInfo dataset =
      hdf5::Dataset(file.path, file.dataset, {.allow_missing_filters = true}).info();
  std::vector<Reader> readers;
  if (file.library_reads) {
    readers = {{0}, {0, WorkerKind::kProcesses, 2}, {.workers = 2, .direct = false}};
  }
  readers.insert(readers.end(), {{1}, {2}, {2, WorkerKind::kThreads}});
  if (file.many_chunks) readers.push_back({.workers = 2, .keeps_index = true});
  std::optional<BareLoop> bare;
  if (file.filtered) {
    bare.emplace(file.path, file.dataset);
    readers.push_back({.bare = 2});
  }

  const unsigned times = file.is_fast ? arguments.passes : 1;

  std::vector<Row> all;
  for (const std::uint64_t rows : block_sizes(dataset)) {
    std::vector<Row> candidates;
    for (const Reader& reader : readers) {
      candidates.push_back({&file, reader, rows, rows * dataset.row_bytes(), {}, {}, {}});
    }
    // Pass 0 warms the page cache and does not count.
    for (unsigned pass = 0; pass <= arguments.repetitions; ++pass) {
      for (Row& row : candidates) {
        const std::uint64_t dataset_bytes = dataset.decoded_bytes();
        Pass result(dataset_bytes, times);
        if (row.reader.is_bare()) {
          bare->run(row.reader.bare, times, result);
        } else if (row.reader.workers == 0 && row.reader.loops > 1) {
          read_side_by_side(file, row.reader, rows, times, dataset_bytes, result);
        } else if (row.reader.workers == 0) {
          read_serially(file.path, file.dataset, rows, result);
        } else {
          stream(file, row.reader,
                 rows == default_block_rows(dataset) ? std::nullopt
                                                     : std::optional<std::int64_t>(rows),
                 arguments, times > 1, result);
        }
        if (pass > 0) row.add(result);
      }
    }
    all.insert(all.end(), candidates.begin(), candidates.end());
  }
  return all;
}

// The row of the same file and blocks whose reader `is_wanted`, or nothing.
template <class IsWanted>
const Row* row_beside(const Row& row, const std::vector<Row>& rows, IsWanted is_wanted) {
  for (const Row& other : rows) {
    if (other.file == row.file && other.block_rows == row.block_rows && is_wanted(other.reader)) {
      return &other;
    }
  }
  return nullptr;
}

// The serial loop with the same blocks, if libhdf5 can read the file.
const Row* baseline_of(const Row& row, const std::vector<Row>& rows) {
  return row_beside(row, rows, [](const Reader& reader) { return reader.is_baseline(); });
}

const Row* bare_of(const Row& row, const std::vector<Row>& rows) {
  return row_beside(row, rows, [](const Reader& reader) { return reader.is_bare(); });
}

double ratio(const std::vector<double>& of, const std::vector<double>& to) {
  return spread_of(of).median / spread_of(to).median;
}

// --- output -----------------------------------------------------------------------------------

constexpr const char* kRow = "{:<12} {:>9} {:<21} {:>23} {:>6} {:>23} {:>6} {:>6} {:>20}\n";

std::string show(const Spread& spread, int digits) {
  return fmt::format("{:.{}f} ({:.{}f}-{:.{}f})", spread.median, digits, spread.min, digits,
                     spread.max, digits);
}

std::string show_ratio(const Row& row, const Row* to, std::vector<double> Row::*speed) {
  return to ? fmt::format("{:.2f}", ratio(row.*speed, to->*speed)) : "";
}

void print_table(const std::vector<Row>& rows) {
  fmt::print(kRow, "file", "block KiB", "reader", "MB/s one pass", "ratio", "MB/s steady", "ratio",
             "bare", "first block ms");
  for (const Row& row : rows) {
    const Row* baseline = baseline_of(row, rows);
    const bool alone = row.reader.loops > 1 || row.reader.is_bare();
    fmt::print(kRow, row.file->name, row.block_bytes / 1024, row.reader.name(),
               show(spread_of(row.once), 0), show_ratio(row, baseline, &Row::once),
               show(spread_of(row.steady), 0), show_ratio(row, baseline, &Row::steady),
               show_ratio(row, bare_of(row, rows), &Row::steady),
               alone ? "" : show(spread_of(row.first_ms), 1));
  }
}

nlohmann::ordered_json as_json(const std::vector<double>& samples) {
  const Spread spread = spread_of(samples);
  return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}};
}

nlohmann::ordered_json ratio_as_json(const Row& row, const Row* to,
                                     std::vector<double> Row::*speed) {
  if (!to) return nullptr;
  return ratio(row.*speed, to->*speed);
}

nlohmann::ordered_json as_json(const std::vector<Row>& rows) {
  auto list = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    const Row* baseline = baseline_of(row, rows);
    const Row* bare = bare_of(row, rows);
    list.push_back({{"file", row.file->name},
                    {"block_rows", row.block_rows},
                    {"block_bytes", row.block_bytes},
                    {"reader", row.reader.name()},
                    {"workers", row.reader.workers},
                    {"one_pass_mb_per_s", as_json(row.once)},
                    {"one_pass_ratio", ratio_as_json(row, baseline, &Row::once)},
                    {"steady_mb_per_s", as_json(row.steady)},
                    {"steady_ratio", ratio_as_json(row, baseline, &Row::steady)},
                    {"one_pass_to_bare", ratio_as_json(row, bare, &Row::once)},
                    {"steady_to_bare", ratio_as_json(row, bare, &Row::steady)},
                    {"first_block_ms", as_json(row.first_ms)}});
  }
  return list;
}

void run(const Arguments& arguments) {
  const Conditions before = conditions_now();
  if (!arguments.json) {
    fmt::print(
        "{}, {} cores; HDF5 {}; load {}\n{} repetitions after one that does not count, in "
        "turns; {}; page cache warm; median (min-max)\n"
        "one pass: 300 MB, from the call; steady: from the first block on, of {} passes if "
        "there is no filter, zstd or lz4, else of one\n\n",
        before.cpu, before.cores, hdf5_version(), before.load, arguments.repetitions,
        arguments.ordered ? "ordered" : "unordered", arguments.passes);
  }
  std::vector<Row> rows;
  const auto files = bench_files(arguments.folder);
  for (const BenchFile& file : files) {
    const auto& only = arguments.only;
    if (!only.empty() && std::find(only.begin(), only.end(), file.name) == only.end()) continue;
    make(file);
    const auto measured = measure(file, arguments);
    rows.insert(rows.end(), measured.begin(), measured.end());
  }
  const Conditions after = conditions_now();
  if (!arguments.json) {
    print_table(rows);
    fmt::print("\nload at the end {}\n", after.load);
    return;
  }
  const nlohmann::ordered_json result{
      {"cpu", before.cpu},          {"cores", before.cores},
      {"hdf5", hdf5_version()},     {"load_before", before.load},
      {"load_after", after.load},   {"repetitions", arguments.repetitions},
      {"passes", arguments.passes}, {"ordered", arguments.ordered},
      {"rows", as_json(rows)}};
  fmt::print("{}\n", result.dump(2));
}

}  // namespace
}  // namespace h5flume::bench

int main(int argc, char** argv) {
  h5flume::bench::Arguments arguments;
  CLI::App app("Measures streams against a serial H5Dread loop with the same blocks.");
  app.add_option("--folder", arguments.folder, "Where the files are, or are written: 2 GB")
      ->capture_default_str();
  app.add_option("--only", arguments.only,
                 "Name of a file in the table; may be repeated. Default: all")
      ->allow_extra_args(false);
  app.add_option("--repetitions", arguments.repetitions, "Of every measurement")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--passes", arguments.passes,
                 "Over a file without filters, or with zstd or lz4, in one stream")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--ordered", arguments.ordered, "Blocks in dataset order");
  app.add_flag("--json", arguments.json, "The same as JSON");
  std::vector<std::string>
      serial;  // file, dataset, rows of a block, passes: for read_side_by_side()
  app.add_option("--read-serially", serial)->expected(4)->group("");
  CLI11_PARSE(app, argc, argv);
  try {
    if (!serial.empty()) {
      const auto dataset = h5flume::hdf5::Dataset(serial[0], serial[1]).info();
      h5flume::bench::Pass pass(dataset.decoded_bytes(),
                                static_cast<unsigned>(std::stoul(serial[3])));
      h5flume::bench::read_serially(serial[0], serial[1], std::stoull(serial[2]), pass);
      return 0;
    }
    h5flume::bench::run(arguments);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "stream_bench: {}\n", error.what());
  } catch (const H5::Exception& error) {
    fmt::print(stderr, "stream_bench: {} failed\n", error.getFuncName());
  }
  return 1;
}
