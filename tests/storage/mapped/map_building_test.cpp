#include <fcntl.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "storage/mapped/approximate_text.h"
#include "storage/mapped/mapped_map.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/catch.h"
#include "tests/support/child_role.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;

TEST_CASE("equal values are stored once where that is wanted", "[storage][mapped][map]") {
  std::vector<std::pair<std::uint64_t, Sample>> pairs;
  std::mt19937_64 random(5);
  const auto samples = random_samples(random, 10);
  for (std::uint64_t i = 0; i < 1000; ++i) pairs.emplace_back(i, samples[i % 10]);
  using Map = MappedMap<std::uint64_t, Sample>;
  const auto apart = Map::build_bytes(pairs);
  const auto shared = Map::build_bytes(pairs, {.share_equal_values = true});
  CHECK(shared.size() < apart.size());
  const auto map = Map::from_bytes(shared);
  CHECK(map.size() == 1000);
  CHECK(map.array().size() == 10);
  for (const auto& [key, value] : pairs) REQUIRE(map.at(key).clone() == value);
}

TEST_CASE("maps are merged", "[storage][mapped][map]") {
  const TemporaryFolder folder;
  std::mt19937_64 random(6);
  using Map = MappedMap<std::string, Sample>;
  std::map<std::string, Sample> all;
  std::vector<Map> maps;
  for (int i = 0; i < 3; ++i) {
    std::map<std::string, Sample> part;
    for (int j = 0; j < 100; ++j)
      part[std::to_string(i) + random_text(random, 20)] = random_sample(random);
    all.insert(part.begin(), part.end());
    Map::build(folder.file(std::to_string(i)), part);
    maps.push_back(Map::open(folder.file(std::to_string(i))));
  }
  Map::merge(folder.file("all"), maps);
  const auto merged = Map::open(folder.file("all"));
  merged.verify();
  CHECK(merged.size() == all.size());
  for (const auto& [key, value] : all) REQUIRE(merged.at(key).clone() == value);

  maps.push_back(maps[0]);
  CHECK_THROWS_WITH(Map::merge(folder.file("all"), maps), contains("comes more than once"));
  CHECK(Map::open(folder.file("all")).size() == all.size());
}

TEST_CASE("multi-maps are merged: values of the first come first", "[storage][mapped][multimap]") {
  const TemporaryFolder folder;
  using Map = MappedMultiMap<std::uint64_t, std::string>;
  using Pairs = std::vector<std::pair<std::uint64_t, std::string>>;
  Map::build(folder.file("1"), Pairs{{7, "b"}, {7, "a"}, {1, "one"}});
  Map::build(folder.file("2"), Pairs{{8, "eight"}, {7, "c"}});
  const std::vector<Map> maps{Map::open(folder.file("1")), Map::open(folder.file("2"))};
  Map::merge(folder.file("all"), maps);
  const auto merged = Map::open(folder.file("all"));
  merged.verify();
  CHECK(merged.key_count() == 3);
  const auto of_seven = merged.equal_range(7);
  CHECK(std::vector<std::string>(of_seven.begin(), of_seven.end()) ==
        std::vector<std::string>{"b", "a", "c"});
}

TEST_CASE("maps with struct keys, and approximate ones, are merged",
          "[storage][mapped][multimap]") {
  const TemporaryFolder folder;
  std::mt19937_64 random(9);
  const auto keys = random_samples(random, 40);
  using Objects = MappedMultiMap<Sample, std::uint32_t>;
  using Approximate = MappedApproximateMultiMap<std::uint32_t>;
  std::vector<Objects> objects;
  std::vector<Approximate> approximate;
  for (std::uint32_t part = 0; part < 2; ++part) {
    std::vector<std::pair<Sample, std::uint32_t>> by_object;
    std::vector<std::pair<std::string, std::uint32_t>> by_text;
    for (std::uint32_t i = part * 20; i < part * 20 + 20; ++i) {
      by_object.emplace_back(keys[i], i);
      by_text.emplace_back("key " + std::to_string(i), i);
    }
    const std::string path = folder.file(std::to_string(part));
    Objects::build(path + "o", by_object);
    objects.push_back(Objects::open(path + "o"));
    Approximate::build(path + "a", by_text);
    approximate.push_back(Approximate::open(path + "a"));
  }
  Objects::merge(folder.file("objects"), objects);
  Approximate::merge(folder.file("approximate"), approximate);
  const auto all_objects = Objects::open(folder.file("objects"));
  const auto all_texts = Approximate::open(folder.file("approximate"));
  all_objects.verify();
  all_texts.verify();
  for (std::uint32_t i = 0; i < 40; ++i) {
    CHECK(all_objects.equal_range(keys[i])[0] == i);
    CHECK(all_texts.equal_range("key " + std::to_string(i))[0] == i);
  }
}

namespace {

constexpr std::uint64_t kManyItems = 600'000;
constexpr std::size_t kBudget = 4 << 20;
constexpr std::int64_t kSlackKib = 12 << 10;  // buffers of 1 MiB, the allocator, the program

// Not of getrusage(), which counts what the process had as its parent's copy.
std::int64_t peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    std::int64_t kib = 0;
    status >> kib;
    return kib;
  }
  throw std::runtime_error("/proc/self/status has no VmHWM");
}

// Builds a map whose index alone is several times the budget. Its exit status is what it used
// beyond what it began with, in MiB. Arguments: the path.
int build_large_map(const std::vector<std::string>& arguments) {
  const auto before = peak_kib();
  const auto pairs =
      std::views::iota(std::uint64_t{0}, kManyItems) | std::views::transform([](std::uint64_t i) {
        return std::pair("a key of the number " + std::to_string(i * 7919), i);
      });
  MappedMap<std::string, std::uint64_t>::build(arguments[0], pairs,
                                               {.durable = false, .memory_budget_bytes = kBudget});
  return static_cast<int>((peak_kib() - before) >> 10);
}
const ChildRole kLargeMap("large-map-builder", build_large_map);

// Builds a small map. Arguments: the path, the test point to stop at.
int build_small_map(const std::vector<std::string>& arguments) {
  park_at(arguments[1]);
  MappedMap<std::string, int>::build(arguments[0], std::map<std::string, int>{{"new", 1}});
  return 0;
}
const ChildRole kSmallMap("small-map-builder", build_small_map);

}  // namespace

TEST_CASE("a build larger than its memory budget keeps to it", "[storage][mapped][map][memory]") {
  const TemporaryFolder folder;
  auto child = start_child("large-map-builder", {folder.file("m")});
  const auto status = child.wait();
  REQUIRE(status->signal == 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(status->code <= static_cast<int>((kBudget >> 20) + (kSlackKib >> 10)));
#endif
  const auto map = MappedMap<std::string, std::uint64_t>::open(folder.file("m"));
  CHECK(map.container().total_bytes() > 9 * kBudget);
  map.verify();
  CHECK(map.at("a key of the number 7919") == 1);
}

TEST_CASE("a crash in mid-build leaves the old map and no temporary but its own",
          "[storage][mapped][map][kill]") {
  const std::string point = GENERATE("mapped.section", "mapped.written");
  const TemporaryFolder folder;
  using Map = MappedMap<std::string, int>;
  Map::build(folder.file("m"), std::map<std::string, int>{{"old", 1}});
  auto child = start_child("small-map-builder", {folder.file("m"), point});
  REQUIRE(wait_until_parked(child.pid()));
  child.kill();
  CHECK(child.wait()->signal == SIGKILL);
  CHECK(Map::open(folder.file("m")).contains("old"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
}
