// Random access against libhdf5, memcpy and the bare decoding of chunks, in one process and one
// run: the ways take turns, so that whatever else the machine does falls on all of them alike.

#include <H5Cpp.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/readers/bench_files.h"
#include "bench/readers/row_cases.h"
#include "bench/readers/serial_reader.h"
#include "bench/readers/shuffled_pass.h"
#include "bench/readers/take_turns.h"
#include "bench/support/conditions.h"
#include "core/error.h"

namespace h5flume::bench {
namespace {

using nlohmann::ordered_json;

// What libhdf5 gives a dataset by default, so that both have the same memory.
constexpr std::size_t kCacheBytes = 1 << 20;
constexpr std::uint64_t kSeed = 4;

// The parts of the benchmark.
constexpr const char* kRequests = "requests";
constexpr const char* kRows = "rows";
constexpr const char* kShuffled = "shuffled";

struct Arguments {
  std::string folder = (std::filesystem::temp_directory_path() / "h5flume-bench").string();
  std::vector<std::string> only;
  std::vector<std::string> parts;
  unsigned repetitions = 5;
  double turn_seconds = 0.06;
  bool json = false;

  bool wants(const std::string& file) const { return names(only, file); }
  bool wants_part(const std::string& part) const { return names(parts, part); }
  TurnPlan plan(std::size_t compared) const {
    return {repetitions, {.seconds = turn_seconds}, compared};
  }

 private:
  // No list names everything.
  static bool names(const std::vector<std::string>& list, const std::string& name) {
    return list.empty() || std::ranges::find(list, name) != list.end();
  }
};

// One way in one of the tables.
struct Row {
  std::string file;
  std::string what;
  WayFigures figures;
  double ratio;
};

// Enough for a turn of the fastest way, in memory that is not too much.
std::size_t requests_of_turn(RequestKind kind) {
  return kind == RequestKind::kBatch ? 400 : 40'000;
}

double median(const std::vector<double>& samples) { return spread_of(samples).median; }

// --- what is measured ----------------------------------------------------------------------------

// Requests a second are held against the better of libhdf5's ways.
void measure_requests(const BenchFile& file, const Arguments& arguments, std::vector<Row>& rows) {
  const auto open = std::make_shared<const OpenForRequests>(file, kCacheBytes);
  std::vector kinds{RequestKind::kRow, RequestKind::kSlice, RequestKind::kBatch};
  if (!open->dataset.type().fields.empty()) kinds.push_back(RequestKind::kColumn);
  for (const RequestKind kind : kinds) {
    const bool is_batch = kind == RequestKind::kBatch;
    auto ways = ways_of_libhdf5(file, kind);
    const std::size_t baselines = ways.size();
    for (Way& way : ways_of_h5flume(open)) ways.push_back(std::move(way));
    const Requests requests(kind, open->dataset.info().row_count(), kSeed, requests_of_turn(kind));
    const auto figures = take_turns(ways, requests, arguments.plan(is_batch ? 2 : 200));
    double best = 0;
    for (std::size_t i = 0; i < baselines; ++i) {
      best = std::max(best, median(figures[i].requests_per_s));
    }
    for (const WayFigures& each : figures) {
      rows.push_back({file.name, to_string(kind), each, median(each.requests_per_s) / best});
    }
  }
}

// The medians of latency are held against the case's first way.
void measure_case(const RowCase& row_case, const Arguments& arguments, std::vector<Row>& rows) {
  const auto figures = take_turns(row_case.ways, row_case.requests, arguments.plan(SIZE_MAX));
  for (const WayFigures& each : figures) {
    rows.push_back(
        {row_case.file, row_case.name, each, median(each.p50_us) / median(figures.front().p50_us)});
  }
}

void measure_rows(const BenchFile& file, const Arguments& arguments, std::vector<Row>& rows) {
  if (!file.filtered) return measure_case(unfiltered_rows(file), arguments, rows);
  measure_case(cached_rows(file), arguments, rows);
  measure_case(uncached_rows(file), arguments, rows);
}

struct ShuffledRow {
  std::string file;
  std::vector<double> shuffled;  // MB/s
  std::vector<double> ordered;

