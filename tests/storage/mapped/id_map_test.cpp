#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "storage/mapped/mapped_id_map.h"
#include "storage/mapped/mapped_map.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

enum class Order { kSorted, kReversed, kShuffled };

std::vector<std::uint64_t> numbers(std::uint64_t count, Order order) {
  std::vector<std::uint64_t> all(count);
  std::iota(all.begin(), all.end(), 0);
  if (order == Order::kReversed) std::reverse(all.begin(), all.end());
  if (order == Order::kShuffled) std::shuffle(all.begin(), all.end(), std::mt19937_64(1));
  return all;
}

// Key i * 3 has the id i.
void check_numeric_map(std::uint64_t count, Order order) {
  const TemporaryFolder folder;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs;
  for (const auto i : numbers(count, order)) pairs.emplace_back(i * 3, i);
  MappedIdMap<std::uint64_t>::build(folder.file("ids"), pairs,
                                    {.durable = false, .memory_budget_bytes = 8 << 20});
  const auto map = MappedIdMap<std::uint64_t>::open(folder.file("ids"));
  map.verify();
  REQUIRE(map.size() == count);
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    wrong += map.find(i * 3) != i;
    wrong += map.contains(i * 3 + 1);
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("id maps of 300,000 sorted, reversed and shuffled integers", "[storage][mapped][idmap]") {
  check_numeric_map(300'000, GENERATE(Order::kSorted, Order::kReversed, Order::kShuffled));
}

TEST_CASE("id maps of 2 and 10 million shuffled integers", "[.large][storage][mapped][idmap]") {
  check_numeric_map(GENERATE(2'000'000U, 10'000'000U), Order::kShuffled);
}

TEST_CASE("id maps of strings, with the ids of repeated keys in their order",
          "[storage][mapped][idmap]") {
  std::vector<std::pair<std::string, std::uint64_t>> pairs;
  for (const auto i : numbers(20'000, Order::kShuffled)) {
    pairs.emplace_back("image_" + std::to_string(i % 5'000) + ".png", pairs.size());
  }
  const auto bytes = MappedIdMap<std::string>::build_bytes(pairs, {}, true);
  const auto map = MappedIdMap<std::string>::from_bytes(bytes);
  map.verify();
  CHECK(map.size() == 20'000);
  CHECK(map.key_count() == 5'000);
  for (const auto& [key, id] : pairs) {
    const auto ids = map.equal_range(key);
    REQUIRE(ids.size() == 4);
    REQUIRE(std::is_sorted(ids.begin(), ids.end()));
    REQUIRE(std::find(ids.begin(), ids.end(), id) != ids.end());
  }
  CHECK_THROWS_WITH(MappedIdMap<std::string>::build_bytes(pairs), contains("more than once"));
}

TEST_CASE("the ids of a repeated key stand in the order in which they came",
          "[storage][mapped][idmap]") {
  using Map = MappedIdMap<std::string>;
  const std::string key = GENERATE("short", "a key that is longer than its slot");
  const std::vector<std::pair<std::string, std::uint64_t>> pairs{
      {key, 7}, {"other", 1}, {key, 3}, {key, 9}, {key, 3}};
  const auto all = Map::build_bytes(pairs, {}, true);
  const auto map = Map::from_bytes(all);
  const auto ids = map.equal_range(key);
  CHECK(std::vector<std::uint64_t>(ids.begin(), ids.end()) ==
        std::vector<std::uint64_t>{7, 3, 9, 3});
  CHECK(map.find(key) == 7U);

  const auto first = Map::build_bytes(pairs, {.duplicate_keys = DuplicateKeys::kKeepFirst});
  CHECK(Map::from_bytes(first).find(key) == 7U);
  const auto last = Map::build_bytes(pairs, {.duplicate_keys = DuplicateKeys::kKeepLast});
  CHECK(Map::from_bytes(last).find(key) == 3U);
}

TEST_CASE("an order of ids outlives runs that are sorted one by one", "[storage][mapped][idmap]") {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs;
  std::map<std::uint64_t, std::vector<std::uint64_t>> model;
  std::mt19937_64 random(7);
  for (std::uint64_t i = 0; i < 200'000; ++i) {  // several times the memory
    pairs.emplace_back(random() % 5'000, random());
    model[pairs.back().first].push_back(pairs.back().second);
  }
  const auto bytes = MappedIdMap<std::uint64_t>::build_bytes(pairs, kLittleMemory, true);
  const auto map = MappedIdMap<std::uint64_t>::from_bytes(bytes);
  for (const auto& [key, ids] : model) {
    const auto range = map.equal_range(key);
    REQUIRE(std::vector<std::uint64_t>(range.begin(), range.end()) == ids);
  }
}

TEST_CASE("id maps of structs", "[storage][mapped][idmap]") {
  std::mt19937_64 random(2);
  std::vector<std::pair<Sample, std::uint64_t>> pairs;
  for (std::uint64_t i = 0; i < 300; ++i) {
    pairs.emplace_back(random_sample(random), i);
    pairs.back().first.id = i;
  }
  const auto bytes = MappedIdMap<Sample>::build_bytes(pairs);
  const auto map = MappedIdMap<Sample>::from_bytes(bytes);
  map.verify();
  for (const auto& [key, id] : pairs) REQUIRE(map.find(key) == id);
  CHECK_FALSE(map.contains(Sample{}));
}

TEST_CASE("id maps are merged, and repeated keys refused, dropped or kept",
          "[storage][mapped][idmap]") {
  using Map = MappedIdMap<std::string>;
  using Pairs = std::vector<std::pair<std::string, std::uint64_t>>;
  const TemporaryFolder folder;
  Map::build(folder.file("1"), Pairs{{"a", 9}, {"b", 2}});
  Map::build(folder.file("2"), Pairs{{"c", 3}, {"a", 1}});
  const std::vector<Map> maps{Map::open(folder.file("1")), Map::open(folder.file("2"))};
  CHECK_THROWS_WITH(Map::merge(folder.file("all"), maps), contains("'a' comes more than once"));

  Map::merge(folder.file("first"), maps, {.duplicate_keys = DuplicateKeys::kKeepFirst});
  const auto first = Map::open(folder.file("first"));
  CHECK(first.size() == 3);
  CHECK(first.find("a") == 9U);
  CHECK(first.find("c") == 3U);

  Map::merge(folder.file("all"), maps, {}, true);
  const auto all = Map::open(folder.file("all"));
  all.verify();
  const auto ids = all.equal_range("a");
  CHECK(std::vector<std::uint64_t>(ids.begin(), ids.end()) == std::vector<std::uint64_t>{9, 1});
}

TEST_CASE("an empty id map has no ids", "[storage][mapped][idmap]") {
  const auto bytes = MappedIdMap<std::uint64_t>::build_bytes(
      std::vector<std::pair<std::uint64_t, std::uint64_t>>{});
  const auto map = MappedIdMap<std::uint64_t>::from_bytes(bytes);
  map.verify();
  CHECK(map.empty());
  CHECK_FALSE(map.contains(0));
  CHECK(map.items().empty());
}

TEST_CASE("an id map is no map of values, nor the other way round", "[storage][mapped][idmap]") {
  const std::vector<std::pair<std::string, std::uint64_t>> pairs{{"a", 1}};
  const auto ids = MappedIdMap<std::string>::build_bytes(pairs);
  CHECK_THROWS_WITH((MappedMap<std::string, std::uint64_t>::from_bytes(ids)),
                    contains("it holds a text map of ids"));
  const auto values = MappedMap<std::string, std::uint64_t>::build_bytes(pairs);
  CHECK_THROWS_WITH(MappedIdMap<std::string>::from_bytes(values), contains("it holds a text map"));
}
