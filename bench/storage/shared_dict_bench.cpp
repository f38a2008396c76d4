// A shared dict of 10,000 entries of a short text and an integer: reads, writes and increments by
// one thread, two threads, and one to four processes. Beside it, in the same run, the same with
// std::unordered_map behind a mutex, and with a Redis server through hiredis.
//
//   shared_dict_bench [--benchmark_...]

#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "bench/storage/redis_peer.h"
#include "bench/storage/shared_work.h"

namespace h5flume::bench {
namespace {

// One for all threads of a benchmark, made by whichever needs it first.
template <class Thing>
Thing& only() {
  static Thing thing;
  return thing;
}

void count_all(benchmark::State& state) { state.SetItemsProcessed(state.iterations()); }

// --- by threads of one process, each with an attachment of its own
// --------------------------------

void dict_read_hot(benchmark::State& state) {
  const auto dict = only<SharedBenchDict>().attach();
  const Keys keys;
  for (auto _ : state) benchmark::DoNotOptimize(dict.get<std::int64_t>(keys.hot()));
  count_all(state);
}
BENCHMARK(dict_read_hot)->UseRealTime();
BENCHMARK(dict_read_hot)->Threads(2)->UseRealTime();

void dict_read_random(benchmark::State& state) {
  const auto dict = only<SharedBenchDict>().attach();
  Keys keys;
  for (auto _ : state) benchmark::DoNotOptimize(dict.get<std::int64_t>(keys.next()));
  count_all(state);
}
BENCHMARK(dict_read_random)->UseRealTime();
BENCHMARK(dict_read_random)->Threads(2)->UseRealTime();

void dict_read_data(benchmark::State& state) {
  const auto dict = only<SharedBenchDict>().attach();
  Keys keys;
  const auto data = dict.data();
  for (auto _ : state) benchmark::DoNotOptimize(data.find(keys.next()));
  count_all(state);
}
BENCHMARK(dict_read_data)->UseRealTime();

void dict_write(benchmark::State& state) {
  auto dict = only<SharedBenchDict>().attach();
  Keys keys;
  std::int64_t value = 0;
  for (auto _ : state) dict.set(keys.next(), ++value);
  count_all(state);
}
BENCHMARK(dict_write)->UseRealTime();

void dict_write_hot(benchmark::State& state) {
  auto dict = only<SharedBenchDict>().attach();
  const Keys keys;
  std::int64_t value = 0;
  for (auto _ : state) dict.set(keys.hot(), ++value);
  count_all(state);
}
BENCHMARK(dict_write_hot)->UseRealTime();

void dict_increment(benchmark::State& state) {
  auto dict = only<SharedBenchDict>().attach();
  for (auto _ : state) benchmark::DoNotOptimize(dict.increment("counter"));
  count_all(state);
}
BENCHMARK(dict_increment)->UseRealTime();

// --- by processes
// -----------------------------------------------------------------------------------

void dict_processes(benchmark::State& state, Work work, std::uint64_t operations) {
  const auto processes = static_cast<int>(state.range(0));
  const SharedBenchDict dict;
  for (auto _ : state) state.SetIterationTime(run_processes(dict, work, processes, operations));
  const auto done = static_cast<std::uint64_t>(state.iterations()) *
                    static_cast<std::uint64_t>(processes) * operations;
  state.SetItemsProcessed(static_cast<std::int64_t>(done));
  if (work != Work::kCount) return;
  const auto expected = static_cast<std::int64_t>(done + done / 10);  // they warm up
  const auto counted = dict.attach().get<std::int64_t>("counter").value_or(0);
  state.counters["lost"] = static_cast<double>(expected - counted);
}
BENCHMARK_CAPTURE(dict_processes, read_hot, Work::kReadHot, 20'000'000)
    ->Arg(1)
    ->Arg(2)
    ->UseManualTime();
BENCHMARK_CAPTURE(dict_processes, read_random, Work::kReadRandom, 10'000'000)
    ->Arg(1)
    ->Arg(2)
    ->UseManualTime();
BENCHMARK_CAPTURE(dict_processes, write_hot, Work::kWriteHot, 1'000'000)
    ->Arg(1)
    ->Arg(2)
    ->UseManualTime();
BENCHMARK_CAPTURE(dict_processes, write, Work::kWrite, 1'000'000)->Arg(1)->Arg(2)->UseManualTime();
BENCHMARK_CAPTURE(dict_processes, count, Work::kCount, 500'000)
    ->Arg(1)
    ->Arg(2)
    ->Arg(4)
    ->UseManualTime();

// --- std::unordered_map behind a mutex
// --------------------------------------------------------------

struct LockedMap {
  LockedMap() {
    const Keys keys;
    for (const auto& key : keys.all()) map.emplace(key, 0);
  }
  std::int64_t get(const std::string& key) {
    const std::lock_guard lock(mutex);
    return map.find(key)->second;
  }
  void set(const std::string& key, std::int64_t value) {
    const std::lock_guard lock(mutex);
    map[key] = value;
  }
  std::mutex mutex;
  std::unordered_map<std::string, std::int64_t> map;
};

void map_read_hot(benchmark::State& state) {
  auto& map = only<LockedMap>();
  const Keys keys;
  for (auto _ : state) benchmark::DoNotOptimize(map.get(keys.hot()));
  count_all(state);
}
BENCHMARK(map_read_hot)->UseRealTime();
BENCHMARK(map_read_hot)->Threads(2)->UseRealTime();

void map_read_random(benchmark::State& state) {
  auto& map = only<LockedMap>();
  Keys keys;
  for (auto _ : state) benchmark::DoNotOptimize(map.get(keys.next()));
  count_all(state);
}
BENCHMARK(map_read_random)->UseRealTime();
BENCHMARK(map_read_random)->Threads(2)->UseRealTime();

void map_write(benchmark::State& state) {
  auto& map = only<LockedMap>();
  Keys keys;
  std::int64_t value = 0;
  for (auto _ : state) map.set(keys.next(), ++value);
  count_all(state);
}
BENCHMARK(map_write)->UseRealTime();
BENCHMARK(map_write)->Threads(2)->UseRealTime();

// --- Redis
// ----------------------------------------------------------------------------------------

void redis_read(benchmark::State& state) {
  auto connection = only<RedisPeer>().connect();
  Keys keys;
  for (const auto& key : keys.all()) connection.command({"SET", key, "1"});
  for (auto _ : state) benchmark::DoNotOptimize(connection.command({"GET", keys.next()}));
  count_all(state);
}
BENCHMARK(redis_read)->UseRealTime();

void redis_write(benchmark::State& state) {
  auto connection = only<RedisPeer>().connect();
  Keys keys;
  std::int64_t value = 0;
  for (auto _ : state) connection.command({"SET", keys.next(), std::to_string(++value)});
  count_all(state);
}
BENCHMARK(redis_write)->UseRealTime();

void redis_increment(benchmark::State& state) {
  auto connection = only<RedisPeer>().connect();
  for (auto _ : state) benchmark::DoNotOptimize(connection.command({"INCR", "counter"}));
  count_all(state);
}
BENCHMARK(redis_increment)->UseRealTime();

}  // namespace
}  // namespace h5flume::bench

int main(int argc, char** argv) {
  if (const auto status = h5flume::bench::run_as_worker(argc, argv)) return *status;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
