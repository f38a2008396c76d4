#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/file_descriptor.h"
#include "storage/mapped/mapped_map.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

// What holds for a map and a std::map of the same items.
template <class Map, class Model>
void check_same(const Map& map, const Model& model) {
  map.verify();
  REQUIRE(map.size() == model.size());
  for (const auto& [key, value] : model) {
    REQUIRE(map.contains(key));
    REQUIRE(map.at(key) == value);
  }
  Model items;
  for (const auto& [key, value] : map.items()) items.emplace(key, value);
  CHECK(items == model);
  CHECK(map.keys().size() == model.size());
  CHECK(map.values().size() == model.size());
}

template <class Key>
Key random_key(std::mt19937_64& random) {
  if constexpr (std::is_same_v<Key, std::string>) {
    return random_text(random, random() % 8 == 0 ? 60 : 14);
  } else {
    return static_cast<Key>(random() >> random() % 64);
  }
}

template <class Key>
void check_random_maps(std::uint64_t seed) {
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const std::size_t size : {0U, 1U, 2U, 3U, 10U, 1000U, 30'000U}) {
    std::map<Key, std::uint64_t> model;
    for (std::size_t i = 0; i < size; ++i) model[random_key<Key>(random)] = random();
    std::vector<std::pair<Key, std::uint64_t>> pairs(model.begin(), model.end());
    std::shuffle(pairs.begin(), pairs.end(), random);
    const auto bytes = MappedMap<Key, std::uint64_t>::build_bytes(pairs, kLittleMemory);
    const auto map = MappedMap<Key, std::uint64_t>::from_bytes(bytes);
    check_same(map, model);
    for (int i = 0; i < 200; ++i) {
      const auto key = random_key<Key>(random);
      REQUIRE(map.contains(key) == model.contains(key));
      REQUIRE(map.find(key).has_value() == model.contains(key));
    }
  }
}

}  // namespace

TEST_CASE("maps with unsigned integer keys of every width hold what a std::map holds",
          "[storage][mapped][map]") {
  const std::uint64_t seed = std::random_device{}();
  check_random_maps<std::uint8_t>(seed);
  check_random_maps<std::uint16_t>(seed);
  check_random_maps<std::uint32_t>(seed);
  check_random_maps<std::uint64_t>(seed);
}

TEST_CASE("maps with string keys hold what a std::map holds", "[storage][mapped][map]") {
  check_random_maps<std::string>(std::random_device{}());
}

TEST_CASE("values may be structs, texts and lists", "[storage][mapped][map]") {
  std::mt19937_64 random(1);
  std::map<std::string, Sample> model;
  for (int i = 0; i < 300; ++i) model[random_text(random, 30)] = random_sample(random);
  const TemporaryFolder folder;
  MappedMap<std::string, Sample>::build(folder.file("m"), model);
  const auto map = MappedMap<std::string, Sample>::open(folder.file("m"));
  for (const auto& [key, value] : model) REQUIRE(map.at(key).clone() == value);

  const std::map<std::uint32_t, std::string> names{{1, "one"}, {2, "a name of more than its slot"}};
  const auto bytes = MappedMap<std::uint32_t, std::string>::build_bytes(names);
  CHECK(MappedMap<std::uint32_t, std::string>::from_bytes(bytes).at(2) == names.at(2));
}

namespace {

template <class T>
std::size_t bytes_of_map_of(const T& value, const MappedBuildOptions& options = {}) {
  std::map<std::string, T> model;
  for (int i = 0; i < 1000; ++i) model[std::to_string(i)] = value;
  using Map = MappedMap<std::string, T>;
  const auto bytes = Map::build_bytes(model, options);
  const auto map = Map::from_bytes(bytes, nullptr, {.validation = Validation::kFull});
  map.verify();
  CHECK(map.array().size() == model.size());
  for (const auto& [key, stored] : map.items()) {
    mapped::Cloner cloner{mapped::Region({}, "m"), 1000};
    REQUIRE(mapped::Codec<T>::clone(cloner, stored) == value);
  }
  return bytes.size();
}

}  // namespace

