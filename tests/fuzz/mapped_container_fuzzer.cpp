// Feeds damaged and forged mapped containers (tests/fuzz/damage.h says how) to their readers. Clang
// with -fsanitize=fuzzer brings the search; built without it, this replays the files it is given,
// or tries random inputs: see tests/fuzz/replay.h.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "storage/mapped/approximate_text.h"
#include "storage/mapped/mapped_array.h"
#include "storage/mapped/mapped_id_map.h"
#include "storage/mapped/mapped_map.h"
#include "tests/fuzz/damage.h"
#include "tests/fuzz/replay.h"

namespace h5flume::fuzz {

struct Leaf {
  std::uint32_t number = 5;
  std::optional<std::string> text = "a text that is longer than its slot";
};
H5FLUME_FIELDS(Leaf, number, text);

// Has room in an entry.
struct Small {
  std::uint16_t number = 5;
  std::optional<std::uint16_t> other = std::uint16_t{6};
};
H5FLUME_FIELDS(Small, number, other);

struct Tree {
  std::string name = "root";
  std::vector<Tree> children;
  std::shared_ptr<Tree> other;
  Settable<std::map<std::string, Leaf>> leaves;
  std::set<std::uint16_t> numbers = {1, 2, 3};
  NdArray<float> image{{1, 2}, {0.5F, 1.5F}};
  LongText story{std::string(1000, 'x')};
  Decimal price{"1.50"};
  DateTime time;
  Any any{Any::Dict{{"list", {Any::List{{true}, {0.5}, {std::string("text")}}}}}};
};
H5FLUME_FIELDS(Tree, name, children, other, leaves, numbers, image, story, price, time, any);

namespace {

using Bytes = std::span<const std::byte>;

// A damaged container may say that it has very many values.
constexpr std::uint64_t kMostRead = 64;

void tolerate(const std::function<void()>& read) {
  try {
    read();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptData && error.code() != ErrorCode::kUnsupported) {
      std::cerr << error.what() << std::endl;
      std::abort();
    }
  }
}

// Forged references may have made a cycle of shared_ptr.
void clone_and_free(const mapped::View<Tree>& view) {
  mapped::Cloner cloner{view.region(), view.region().size() + 1000};
  try {
    static_cast<void>(view.clone(cloner));
  } catch (const Error&) {
    cloner.untie();
    throw;
  }
  cloner.untie();
}

void read_array(Bytes bytes) {
  const auto array = MappedArray<Tree>::from_bytes(bytes);
  for (std::uint64_t i = 0; i < std::min(array.size(), kMostRead); ++i) {
    tolerate([&] { clone_and_free(array[i]); });
    tolerate([&] { static_cast<void>(array[i].any().is_null()); });
    tolerate([&] { static_cast<void>(array[i].numbers().contains(2)); });
    tolerate([&] { static_cast<void>(array[i].leaves().is_set()); });
  }
}

template <class Map, class Keys>
void read_map(Bytes bytes, const Keys& keys) {
  const auto map = Map::from_bytes(bytes);
  for (const auto& key : keys) tolerate([&] { static_cast<void>(map.contains(key)); });
  const auto items = map.keys();
  for (std::uint64_t i = 0; i < std::min(items.size(), kMostRead); ++i) {
    tolerate([&] { static_cast<void>(items[i]); });
  }
  if constexpr (requires { map.values(); }) {
    const auto values = map.values();
    for (std::uint64_t i = 0; i < std::min(values.size(), kMostRead); ++i) {
      tolerate([&] { static_cast<void>(values[i].clone()); });
    }
  }
  if constexpr (requires { map.equal_range(*std::begin(keys)); }) {
    for (const auto& key : keys) tolerate([&] { static_cast<void>(map.equal_range(key)); });
  }
}

const std::vector<std::string> kTexts{"", "a", "key 3", "a key that is longer than its slot", "no"};
const std::vector<std::uint64_t> kNumbers{0, 1, 49, 2500, ~std::uint64_t{0}};

struct Model {
  std::vector<std::byte> bytes;
  std::function<void(Bytes)> read;
};

template <class Map, class Keys>
Model model_of(std::vector<std::byte> bytes, const Keys& keys) {
  return {std::move(bytes), [keys](Bytes damaged) { read_map<Map>(damaged, keys); }};
}

Tree example() {
  Tree tree;
  tree.other = std::make_shared<Tree>();
  tree.children.resize(2);
  tree.children[0].other = tree.other;
  tree.leaves = std::map<std::string, Leaf>{{"a", {}}, {"b", {1, std::nullopt}}};
  return tree;
}

std::vector<Model> make_models() {
  std::vector<std::pair<std::string, Leaf>> texts;
  for (const auto& text : kTexts) texts.emplace_back(text, Leaf{});
  for (std::uint32_t i = 0; i < 50; ++i)
    texts.emplace_back("key " + std::to_string(i), Leaf{i, {}});
  std::vector<std::pair<std::uint64_t, Leaf>> numbers;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ids;
  std::vector<std::pair<std::uint64_t, Small>> small;
  for (std::uint64_t i = 0; i < 60; ++i) {
    numbers.emplace_back(i * i, Leaf{});
    small.emplace_back(i * i, Small{});
    ids.emplace_back(i / 30, i);
  }
  using TextMap = MappedMultiMap<std::string, Leaf>;
  using NumberMap = MappedMap<std::uint64_t, Leaf>;
  using SmallMap = MappedMap<std::uint64_t, Small>;
  using Approximate = MappedApproximateMultiMap<Leaf>;
  using Ids = MappedIdMap<std::uint64_t>;
  return {{MappedArray<Tree>::build_bytes(std::vector<Tree>{example()}), read_array},
          model_of<TextMap>(TextMap::build_bytes(texts), kTexts),
          model_of<NumberMap>(NumberMap::build_bytes(numbers), kNumbers),
          model_of<SmallMap>(SmallMap::build_bytes(small), kNumbers),
          model_of<Approximate>(Approximate::build_bytes(texts), kTexts),
          model_of<Ids>(Ids::build_bytes(ids, {}, true), kNumbers)};
}

const std::vector<Model>& models() {
  static const auto made = make_models();
  return made;
}

std::vector<std::vector<std::byte>> bytes_of_models() {
  std::vector<std::vector<std::byte>> all;
  for (const auto& model : models()) all.push_back(model.bytes);
  return all;
}

}  // namespace
}  // namespace h5flume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace h5flume;
  using namespace h5flume::fuzz;
  if (size == 0) return 0;
  static const auto valid = bytes_of_models();
  const auto damaged = damage({data, size}, valid);
  const test::ExactBytes exact(damaged.bytes);
  tolerate([&] { models()[damaged.model].read(exact.span()); });
  return 0;
}

#if !defined(H5FLUME_LIBFUZZER)

int main(int argc, char** argv) {
  using namespace h5flume::fuzz;
  for (const auto& model : models()) model.read(model.bytes);  // which are sound
  return replay(argc, argv, [](auto& random) { return some_changes(random, models().size()); });
}

#endif
