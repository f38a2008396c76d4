// Progress trackers: what several processes claim and get done a second, and the longest that one
// of them waited; opening a large tracker, and the memory that takes. Beside a plain loop over a
// table of SQLite, in the same run.
//
//   tracker_bench [--benchmark_...]     H5FLUME_BENCH_TASKS: of the large one, 10 million if not
//                                       set. The files are in the folder for temporary files.

#include <benchmark/benchmark.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/storage/raw_queue.h"
#include "core/process.h"
#include "storage/persistent/progress_tracker.h"

namespace h5flume::bench {
namespace {

using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr int kProcesses = 4;

std::uint64_t large_count() {
  static const char* const given = std::getenv("H5FLUME_BENCH_TASKS");
  static const std::uint64_t count = given ? std::strtoull(given, nullptr, 10) : 10'000'000;
  return count;
}

fs::path bench_folder() { return fs::temp_directory_path() / "h5flume-tracker-bench"; }

TrackerOptions options_for(bool power) {
  return {.durability = power ? Durability::kPower : Durability::kProcess};
}

void add_tasks(ProgressTracker& tracker, std::uint64_t count) {
  tracker.add_many([count, next = std::uint64_t{0}]() mutable -> std::optional<NewTask> {
    if (next == count) return std::nullopt;
    const auto number = std::to_string(next);
    return NewTask{"train/image-" + number,
                   {{"path", "/data/train/" + number + ".png"}, {"size", next++}}};
  });
}

// --- what a worker process does -----------------------------------------------------------------

struct Report {
  std::uint64_t tasks = 0;
  double longest_ms = 0;
  long most_memory_kib = 0;
};

// Claims and completes until nothing is left, or until it has done `most`.
template <class Tasks>
Report work_on(Tasks& tasks, const auto& claim, std::uint64_t most) {
  Report report;
  const auto timed = [&](const auto& call) {
    const auto begin = Clock::now();
    call();
    const auto taken = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    report.longest_ms = std::max(report.longest_ms, taken);
  };
  while (report.tasks < most) {
    decltype(claim(tasks)) claims;
    timed([&] { claims = claim(tasks); });
    if (claims.empty()) break;
    timed([&] { tasks.complete(claims); });
    report.tasks += claims.size();
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  report.most_memory_kib = usage.ru_maxrss;
  return report;
}

// --worker KIND PATH PER_CLAIM POWER MOST REPORT
int worker_main(char** arguments) {
  const std::string kind = arguments[0];
  const std::string path = arguments[1];
  const auto per_claim = std::strtoull(arguments[2], nullptr, 10);
  const bool power = std::string(arguments[3]) == "1";
  const auto most = std::strtoull(arguments[4], nullptr, 10);
  Report report;
  if (kind == "raw") {
    RawQueue queue(path + "/raw.sqlite", power);
    ::raise(SIGSTOP);  // until all are ready
    report = work_on(
        queue, [&](auto& tasks) { return tasks.claim(per_claim); }, most);
  } else {
    ProgressTracker tracker(path, options_for(power));
    ::raise(SIGSTOP);
    report = work_on(
        tracker, [&](auto& tasks) { return tasks.claim({.count = per_claim}); }, most);
  }
  std::ofstream(arguments[5]) << report.tasks << ' ' << report.longest_ms << ' '
                              << report.most_memory_kib;
  return 0;
}

// --- claim and done -----------------------------------------------------------------------------

ChildProcess start_worker(const std::string& kind, const std::string& path, std::uint64_t per_claim,
                          bool power, std::uint64_t most, const std::string& report) {
  auto child = ChildProcess::spawn({.path = "/proc/self/exe",
                                    .arguments = {"--worker", kind, path, std::to_string(per_claim),
                                                  power ? "1" : "0", std::to_string(most), report},
                                    .unset_environment = {},
                                    .descriptors = {}});
  siginfo_t stopped{};
  ::waitid(P_PID, static_cast<id_t>(child.pid()), &stopped, WSTOPPED);
  return child;
}

struct Outcome {
  double seconds = 0;
  Report all;  // tasks together, the others at most
};

Outcome run_workers(const std::string& kind, const std::string& path, int processes,
                    std::uint64_t per_claim, bool power, std::uint64_t most) {
  const auto report_of = [](int i) { return (bench_folder() / std::to_string(i)).string(); };
  std::vector<ChildProcess> children;
  for (int i = 0; i < processes; ++i) {
    children.push_back(start_worker(kind, path, per_claim, power, most, report_of(i)));
  }
  const auto begin = Clock::now();
  for (const auto& child : children) ::kill(child.pid(), SIGCONT);
  for (auto& child : children) {
    if (child.wait() != ExitStatus{}) throw std::runtime_error("a worker failed");
  }
  Outcome outcome{.seconds = std::chrono::duration<double>(Clock::now() - begin).count()};
  for (int i = 0; i < processes; ++i) {
    Report report;
    std::ifstream(report_of(i)) >> report.tasks >> report.longest_ms >> report.most_memory_kib;
    outcome.all.tasks += report.tasks;
    outcome.all.longest_ms = std::max(outcome.all.longest_ms, report.longest_ms);
    outcome.all.most_memory_kib = std::max(outcome.all.most_memory_kib, report.most_memory_kib);
  }
  return outcome;
}

// Arguments: tasks a claim, whether each commit is on the disk.
void claim_done(benchmark::State& state, const std::string& kind) {
  const auto per_claim = static_cast<std::uint64_t>(state.range(0));
  const bool power = state.range(1) != 0;
  const std::uint64_t count = per_claim > 1 ? 400'000 : power ? 4'000 : 40'000;
  const auto path = (bench_folder() / "tracker").string();
  double longest_ms = 0;
  double seconds = 0;
  for (auto _ : state) {
    fs::remove_all(bench_folder());
    fs::create_directories(path);
    if (kind == "raw") {
      RawQueue(path + "/raw.sqlite", false).add(count);
    } else {
      ProgressTracker tracker(path);
      add_tasks(tracker, count);
    }
    const auto outcome = run_workers(kind, path, kProcesses, per_claim, power, count);
    if (outcome.all.tasks != count) state.SkipWithError("not every task was done once");
    state.SetIterationTime(outcome.seconds);
    seconds += outcome.seconds;
    longest_ms = std::max(longest_ms, outcome.all.longest_ms);
  }
  state.counters["tasks_per_s"] =
      static_cast<double>(count) * static_cast<double>(state.iterations()) / seconds;
  state.counters["longest_ms"] = longest_ms;
  fs::remove_all(bench_folder());
}
BENCHMARK_CAPTURE(claim_done, tracker, "tracker")
    ->ArgNames({"per_claim", "power"})
    ->ArgsProduct({{1, 64}, {0, 1}})
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(claim_done, raw, "raw")
    ->ArgNames({"per_claim", "power"})
    ->ArgsProduct({{1, 64}, {0, 1}})
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// --- a large tracker ----------------------------------------------------------------------------

// Made once, removed at the end.
class LargeTracker {
 public:
  LargeTracker() {
    fs::remove_all(path());
    ProgressTracker tracker(path());
    const auto begin = Clock::now();
    add_tasks(tracker, large_count());
    add_us_ = std::chrono::duration<double, std::micro>(Clock::now() - begin).count() /
              static_cast<double>(large_count());
  }
  LargeTracker(const LargeTracker&) = delete;
  LargeTracker& operator=(const LargeTracker&) = delete;
  ~LargeTracker() { fs::remove_all(path()); }

  static std::string path() { return bench_folder().string() + "-large"; }
  double add_us() const { return add_us_; }

 private:
  double add_us_ = 0;
};

const LargeTracker& large_tracker() {
  static const LargeTracker tracker;
  return tracker;
}

void open_large(benchmark::State& state) {
  state.counters["add_us"] = large_tracker().add_us();
  for (auto _ : state) {
    const ProgressTracker tracker(LargeTracker::path());
    benchmark::DoNotOptimize(tracker.status());
  }
}
BENCHMARK(open_large)->Unit(benchmark::kMillisecond);

// A worker that does 100,000 tasks of the large tracker, and the most memory that it has had.
void work_on_large(benchmark::State& state) {
  large_tracker();
  fs::create_directories(bench_folder());
  for (auto _ : state) {
    const auto outcome = run_workers("tracker", LargeTracker::path(), 1, 64, false, 100'000);
    state.SetIterationTime(outcome.seconds);
    state.counters["peak_mib"] = static_cast<double>(outcome.all.most_memory_kib) / 1024;
    state.counters["tasks_per_s"] = static_cast<double>(outcome.all.tasks) / outcome.seconds;
  }
}
BENCHMARK(work_on_large)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace h5flume::bench

int main(int argc, char** argv) {
  if (argc == 8 && std::string(argv[1]) == "--worker") {
    return h5flume::bench::worker_main(argv + 2);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
