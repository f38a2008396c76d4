#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "storage/mapped/approximate_text.h"
#include "storage/mapped/mapped_map.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

TEST_CASE("a multi-map gives all values of a key in the order in which they came",
          "[storage][mapped][multimap]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::vector<std::pair<std::string, std::uint64_t>> pairs;
  std::map<std::string, std::vector<std::uint64_t>> model;
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    pairs.emplace_back(random_text(random, 1 + random() % 4 * 6), i);
    model[pairs.back().first].push_back(i);
  }
  using Map = MappedMultiMap<std::string, std::uint64_t>;
  const auto bytes = Map::build_bytes(pairs, kLittleMemory);
  const auto map = Map::from_bytes(bytes);
  map.verify();
  CHECK(map.size() == pairs.size());
  CHECK(map.key_count() == model.size());
  for (const auto& [key, values] : model) {
    const auto range = map.equal_range(key);
    REQUIRE(std::vector<std::uint64_t>(range.begin(), range.end()) == values);
  }
  CHECK(map.count("not there") == 0);
  CHECK(map.equal_range("not there").empty());
}

TEST_CASE("a multi-map and a map can be opened as each other", "[storage][mapped][multimap]") {
  const std::vector<std::pair<std::uint64_t, int>> pairs{{7, 1}, {8, 2}, {7, 3}};
  const auto multi = MappedMultiMap<std::uint64_t, int>::build_bytes(pairs);
  CHECK(MappedMap<std::uint64_t, int>::from_bytes(multi).at(7) == 1);
  const auto single =
      MappedMap<std::uint64_t, int>::build_bytes(std::map<std::uint64_t, int>{{7, 1}});
  CHECK(MappedMultiMap<std::uint64_t, int>::from_bytes(single).count(7) == 1);
}

TEST_CASE("very many values of one key are found without looking at each",
          "[storage][mapped][multimap]") {
  std::vector<std::pair<std::string, std::uint32_t>> pairs;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    pairs.emplace_back(i % 100 == 0 ? std::to_string(i) : "a key that comes again and again", i);
  }
  using Map = MappedMultiMap<std::string, std::uint32_t>;
  const auto bytes = Map::build_bytes(pairs, kLittleMemory);
  const auto map = Map::from_bytes(bytes);
  map.verify();
  CHECK(map.count("a key that comes again and again") == 99'000);
  CHECK(map.count("500") == 1);
}

TEST_CASE("an approximate multi-map never misses a key that is there",
          "[storage][mapped][multimap]") {
  std::mt19937_64 random(4);
  std::vector<std::pair<std::string, std::uint32_t>> pairs;
  for (std::uint32_t i = 0; i < 20'000; ++i) pairs.emplace_back(random_text(random, 30), i);
  using Map = MappedApproximateMultiMap<std::uint32_t>;
  const auto bytes = Map::build_bytes(pairs, kLittleMemory);
  const auto map = Map::from_bytes(bytes);
  map.verify();
  for (const auto& [key, value] : pairs) {
    const auto values = map.equal_range(key);
    REQUIRE(std::find(values.begin(), values.end(), value) != values.end());
  }
  CHECK(bytes.size() < MappedMultiMap<std::string, std::uint32_t>::build_bytes(pairs).size());
  CHECK_THROWS_WITH((MappedMultiMap<std::string, std::uint32_t>::from_bytes(bytes)),
                    contains("it holds an approximate map"));
}