  double ratio() const { return median(shuffled) / median(ordered); }
};

ShuffledRow measure_shuffled(const BenchFile& file, const Arguments& arguments) {
  const ShuffledOrder order(file);
  if (read_shuffled(file, order, true).sum != read_in_order(file, order.row_bytes(), true).sum) {
    throw Error(ErrorCode::kCorruptData, file.name + ": shuffled reading gives other rows");
  }
  ShuffledRow row{file.name, {}, {}};
  for (unsigned repetition = 0; repetition < arguments.repetitions; ++repetition) {
    row.ordered.push_back(read_in_order(file, order.row_bytes(), false).mb_per_s);
    row.shuffled.push_back(read_shuffled(file, order, false).mb_per_s);
  }
  return row;
}

struct Results {
  std::vector<Row> requests;
  std::vector<Row> rows;
  std::vector<ShuffledRow> shuffled;
};

Results measure(const Arguments& arguments) {
  Results results;
  for (const BenchFile& file : bench_files(arguments.folder)) {
    if (!file.library_reads || !arguments.wants(file.name)) continue;
    make(file);
    if (arguments.wants_part(kRequests)) measure_requests(file, arguments, results.requests);
    if (arguments.wants_part(kRows)) measure_rows(file, arguments, results.rows);
    // Single numbers of chunks of a hundred: that is no way to train.
    if (!file.many_chunks && arguments.wants_part(kShuffled)) {
      results.shuffled.push_back(measure_shuffled(file, arguments));
    }
  }
  return results;
}

// --- output --------------------------------------------------------------------------------------

std::string show(const std::vector<double>& samples, int digits) {
  if (samples.empty()) return "";
  const Spread spread = spread_of(samples);
  return fmt::format("{:.{}f} ({:.{}f}-{:.{}f})", spread.median, digits, spread.min, digits,
                     spread.max, digits);
}

void print_rows(const std::vector<Row>& rows) {
  constexpr const char* kRow = "{:<12} {:<12} {:<23} {:>25} {:>25} {:>30} {:>7}\n";
  fmt::print(kRow, "file", "request", "way", "p50 us", "p99 us", "requests/s", "ratio");
  for (const Row& row : rows) {
    fmt::print(kRow, row.file, row.what, row.figures.name, show(row.figures.p50_us, 2),
               show(row.figures.p99_us, 1), show(row.figures.requests_per_s, 0),
               fmt::format("{:.2f}", row.ratio));
  }
  fmt::print("\n");
}

void print(const Results& results) {
  print_rows(results.requests);
  print_rows(results.rows);
  constexpr const char* kRow = "{:<12} {:>23} {:>23} {:>6}\n";
  fmt::print(kRow, "file", "shuffled MB/s", "ordered stream MB/s", "ratio");
  for (const ShuffledRow& row : results.shuffled) {
    fmt::print(kRow, row.file, show(row.shuffled, 0), show(row.ordered, 0),
               fmt::format("{:.2f}", row.ratio()));
  }
}

ordered_json as_json(const std::vector<double>& samples) {
  if (samples.empty()) return nullptr;
  const Spread spread = spread_of(samples);
  return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}};
}

ordered_json as_json(const std::vector<Row>& rows) {
  auto list = ordered_json::array();
  for (const Row& row : rows) {
    list.push_back({{"file", row.file},
                    {"request", row.what},
                    {"way", row.figures.name},
                    {"p50_us", as_json(row.figures.p50_us)},
                    {"p99_us", as_json(row.figures.p99_us)},
                    {"requests_per_s", as_json(row.figures.requests_per_s)},
                    {"ratio", row.ratio}});
  }
  return list;
}

ordered_json as_json(const std::vector<ShuffledRow>& rows) {
  auto list = ordered_json::array();
  for (const ShuffledRow& row : rows) {
    list.push_back({{"file", row.file},
                    {"shuffled_mb_per_s", as_json(row.shuffled)},
                    {"ordered_mb_per_s", as_json(row.ordered)},
                    {"ratio", row.ratio()}});
  }
  return list;
}

void run(const Arguments& arguments) {
  const Conditions before = conditions_now();
  if (!arguments.json) {
    fmt::print(
        "{}, {} cores; HDF5 {}; load {}\n{} repetitions after one that does not count, in turns of "
        "{} s; page cache warm; median (min-max)\nratio: of requests/s to the better H5Dread; of "
        "single rows' p50 to the first way\n\n",
        before.cpu, before.cores, hdf5_version(), before.load, arguments.repetitions,
        arguments.turn_seconds);
  }
  const Results results = measure(arguments);
  const Conditions after = conditions_now();
  if (!arguments.json) {
    print(results);
    fmt::print("\nload at the end {}\n", after.load);
    return;
  }
  const ordered_json result{{"cpu", before.cpu},
                            {"cores", before.cores},
                            {"hdf5", hdf5_version()},
                            {"load_before", before.load},
                            {"load_after", after.load},
                            {"repetitions", arguments.repetitions},
                            {"requests", as_json(results.requests)},
                            {"rows", as_json(results.rows)},
                            {"shuffled", as_json(results.shuffled)}};
  fmt::print("{}\n", result.dump(2));
}

