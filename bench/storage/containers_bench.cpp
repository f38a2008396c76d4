// Mapped containers beside those of the standard library, in one process: lookups of random keys
// that are there and that are not, passes over a field, opening, building; and the same from the
// disk, with the file forgotten by the page cache, beside plain reads of it.
//
//   containers_bench [--benchmark_...]     H5FLUME_BENCH_ENTRIES: how many, 10 million if not set

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <ranges>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/file_descriptor.h"
#include "storage/mapped/mapped_array.h"
#include "storage/mapped/mapped_map.h"

namespace h5flume {
namespace {

std::uint64_t entry_count() {
  static const char* const given = std::getenv("H5FLUME_BENCH_ENTRIES");
  static const std::uint64_t count = given ? std::strtoull(given, nullptr, 10) : 10'000'000;
  return count;
}

std::string bench_file(const std::string& name) {
  return (std::filesystem::temp_directory_path() / ("h5flume-bench-" + name)).string();
}

// --- keys: even numbers are there, odd ones are not
// -------------------------------------------------

std::uint64_t mix(std::uint64_t number) {
  number = (number ^ (number >> 30U)) * 0xbf58476d1ce4e5b9U;
  number = (number ^ (number >> 27U)) * 0x94d049bb133111ebU;
  return number ^ (number >> 31U);
}
template <class Key>
Key key_of(std::uint64_t number);
template <>
std::uint64_t key_of<std::uint64_t>(std::uint64_t number) {
  return mix(number);
}
template <>
std::string key_of<std::string>(std::uint64_t number) {
  return "train/" + std::to_string(mix(number)) + ".png";
}

template <class Key>
std::vector<Key> keys_to_look_for(bool present) {
  std::mt19937_64 random(1);
  std::vector<Key> keys;
  for (int i = 0; i < 1 << 20; ++i) {
    keys.push_back(key_of<Key>(random() % entry_count() * 2 + (present ? 0 : 1)));
  }
  return keys;
}

template <class Key>
auto all_pairs() {
  return std::views::iota(std::uint64_t{0}, entry_count()) |
         std::views::transform([](std::uint64_t i) { return std::pair(key_of<Key>(i * 2), i); });
}

// --- lookups
// ----------------------------------------------------------------------------------------

template <class Key>
const MappedMap<Key, std::uint64_t>& mapped_map() {
  static const auto map = [] {
    const std::string path = bench_file(std::is_same_v<Key, std::string> ? "text" : "integer");
    MappedMap<Key, std::uint64_t>::build(path, all_pairs<Key>(), {.durable = false});
    auto opened = MappedMap<Key, std::uint64_t>::open(path);
    std::filesystem::remove(path);
    return opened;
  }();
  return map;
}

template <class Key>
const std::unordered_map<Key, std::uint64_t>& standard_map() {
  static const auto map = [] {
    std::unordered_map<Key, std::uint64_t> filled;
    filled.reserve(entry_count());
    for (const auto& [key, value] : all_pairs<Key>()) filled.emplace(key, value);
    return filled;
  }();
  return map;
}

template <class Key, class Find>
void look_up(benchmark::State& state, Find&& find) {
  const bool present = state.range(0) == 1;
  const auto keys = keys_to_look_for<Key>(present);
  std::size_t next = static_cast<std::size_t>(state.thread_index()) * 7919;
  std::uint64_t found = 0;
  for (auto _ : state) found += find(keys[next++ & (keys.size() - 1)]);
  benchmark::DoNotOptimize(found);
  if ((found > 0) != present)
    state.SkipWithError("found what is not there, or the other way round");
}

template <class Key>
void mapped_lookup(benchmark::State& state) {
  const auto& map = mapped_map<Key>();
  look_up<Key>(state, [&](const Key& key) {
    const auto value = map.find(key);
    return value ? *value + 1 : 0;
  });
}

template <class Key>
void standard_lookup(benchmark::State& state) {
  const auto& map = standard_map<Key>();
  look_up<Key>(state, [&](const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? 0 : found->second + 1;
  });
}

// --- passes over one field
// --------------------------------------------------------------------------

struct Row {
  std::uint64_t id = 0;
  float weight = 0;
  std::uint32_t label = 0;
  double x = 0;
};
H5FLUME_FIELDS(Row, id, weight, label, x);

std::vector<Row> rows() {
  std::vector<Row> all(entry_count());
  for (std::uint64_t i = 0; i < all.size(); ++i) {
    all[i] = {i, static_cast<float>(i % 7), static_cast<std::uint32_t>(i), 0.5};
  }
  return all;
}

void set_rate(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(entry_count()) * state.iterations());
}

void vector_field(benchmark::State& state) {
  const auto all = rows();
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (const auto& row : all) sum += row.label;
    benchmark::DoNotOptimize(sum);
  }
  set_rate(state);
}

