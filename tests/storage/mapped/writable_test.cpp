#include <csignal>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "storage/mapped/object_pool.h"
#include "storage/mapped/writable_map.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/catch.h"
#include "tests/support/child_role.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

struct Counter {
  std::uint8_t before = 0x11;
  std::uint64_t hits = 0;
  std::int16_t small = -5;
  std::uint8_t after = 0x22;
  double mean = 0.5;
  std::string name = "a name that is longer than its slot";
  bool operator==(const Counter&) const = default;
};
H5FLUME_FIELDS(Counter, before, hits, small, after, mean, name);

using Map = MappedMap<std::string, Counter>;
using Writable = WritableMap<std::string, Counter>;

void build(const std::string& path) {
  Map::build(path, std::map<std::string, Counter>{{"a", {}}, {"b", {}}, {"c", {}}},
             {.writable = true});
}

constexpr std::uint64_t kAdditions = 20'000;

// Adds one many times. Arguments: the path.
int add_hits(const std::vector<std::string>& arguments) {
  const auto map = Writable::open(arguments[0]);
  for (std::uint64_t i = 0; i < kAdditions; ++i) map.number<&Counter::hits>("b")->add(1);
  return 0;
}
const ChildRole kAdder("hits-adder", add_hits);

}  // namespace

TEST_CASE("numbers are stored and loaded, and their neighbours stay untouched",
          "[storage][mapped][writable]") {
  const TemporaryFolder folder;
  build(folder.file("m"));
  const auto map = Writable::open(folder.file("m"));
  map.number<&Counter::hits>("b")->store(~std::uint64_t{0});
  map.number<&Counter::small>("b")->store(-32768);
  map.number<&Counter::mean>("b")->store(-1.25);

  const auto reader = Map::open(folder.file("m"), {.validation = Validation::kFull});
  Counter expected;
  CHECK(reader.at("a").clone() == expected);
  CHECK(reader.at("c").clone() == expected);
  expected.hits = ~std::uint64_t{0};
  expected.small = -32768;
  expected.mean = -1.25;
  CHECK(reader.at("b").clone() == expected);
  CHECK(map.find("b")->hits() == expected.hits);
  CHECK(map.number<&Counter::small>("b")->load() == -32768);
}

TEST_CASE("compare-and-swap hits and misses, and add tells what was before",
          "[storage][mapped][writable]") {
  const TemporaryFolder folder;
  build(folder.file("m"));
  const auto map = Writable::open(folder.file("m"));
  const auto hits = map.number<&Counter::hits>("a").value();
  std::uint64_t expected = 0;
  CHECK(hits.compare_exchange(expected, 7));
  CHECK_FALSE(hits.compare_exchange(expected, 8));
  CHECK(expected == 7);
  CHECK(hits.add(3) == 7);
  CHECK(hits.load() == 10);
  CHECK(map.number<&Counter::mean>("a")->add(1.5) == 0.5);
  CHECK(map.number<&Counter::mean>("a")->load() == 2.0);
  CHECK_FALSE(map.number<&Counter::hits>("d").has_value());
}

TEST_CASE("what threads add is not lost", "[storage][mapped][writable][threads]") {
  const TemporaryFolder folder;
  build(folder.file("m"));
  const auto map = Writable::open(folder.file("m"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&map] {
      for (std::uint64_t j = 0; j < kAdditions; ++j) map.number<&Counter::small>("c")->add(1);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(map.number<&Counter::small>("c")->load() ==
        static_cast<std::int16_t>(3 * kAdditions - 5));  // wraps around
}

TEST_CASE("what several processes add is not lost", "[storage][mapped][writable][process]") {
  const TemporaryFolder folder;
  build(folder.file("m"));
  auto one = start_child("hits-adder", {folder.file("m")});
  auto other = start_child("hits-adder", {folder.file("m")});
  CHECK(one.wait()->code == 0);
  CHECK(other.wait()->code == 0);
  CHECK(Map::open(folder.file("m")).at("b").hits() == 2 * kAdditions);
}

TEST_CASE("a map that was not built to be writable is not written to",
          "[storage][mapped][writable]") {
  const TemporaryFolder folder;
  const std::map<std::string, Counter> items{{"a", {}}};
  Map::build(folder.file("m"), items);
  CHECK_THROWS_WITH(Writable::open(folder.file("m")), contains("not built to be writable"));
  CHECK_THROWS_WITH(
      Map::build(folder.file("m"), items, {.share_equal_values = true, .writable = true}),
      contains("shared cannot be written to"));
}

// --- the pool
// --------------------------------------------------------------------------------------

TEST_CASE("a pool grows by sections, and what it holds stays where it is",
          "[storage][mapped][pool]") {
  std::mt19937_64 random(1);
  const auto samples = random_samples(random, 300);
  ObjectPool pool(4096);
  std::vector<ObjectPool::Handle> handles{pool.add(samples[0])};
  const auto first = pool.unpack<Sample>(handles[0]);
  for (std::size_t i = 1; i < samples.size(); ++i) handles.push_back(pool.add(samples[i]));
  Sample large;
  large.label.assign(100'000, 'x');  // more than a section
  handles.push_back(pool.add(large));
  handles.push_back(pool.add_packed(mapped::pack(Box{1, 2})));

  CHECK(first.clone() == samples[0]);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    REQUIRE(pool.unpack<Sample>(handles[i]).clone() == samples[i]);
  }
  CHECK(pool.unpack<Sample>(handles[300]).clone() == large);
  CHECK(pool.unpack<Box>(handles[301]).y() == 2);
  CHECK_THROWS_WITH(pool.unpack<Box>(handles[0]), contains("other fields"));
  CHECK_THROWS_WITH(pool.unpack<Box>(pool.size_bytes()), contains("of a pool of"));
  CHECK_THROWS_AS(pool.unpack<Sample>(handles[1] + 1), Error);
}

TEST_CASE("a pool is dumped, opened with the same handles, and added to",
          "[storage][mapped][pool]") {
  const TemporaryFolder folder;
  std::mt19937_64 random(2);
  const auto samples = random_samples(random, 100);
  ObjectPool pool(1000);
  std::vector<ObjectPool::Handle> handles;
  for (const auto& sample : samples) handles.push_back(pool.add(sample));
  pool.dump(folder.file("pool"));

  auto opened = ObjectPool::open(folder.file("pool"), {.validation = Validation::kFull});
  CHECK(opened.size_bytes() == pool.size_bytes());
  handles.push_back(opened.add(samples[0]));
  opened.dump(folder.file("pool"));
  const auto again = ObjectPool::open(folder.file("pool"));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    REQUIRE(opened.unpack<Sample>(handles[i]).clone() == samples[i]);
    REQUIRE(again.unpack<Sample>(handles[i]).clone() == samples[i]);
  }
  CHECK(again.unpack<Sample>(handles.back()).clone() == samples[0]);
  ObjectPool().dump(folder.file("empty"));
  CHECK(ObjectPool::open(folder.file("empty")).size_bytes() == 0);
}