TEST_CASE("values of up to 8 bytes lie in their entries, and take no room of their own",
          "[storage][mapped][map]") {
  const auto none = bytes_of_map_of(std::uint8_t{1});
  CHECK(bytes_of_map_of(std::uint64_t{2}) == none);
  CHECK(bytes_of_map_of(-0.5) == none);
  CHECK(bytes_of_map_of(std::chrono::sys_days(std::chrono::days(-5))) == none);
  CHECK(bytes_of_map_of(std::string("text")) >= none + 16'000);
  CHECK(bytes_of_map_of(std::uint64_t{2}, {.share_equal_values = true}) == none);
  // A map that is written to keeps them where their checksum is not compared.
  CHECK(bytes_of_map_of(std::uint64_t{2}, {.writable = true}) >= none + 8'000);
}

TEST_CASE("values in entries may be structs, and point to what does not fit",
          "[storage][mapped][map]") {
  using Map = MappedMultiMap<std::uint64_t, std::shared_ptr<Sample>>;
  std::mt19937_64 random(8);
  const auto shared = std::make_shared<Sample>(random_sample(random));
  const std::vector<std::pair<std::uint64_t, std::shared_ptr<Sample>>> pairs{
      {1, shared}, {2, nullptr}, {1, shared}};
  const auto bytes = Map::build_bytes(pairs);
  const auto map = Map::from_bytes(bytes);
  CHECK(map.equal_range(1)[0].same_as(map.equal_range(1)[1]));
  CHECK((*map.equal_range(1)[0]).clone() == *shared);
  CHECK_FALSE(map.equal_range(2)[0]);

  const auto boxes = MappedMap<std::uint32_t, Box>::build_bytes(
      std::map<std::uint32_t, Box>{{1, {2, 3}}, {4, {5, 6}}});
  const auto by_number = MappedMap<std::uint32_t, Box>::from_bytes(boxes);
  CHECK(by_number.at(4).clone() == Box{5, 6});
  float sum = 0;
  for (const float y : by_number.array().column<&Box::y>()) sum += y;
  CHECK(sum == 9);
}

TEST_CASE("keys that are structs are found by their fields", "[storage][mapped][map]") {
  std::mt19937_64 random(2);
  std::vector<std::pair<Sample, std::uint32_t>> pairs;
  for (std::uint32_t i = 0; i < 300; ++i) {
    pairs.emplace_back(random_sample(random), i);
    pairs.back().first.id = i;
  }
  using Map = MappedMap<Sample, std::uint32_t>;
  const auto bytes = Map::build_bytes(pairs);
  const auto map = Map::from_bytes(bytes);
  map.verify();
  for (const auto& [key, value] : pairs) REQUIRE(map.at(key) == value);
  for (const auto& key : map.keys()) REQUIRE(map.at(key.clone()) == key.id());
  auto other = pairs[0].first;
  other.tags.push_back("another");
  CHECK_FALSE(map.contains(other));
  CHECK_THROWS_WITH((MappedMap<Box, std::uint32_t>::from_bytes(bytes)),
                    contains("its keys have other fields"));
}

namespace {

// Keys whose types are known only at run time: each of them is one field.
struct AnyKey {
  Any key;
  bool operator==(const AnyKey&) const = default;
};
H5FLUME_FIELDS(AnyKey, key);

}  // namespace

TEST_CASE("keys of one map may be of any types", "[storage][mapped][map]") {
  const std::vector<AnyKey> keys{{{std::string("1")}},
                                 {{std::int64_t{1}}},
                                 {{1.0}},
                                 {{true}},
                                 {{}},
                                 {{Any::List{{std::int64_t{1}}, {std::string("x")}}}}};
  std::vector<std::pair<AnyKey, std::uint32_t>> pairs;
  for (std::uint32_t i = 0; i < keys.size(); ++i) pairs.emplace_back(keys[i], i);
  const auto bytes = MappedMap<AnyKey, std::uint32_t>::build_bytes(pairs);
  const auto map = MappedMap<AnyKey, std::uint32_t>::from_bytes(bytes);
  for (const auto& [key, value] : pairs) CHECK(map.at(key) == value);
  CHECK_FALSE(map.contains({{std::uint64_t{1}}}));
}

TEST_CASE("a 65,537-byte random key and UTF-8 keys are found", "[storage][mapped][map]") {
  std::mt19937_64 random(3);
  std::string longest(65'537, '\0');
  for (auto& character : longest) character = static_cast<char>(random());
  const std::map<std::string, int> model{{longest, 1},
                                         {"", 2},
                                         {"語", 3},
                                         {"é", 4},
                                         {"é", 5},
                                         {std::string(15, 'x'), 6},
                                         {std::string(16, 'x'), 7}};
  const auto bytes = MappedMap<std::string, int>::build_bytes(model);
  check_same(MappedMap<std::string, int>::from_bytes(bytes), model);
}

TEST_CASE("a map may be a part of an open file, and outlives the file's name",
          "[storage][mapped][map]") {
  const std::map<std::string, int> model{{"a", 1}, {"a key that is longer than its slot", 2}};
  const auto bytes = MappedMap<std::string, int>::build_bytes(model);
  const TemporaryFolder folder;
  {
    std::ofstream archive(folder.file("archive"), std::ios::binary);
    archive << "before!";
    archive.write(reinterpret_cast<const char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
    archive << "after";
  }
  FileDescriptor file(::open(folder.file("archive").c_str(), O_RDONLY | O_CLOEXEC));
  const auto map = MappedMap<std::string, int>::open(file.get(), 7, bytes.size(), "archive");
  file.reset();
  std::filesystem::remove(folder.file("archive"));
  check_same(map, model);
}

TEST_CASE("a missing key is nothing, or an error that names it", "[storage][mapped][map]") {
  const auto bytes = MappedMap<std::string, int>::build_bytes(std::map<std::string, int>{{"a", 1}});
  const auto map = MappedMap<std::string, int>::from_bytes(bytes);
  CHECK_FALSE(map.find("b").has_value());
  CHECK(map.find("b").value_or(9) == 9);
  CHECK_THROWS_WITH(map.at("b"), contains("the key 'b' is not there"));
}

TEST_CASE("repeated keys are refused, or the first or the last value stays",
          "[storage][mapped][map]") {
  using Map = MappedMap<std::string, int>;
  const std::string key = GENERATE("short", "a key that is longer than its slot");
  const std::vector<std::pair<std::string, int>> pairs{{key, 1}, {"other", 5}, {key, 2}, {key, 3}};
  CHECK_THROWS_WITH(Map::build_bytes(pairs), contains("'" + key + "' comes more than once"));

  const auto first = Map::build_bytes(pairs, {.duplicate_keys = DuplicateKeys::kKeepFirst});
  CHECK(Map::from_bytes(first).at(key) == 1);
  CHECK(Map::from_bytes(first).size() == 2);
  const auto last = Map::build_bytes(pairs, {.duplicate_keys = DuplicateKeys::kKeepLast});
  CHECK(Map::from_bytes(last).at(key) == 3);
  CHECK(Map::from_bytes(last).at("other") == 5);
}

TEST_CASE("a key of 64 bits is not cut to the 32 bits of a reader", "[storage][mapped][map]") {
  const std::uint64_t large = (std::uint64_t{1} << 32U) + 5;
  const auto bytes =
      MappedMap<std::uint64_t, int>::build_bytes(std::map<std::uint64_t, int>{{large, 1}});
  const auto map = MappedMap<std::uint32_t, int>::from_bytes(bytes);
  CHECK_FALSE(map.contains(5));
  CHECK_THROWS_WITH(map.keys()[0], contains("too large for keys of 32 bits"));
}

TEST_CASE("threads look up in one map at once", "[storage][mapped][map][threads]") {
  std::map<std::uint64_t, std::uint64_t> model;
  for (std::uint64_t i = 0; i < 10'000; ++i) model[i * i] = i;
  using Map = MappedMap<std::uint64_t, std::uint64_t>;
  const auto bytes = Map::build_bytes(model);
  const auto map = Map::from_bytes(bytes);
  std::vector<std::thread> threads;
  std::vector<char> good(4);
  for (auto& result : good) {
    threads.emplace_back([&] {
      result = static_cast<char>(std::all_of(model.begin(), model.end(), [&](const auto& item) {
        return map.at(item.first) == item.second;
      }));
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(good == std::vector<char>(4, 1));
}
