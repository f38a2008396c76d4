// Sanitizers have an operator new of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <cstdlib>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "storage/mapped/mapped_id_map.h"
#include "storage/mapped/mapped_map.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

thread_local std::size_t allocations = 0;

void* counted(std::size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

struct Key {
  std::uint64_t run = 0;
  std::string sensor;
};
H5FLUME_FIELDS(Key, run, sensor);

// Looks up a key that is there and one that is not, in every way that there is.
template <class Map, class K>
std::size_t look_up(const Map& map, const K& there, const K& missing) {
  std::size_t found = 0;
  for (const K* const key : {&there, &missing}) {
    found += map.contains(*key);
    found += map.equal_range(*key).size();
    for (const auto& value : map.equal_range(*key)) found += value.label().size();
  }
  return found;
}

template <class K>
void check_no_allocation(const std::vector<K>& keys, const K& missing) {
  std::vector<std::pair<K, Sample>> pairs;
  for (const K& key : keys) {
    pairs.emplace_back(key, Sample());
    pairs.back().second.label = "a label that does not fit into its slot";
  }
  const auto bytes = MappedMultiMap<K, Sample>::build_bytes(pairs);
  const auto map = MappedMultiMap<K, Sample>::from_bytes(bytes);
  const auto single = MappedMap<K, Sample>::from_bytes(bytes);
  REQUIRE(look_up(map, keys[1], missing) == 2 + 39);

  const std::size_t before = allocations;
  std::size_t found = look_up(map, keys[1], missing);
  found += single.find(keys[1])->label().size() + single.at(keys[0]).label().size();
  found += single.find(missing).has_value() + single.contains(keys[0]);
  const std::size_t after = allocations;
  CHECK(found == 2 + 3 * 39 + 1);
  CHECK(after == before);
}

}  // namespace

TEST_CASE("a lookup allocates nothing", "[storage][mapped][map]") {
  SECTION("integers") { check_no_allocation<std::uint64_t>({3, 5, 7}, 4); }
  SECTION("texts") {
    check_no_allocation<std::string>({"short", "a key that does not fit into its slot", "x"},
                                     "a key that does not fit and is not there");
  }
  SECTION("structs") {
    check_no_allocation<Key>({{1, "a sensor with a long name"}, {2, "b"}, {3, "c"}},
                             {1, "a sensor with another long name"});
  }
}

#endif