void mapped_field(benchmark::State& state) {
  const std::string path = bench_file("rows");
  MappedArray<Row>::build(path, rows(), {.durable = false});
  const auto array = MappedArray<Row>::open(path);
  std::filesystem::remove(path);
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (const auto label : array.column<&Row::label>()) sum += label;
    benchmark::DoNotOptimize(sum);
  }
  set_rate(state);
}

void mapped_views(benchmark::State& state) {
  const auto bytes = MappedArray<Row>::build_bytes(rows());
  const auto array = MappedArray<Row>::from_bytes(bytes);
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (const auto& row : array) sum += row.label();
    benchmark::DoNotOptimize(sum);
  }
  set_rate(state);
}

// --- opening
// ----------------------------------------------------------------------------------------

void open_file(benchmark::State& state) {
  const std::string path = bench_file("open");
  const auto row_count = static_cast<std::uint64_t>(state.range(0)) / sizeof(Row);
  MappedArray<Row>::build(path,
                          std::views::iota(std::uint64_t{0}, row_count) |
                              std::views::transform([](std::uint64_t i) { return Row{.id = i}; }),
                          {.durable = false});
  for (auto _ : state) benchmark::DoNotOptimize(MappedArray<Row>::open(path)[row_count / 2].id());
  std::filesystem::remove(path);
}

// --- from the disk
// ----------------------------------------------------------------------------------

// A file that stays as long as the program runs.
class BenchFile {
 public:
  template <class Build>
  BenchFile(const std::string& name, Build&& build) : path_(bench_file(name)) {
    build(path_);
  }
  BenchFile(const BenchFile&) = delete;
  BenchFile& operator=(const BenchFile&) = delete;
  ~BenchFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

  // Drops it from the page cache, which works as long as it is on disk and nobody has mapped it.
  void forget() const {
    const FileDescriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) != 0) {
      throw std::runtime_error("the page cache keeps " + path_);
    }
  }

 private:
  std::string path_;
};

const BenchFile& cold_map() {
  static const BenchFile file("cold-map", [](const std::string& path) {
    MappedMap<std::uint64_t, std::uint64_t>::build(path, all_pairs<std::uint64_t>());
  });
  return file;
}

const BenchFile& cold_rows() {
  static const BenchFile file(
      "cold-rows", [](const std::string& path) { MappedArray<Row>::build(path, rows()); });
  return file;
}

template <class Read>
void read_cold(benchmark::State& state, const BenchFile& file, Read&& read) {
  for (auto _ : state) {
    state.PauseTiming();
    file.forget();
    state.ResumeTiming();
    read();
  }
}

// Opens a map that the page cache does not have, and looks so many keys up.
void cold_lookup(benchmark::State& state) {
  const auto keys = keys_to_look_for<std::uint64_t>(true);
  const auto count = static_cast<std::size_t>(state.range(0));
  const MappedOpenOptions options{.random_access = state.range(1) == 1};
  read_cold(state, cold_map(), [&] {
    const auto map = MappedMap<std::uint64_t, std::uint64_t>::open(cold_map().path(), options);
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < count; ++i) found += map.find(keys[i]).has_value();
    if (found != count) state.SkipWithError("a key is missing");
  });
}

