#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/error.h"
#include "storage/mapped/approximate_text.h"
#include "storage/mapped/mapped_array.h"
#include "storage/mapped/mapped_id_map.h"
#include "storage/mapped/mapped_map.h"
#include "tests/storage/mapped/forged.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

struct Node {
  std::uint32_t number = 0;
  std::vector<Node> children;
  bool operator==(const Node&) const = default;
};
H5FLUME_FIELDS(Node, number, children);

// One container, and all that can be done with it. Reading throws what it throws.
struct Victim {
  std::string name;
  std::vector<std::byte> bytes;
  std::function<void(std::span<const std::byte>, Validation)> read;
};

using Bytes = std::span<const std::byte>;

template <class Map, class Keys>
auto read_map(const Keys& keys) {
  return [keys](Bytes bytes, Validation level) {
    const auto map = Map::from_bytes(bytes, nullptr, {.validation = level});
    for (const auto& key : keys) {
      try {
        static_cast<void>(map.contains(key));
      } catch (const Error&) {  // the next key may lie elsewhere
      }
    }
    for (const auto& [key, value] : map.items()) static_cast<void>(key);
  };
}

Victim array_of_samples() {
  std::mt19937_64 random(1);
  const auto samples = random_samples(random, 6);
  return {"array", MappedArray<Sample>::build_bytes(samples), [](Bytes bytes, Validation level) {
            const auto array = MappedArray<Sample>::from_bytes(bytes, nullptr, {level});
            for (std::uint64_t i = 0; i < std::min<std::uint64_t>(array.size(), 100); ++i) {
              try {
                static_cast<void>(array[i].clone());
              } catch (const Error&) {  // the next one may be whole
              }
            }
          }};
}

Victim array_of_nodes() {
  const std::vector<Node> nodes{{1, {{2, {{3, {}}}}, {4, {}}}}};
  return {"nodes", MappedArray<Node>::build_bytes(nodes), [](Bytes bytes, Validation level) {
            const auto array = MappedArray<Node>::from_bytes(bytes, nullptr, {level});
            for (const auto& node : array) static_cast<void>(node.clone());
          }};
}

std::vector<Victim> victims() {
  const std::vector<std::string> texts{"a", "b", "a key that is longer than its slot", ""};
  std::vector<std::pair<std::string, std::uint32_t>> by_text;
  for (std::uint32_t i = 0; i < 40; ++i) by_text.emplace_back(texts[i % 4] + std::to_string(i), i);
  std::vector<std::pair<std::uint64_t, std::string>> by_number;
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < 60; ++i) {
    numbers.push_back(i * i);
    by_number.emplace_back(i * i, "value number " + std::to_string(i));
  }
  using TextMap = MappedMap<std::string, std::uint32_t>;
  using NumberMap = MappedMap<std::uint64_t, std::string>;
  using Approximate = MappedApproximateMultiMap<std::uint32_t>;
  using IdMap = MappedIdMap<std::string>;
  return {array_of_samples(),
          array_of_nodes(),
          {"text map", TextMap::build_bytes(by_text), read_map<TextMap>(texts)},
          {"number map", NumberMap::build_bytes(by_number), read_map<NumberMap>(numbers)},
          {"approximate", Approximate::build_bytes(by_text), read_map<Approximate>(texts)},
          {"id map", IdMap::build_bytes(by_text), read_map<IdMap>(texts)}};
}

// Whatever happens must be an Error that tells of damage.
void read_damaged(const Victim& victim, const std::vector<std::byte>& bytes, Validation level) {
  const ExactBytes exact(bytes);
  try {
    victim.read(exact.span(), level);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptData && error.code() != ErrorCode::kUnsupported) {
      CAPTURE(victim.name, error.what());
      FAIL("another kind of error");
    }
  }
}

}  // namespace

TEST_CASE("a container that is truncated at any byte is refused", "[storage][mapped][damage]") {
  for (const auto& victim : victims()) {
    CAPTURE(victim.name);
    victim.read(victim.bytes, Validation::kFull);
    for (std::size_t size = 0; size < victim.bytes.size(); ++size) {
      const ExactBytes cut(std::span(victim.bytes).first(size));
      REQUIRE_THROWS_AS(victim.read(cut.span(), Validation::kNone), Error);
    }
  }
}