// --- a single turn, for compare_random.py --------------------------------------------------------

struct ServeArguments {
  std::string file;
  std::string dataset;
  std::string kind = "row";
  std::string way = "stage";
  std::uint64_t seed = kSeed;
  std::size_t count = 1000;
  double seconds = 1e9;
  bool sums_up = false;
};

void serve(const ServeArguments& arguments) {
  const OpenForRequests open({.name = "", .path = arguments.file, .dataset = arguments.dataset},
                             kCacheBytes);
  const Requests requests(request_kind_from(arguments.kind), open.dataset.info().row_count(),
                          arguments.seed, arguments.count);
  const TurnLimits limits{.seconds = arguments.seconds, .sums_up = arguments.sums_up};
  const Outcome outcome = arguments.way == "pool"      ? through_pool(open, requests, limits)
                          : arguments.way == "threads" ? by_threads(open, 2, requests, limits)
                                                       : through_stage(open, requests, limits);
  const auto p99 = outcome.p99_us();
  const ordered_json result{{"requests", outcome.us.size()},
                            {"p50_us", outcome.percentile(0.5)},
                            {"p99_us", p99 ? ordered_json(*p99) : ordered_json(nullptr)},
                            {"requests_per_s", outcome.requests_per_s()},
                            {"sum", outcome.sum}};
  fmt::print("{}\n", result.dump());
}

void add_options(CLI::App& app, Arguments& arguments) {
  app.add_option("--folder", arguments.folder, "Where the files are, or are written: 2 GB")
      ->capture_default_str();
  app.add_option("--only", arguments.only,
                 "Name of a file in the table; may be repeated. Default: all")
      ->allow_extra_args(false);
  app.add_option("--part", arguments.parts,
                 "One of requests, rows and shuffled; may be repeated. Default: all")
      ->check(CLI::IsMember({kRequests, kRows, kShuffled}))
      ->allow_extra_args(false);
  app.add_option("--repetitions", arguments.repetitions, "Of every measurement")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--turn-seconds", arguments.turn_seconds, "After which no request is begun")
      ->check(CLI::Range(0.001, 60.0))
      ->capture_default_str();
  app.add_flag("--json", arguments.json, "The same as JSON");
}

CLI::App* add_serve(CLI::App& app, ServeArguments& arguments) {
  CLI::App* const serve = app.add_subcommand("serve", "Serves some requests, and prints JSON");
  serve->add_option("FILE", arguments.file)->required();
  serve->add_option("DATASET", arguments.dataset)->required();
  serve->add_option("--kind", arguments.kind, "Of request: row, slice, batch or column")
      ->capture_default_str();
  serve
      ->add_option("--way", arguments.way,
                   "One at a time, 10 at a time, or one for each of 2 threads")
      ->check(CLI::IsMember({"stage", "pool", "threads"}))
      ->capture_default_str();
  serve->add_option("--seed", arguments.seed)->capture_default_str();
  serve->add_option("--count", arguments.count)->check(CLI::Range(1, 10'000'000));
  serve->add_option("--seconds", arguments.seconds, "After which no request is begun");
  serve->add_flag("--sum", arguments.sums_up, "Sums up the values, too");
  return serve;
}

}  // namespace
}  // namespace h5flume::bench

int main(int argc, char** argv) {
  using namespace h5flume::bench;
  Arguments arguments;
  ServeArguments serve_arguments;
  CLI::App app("Measures requests at random against libhdf5.");
  add_options(app, arguments);
  const CLI::App* const serve_command = add_serve(app, serve_arguments);
  CLI11_PARSE(app, argc, argv);
  try {
    *serve_command ? serve(serve_arguments) : run(arguments);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "random_bench: {}\n", error.what());
  } catch (const H5::Exception& error) {
    fmt::print(stderr, "random_bench: {} failed\n", error.getFuncName());
  }
  return 1;
}