void cold_field(benchmark::State& state) {
  const bool ahead = state.range(0) == 1;
  read_cold(state, cold_rows(), [&] {
    const auto array = MappedArray<Row>::open(cold_rows().path());
    if (ahead) array.preload();
    std::uint64_t sum = 0;
    for (const auto label : array.column<&Row::label>()) sum += label;
    benchmark::DoNotOptimize(sum);
  });
  set_rate(state);
}

// What the disk gives: the same file by read(), without looking at it.
void cold_read(benchmark::State& state) {
  std::vector<char> part(std::size_t{1} << 20U);
  read_cold(state, cold_rows(), [&] {
    const FileDescriptor file(::open(cold_rows().path().c_str(), O_RDONLY | O_CLOEXEC));
    while (::read(file.get(), part.data(), part.size()) > 0) {
    }
  });
  set_rate(state);
}

// --- building
// ---------------------------------------------------------------------------------------

std::vector<std::string> shuffled_keys() {
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < entry_count(); ++i) keys.push_back(key_of<std::string>(i));
  return keys;
}

// Sorts the keys and writes them: the least that building an index of them could take.
void sort_and_write(benchmark::State& state) {
  const auto unsorted = shuffled_keys();
  for (auto _ : state) {
    state.PauseTiming();
    auto keys = unsorted;
    state.ResumeTiming();
    std::sort(keys.begin(), keys.end());
    mapped::SpillFile file(std::filesystem::temp_directory_path().string());
    for (const auto& key : keys) file.append(mapped::as_raw(key));
    file.flush();
  }
  set_rate(state);
}

void build_map(benchmark::State& state) {
  const auto keys = shuffled_keys();
  const std::string path = bench_file("build");
  for (auto _ : state) {
    MappedMapBuilder<std::string, std::uint64_t> builder(path, {.durable = false});
    for (std::uint64_t i = 0; i < keys.size(); ++i) builder.append(keys[i], i);
    std::move(builder).finish();
  }
  std::filesystem::remove(path);
  set_rate(state);
}

BENCHMARK(standard_lookup<std::uint64_t>)->ArgName("hit")->Arg(1)->Arg(0)->UseRealTime();
BENCHMARK(mapped_lookup<std::uint64_t>)->ArgName("hit")->Arg(1)->Arg(0)->UseRealTime();
BENCHMARK(mapped_lookup<std::uint64_t>)->ArgName("hit")->Arg(1)->Threads(2)->UseRealTime();
BENCHMARK(standard_lookup<std::string>)->ArgName("hit")->Arg(1)->Arg(0)->UseRealTime();
BENCHMARK(mapped_lookup<std::string>)->ArgName("hit")->Arg(1)->Arg(0)->UseRealTime();
BENCHMARK(mapped_lookup<std::string>)->ArgName("hit")->Arg(1)->Threads(2)->UseRealTime();
BENCHMARK(vector_field)->UseRealTime();
BENCHMARK(mapped_field)->UseRealTime();
BENCHMARK(mapped_views)->UseRealTime();
BENCHMARK(open_file)->ArgName("bytes")->Arg(1 << 20)->Arg(1 << 30)->UseRealTime();
BENCHMARK(cold_lookup)
    ->ArgNames({"keys", "random"})
    ->ArgsProduct({{1, 1000}, {0, 1}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(cold_read)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(cold_field)
    ->ArgName("ahead")
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(sort_and_write)->Unit(benchmark::kMillisecond)->Iterations(1)->UseRealTime();
BENCHMARK(build_map)->Unit(benchmark::kMillisecond)->Iterations(1)->UseRealTime();

}  // namespace
}  // namespace h5flume

BENCHMARK_MAIN();