TEST_CASE("a container that is truncated and says so is refused or harmless",
          "[storage][mapped][damage]") {
  for (const auto& victim : victims()) {
    for (std::size_t size = 0; size < victim.bytes.size(); ++size) {
      auto bytes = victim.bytes;
      bytes.resize(size);
      make_believable(bytes);
      read_damaged(victim, bytes, Validation::kHeader);
    }
  }
}

TEST_CASE("full validation finds every flipped bit", "[storage][mapped][damage]") {
  for (const auto& victim : victims()) {
    CAPTURE(victim.name);
    auto sound = victim.bytes;
    for (std::size_t at = 0; at < victim.bytes.size(); ++at) {
      auto bytes = victim.bytes;
      bytes[at] ^= std::byte{1} << (at % 8);
      const bool between_sections = [&] {
        for (std::uint32_t kind = 1; kind < mapped::kSectionKinds; ++kind) {
          const auto section = section_of(sound, static_cast<mapped::SectionKind>(kind));
          const auto* const place = sound.data() + at;
          if (place >= section.data() && place < section.data() + section.size()) return false;
        }
        return at >= mapped::kSchemaOffset && sound[at] == std::byte{0};
      }();
      if (between_sections) continue;  // what fills up is not looked at
      REQUIRE_THROWS_AS(victim.read(ExactBytes(bytes).span(), Validation::kFull), Error);
    }
  }
}

TEST_CASE("random damage is an error or harmless, with checksums that are wrong or made right",
          "[storage][mapped][damage]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const auto& victim : victims()) {
    for (int i = 0; i < 4000; ++i) {
      auto bytes = victim.bytes;
      for (auto left = 1 + random() % 4; left > 0; --left) {
        const std::size_t at = random() % bytes.size();
        const std::uint64_t forged =
            random() % 2 == 0 ? random() : ~std::uint64_t{0} >> random() % 64;
        const std::size_t width = std::min<std::size_t>(1U << random() % 4, bytes.size() - at);
        std::memcpy(bytes.data() + at, &forged, width);
      }
      if (i % 4 != 0) make_believable(bytes);
      read_damaged(victim, bytes, i % 4 == 0 ? Validation::kNone : Validation::kHeader);
    }
  }
}

TEST_CASE("a file of another byte order or for newer readers is refused for what it is",
          "[storage][mapped][damage]") {
  auto bytes = MappedArray<int>::build_bytes(std::vector{1});
  const auto refusal = [&](std::size_t at, std::uint32_t number) {
    auto changed = bytes;
    mapped::store(changed.data() + at, number);
    try {
      MappedArray<int>::from_bytes(changed);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kUnsupported);
      return std::string(error.what());
    }
    return std::string();
  };
  using Header = mapped::ContainerHeader;
  CHECK_THAT(refusal(offsetof(Header, byte_order), 0x04030201), contains("another byte order"));
  CHECK_THAT(refusal(offsetof(Header, least_reader), 99), contains("needs a reader of version 99"));
}

TEST_CASE("lists that were forged to contain themselves come to an end",
          "[storage][mapped][damage]") {
  const std::vector<Node> nodes{{1, {{2, {{3, {}}, {4, {}}}}, {5, {}}}}};
  auto bytes = MappedArray<Node>::build_bytes(nodes);
  const auto heap = section_of(bytes, mapped::SectionKind::kHeap);
  const std::size_t slot = 0;  // of the children of the first node in the heap
  mapped::store(heap.data() + slot, std::uint64_t{0});
  mapped::store(heap.data() + slot + 8, static_cast<std::uint64_t>(GENERATE(1U, 2U)));
  make_believable(bytes);
  const auto array = MappedArray<Node>::from_bytes(bytes);
  CHECK(array[0].children()[0].children()[0].children()[0].children().size() > 0);
  CHECK_THROWS_WITH(array[0].clone(), contains("contain each other"));
}

TEST_CASE("offsets that were forged to lie outside are errors that say so",
          "[storage][mapped][damage]") {
  const auto forged = GENERATE(std::uint64_t{1} << 20U, ~std::uint64_t{0}, ~std::uint64_t{0} - 20);
  auto bytes = MappedArray<std::string>::build_bytes(
      std::vector<std::string>{"a text that is longer than its slot"});
  mapped::store(section_of(bytes, mapped::SectionKind::kRecords).data(), forged);
  const auto array = MappedArray<std::string>::from_bytes(bytes);
  CHECK_THROWS_WITH(array[0], contains("lies outside"));
}

TEST_CASE("an index that names a value beyond the last is an error", "[storage][mapped][damage]") {
  using Map = MappedMap<std::uint64_t, std::string>;
  auto bytes = Map::build_bytes(std::map<std::uint64_t, std::string>{{5, "five"}});
  mapped::store(section_of(bytes, mapped::SectionKind::kEntries).data() + 8, std::uint64_t{1});
  CHECK_THROWS_WITH(Map::from_bytes(bytes).find(5), contains("names a value it lacks"));
}

TEST_CASE("values that cannot lie in their entries are refused", "[storage][mapped][damage]") {
  using Header = mapped::ContainerHeader;
  using Map = MappedMap<std::uint64_t, std::uint32_t>;
  const auto sound = Map::build_bytes(std::map<std::uint64_t, std::uint32_t>{{5, 1}, {6, 2}});
  CHECK(Map::from_bytes(sound).at(6) == 2);
  const auto refusal = [](std::vector<std::byte> bytes, std::size_t at, auto number) {
    mapped::store(bytes.data() + at, number);
    make_believable(bytes);
    return [bytes] { static_cast<void>(mapped::Container::from_bytes(bytes, nullptr, "m", {})); };
  };
  using mapped::ContainerKind;
  const auto array = static_cast<std::uint32_t>(ContainerKind::kArray);
  const auto by_text = static_cast<std::uint32_t>(ContainerKind::kTextMap);
  CHECK_THROWS_WITH(refusal(sound, offsetof(Header, kind), array)(), contains("cannot lie in"));
  CHECK_THROWS_WITH(refusal(sound, offsetof(Header, kind), by_text)(), contains("do not take"));
  CHECK_THROWS_WITH(refusal(sound, offsetof(Header, record_count), std::uint64_t{1})(),
                    contains("cannot lie in"));
  CHECK_THROWS_WITH(refusal(sound, offsetof(Header, flags), std::uint32_t{0})(),
                    contains("do not take"));
  const auto texts = MappedMap<std::uint64_t, std::string>::build_bytes(
      std::map<std::uint64_t, std::string>{{5, "five"}});
  CHECK_THROWS_WITH(refusal(texts, offsetof(Header, flags), std::uint32_t{4})(),
                    contains("cannot lie in"));
}

// XXH3 of more than 240 bytes adds to each lane the product of the halves of (input ^ secret).
// Where the low half is zero the high half does not matter, but for a sum over stripes, kept the
// same here.
TEST_CASE("different keys with colliding hashes are told apart", "[storage][mapped][damage]") {
  const auto colliding_key = [](std::uint32_t number) {
    std::string key(512, 'x');
    const std::uint32_t first[2] = {0x396cfeb8, number};
    const std::uint32_t second[2] = {0x2c81017c, 1'000'000 - number};
    std::memcpy(key.data(), first, sizeof first);
    std::memcpy(key.data() + 64, second, sizeof second);
    return key;
  };
  std::map<std::string, std::uint32_t> model;
  for (std::uint32_t i = 0; i < 300; ++i) model[colliding_key(i)] = i;
  const auto hash = mapped::hash_of(mapped::as_raw(colliding_key(0)));
  REQUIRE(mapped::hash_of(mapped::as_raw(colliding_key(299))) == hash);

  const auto bytes = MappedMap<std::string, std::uint32_t>::build_bytes(model);
  const auto map = MappedMap<std::string, std::uint32_t>::from_bytes(bytes);
  map.verify();
  CHECK(map.size() == model.size());
  for (const auto& [key, value] : model) REQUIRE(map.at(key) == value);
  CHECK_FALSE(map.contains(colliding_key(300)));
}
