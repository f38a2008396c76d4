// Files of each version of the form, as they were written then: golden/. A new version adds files
// of its own, by H5FLUME_WRITE_GOLDEN=1 storage_tests "[.golden]", and never touches the old ones:
// the test that writes names those of the newest version only.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/mapped/approximate_text.h"
#include "storage/mapped/mapped_array.h"
#include "storage/mapped/mapped_id_map.h"
#include "storage/mapped/mapped_map.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

// Has a field of every type. Must stay as it is.
struct Everything {
  bool flag = true;
  std::int8_t i8 = -8;
  std::uint16_t u16 = 16;
  std::int32_t i32 = -32;
  std::uint64_t u64 = 64;
  float f32 = 0.5F;
  double f64 = -0.25;
  std::string text = "a text that is longer than its slot";
  std::vector<std::byte> bytes = {std::byte{1}, std::byte{2}};
  std::optional<std::uint8_t> null;
  std::optional<std::uint8_t> eight = std::uint8_t{8};
  Settable<std::string> unset;
  Settable<std::optional<std::int64_t>> set_to_null = std::optional<std::int64_t>();
  Box box = {1, 2};
  std::vector<std::string> list = {"one", "two"};
  std::set<std::uint32_t> set = {3, 1, 2};
  std::map<std::string, Box> dict = {{"k", {3, 4}}};
  std::shared_ptr<Box> reference;
  std::chrono::sys_days date = std::chrono::sys_days(std::chrono::year(1969) / 7 / 20);
  DateTime moment{
      std::chrono::sys_days(std::chrono::year(2024) / 2 / 29) + std::chrono::microseconds(1),
      std::chrono::hours(-3)};
  Decimal decimal{"-1.20E+5"};
  NdArray<std::int16_t> array{{1, 3}, {7, 8, 9}};
  LongText story{std::string(2000, 'y')};
  Any any{Any::Dict{{"list", {Any::List{{true}, {0.5}}}}, {"text", {std::string("t")}}}};
};
H5FLUME_FIELDS(Everything, flag, i8, u16, i32, u64, f32, f64, text, bytes, null, eight, unset,
               set_to_null, box, list, set, dict, reference, date, moment, decimal, array, story,
               any);

// Maps whose values lie in their entries are of version 2, all others still of version 1.
std::string golden(const std::string& name, int version = 1) {
  return fmt::format("{}/version-{}.{}", H5FLUME_GOLDEN_FOLDER, version, name);
}

std::vector<Everything> everything() {
  std::vector<Everything> values(2);
  values[1].reference = std::make_shared<Box>(Box{5, 6});
  return values;
}

std::vector<std::pair<std::string, std::uint32_t>> texts() {
  std::vector<std::pair<std::string, std::uint32_t>> pairs;
  for (std::uint32_t i = 0; i < 40; ++i) {
    pairs.emplace_back(
        (i % 2 == 0 ? "key " : "a key that is longer than its slot ") + std::to_string(i / 2), i);
  }
  return pairs;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> ids() {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs;
  for (std::uint64_t i = 0; i < 40; ++i) pairs.emplace_back(i * i * i, i);
  return pairs;
}

using Texts = MappedMap<std::string, std::uint32_t>;
using Approximate = MappedApproximateMultiMap<std::uint32_t>;
using Objects = MappedMap<Box, std::string>;

using Boxes = MappedMultiMap<std::uint64_t, Box>;

std::vector<std::pair<std::uint64_t, Box>> boxes() {
  return {{7, {1, 2}}, {5, {3, 4}}, {7, {0, 0}}};
}

std::vector<std::pair<Box, std::string>> objects() { return {{{1, 2}, "one"}, {{3, 4}, "two"}}; }

}  // namespace

TEST_CASE("golden files are written", "[.golden]") {
  if (!std::getenv("H5FLUME_WRITE_GOLDEN")) return;
  std::filesystem::create_directories(H5FLUME_GOLDEN_FOLDER);
  Texts::build(golden("text-map", 2), texts());
  Approximate::build(golden("approximate-map", 2), texts());
  Boxes::build(golden("integer-map", 2), boxes());
}

TEST_CASE("the golden array of version 1 is read, with a field of every type",
          "[storage][mapped][golden]") {
  const auto array =
      MappedArray<Everything>::open(golden("array"), {.validation = Validation::kFull});
  REQUIRE(array.size() == 2);
  const auto view = array[0];
  const Everything expected;
  CHECK(view.flag());
  CHECK(view.i8() == -8);
  CHECK(view.u16() == 16);
  CHECK(view.i32() == -32);
  CHECK(view.u64() == 64);
  CHECK(view.f32() == 0.5F);
  CHECK(view.f64() == -0.25);
  CHECK(view.text() == expected.text);
  CHECK(view.clone().bytes == expected.bytes);
  CHECK_FALSE(view.null().has_value());
  CHECK(view.eight() == std::uint8_t{8});
  CHECK_FALSE(view.unset().is_set());
  CHECK(view.set_to_null().is_set());
  CHECK_FALSE(view.set_to_null()->has_value());
  CHECK(view.box().y() == 2);
  CHECK(view.list() == expected.list);
  CHECK(view.set() == expected.set);
  CHECK(view.dict().at("k").x() == 3);
  CHECK_FALSE(view.reference());
  CHECK((*array[1].reference()).y() == 6);
  CHECK(view.date() == expected.date);
  CHECK(view.moment() == expected.moment);
  CHECK(view.decimal().text() == "-1.20E+5");
  CHECK(view.array()(0, 2) == 9);
  CHECK(view.story().is_compressed());
  CHECK(view.story().str() == expected.story.text);
  CHECK(view.clone().any == expected.any);
}

TEST_CASE("the golden maps of versions 1 and 2 are read", "[storage][mapped][golden]") {
  const int version = GENERATE(1, 2);
  const auto by_text = Texts::open(golden("text-map", version), {.validation = Validation::kFull});
  by_text.verify();
  for (const auto& [key, value] : texts()) CHECK(by_text.at(key) == value);

  const auto approximate = Approximate::open(golden("approximate-map", version));
  approximate.verify();
  for (const auto& [key, value] : texts()) CHECK(approximate.equal_range(key)[0] == value);
}

TEST_CASE("the golden map of structs in entries is read", "[storage][mapped][golden]") {
  const auto map = Boxes::open(golden("integer-map", 2), {.validation = Validation::kFull});
  map.verify();
  CHECK(map.key_count() == 2);
  CHECK(map.equal_range(7)[0].y() == 2);
  CHECK(map.equal_range(7)[1].y() == 0);
  CHECK(map.equal_range(5)[0].x() == 3);
}

TEST_CASE("the golden maps of ids and of objects are read", "[storage][mapped][golden]") {
  const auto id_map = MappedIdMap<std::uint64_t>::open(golden("id-map"));
  id_map.verify();
  for (const auto& [key, id] : ids()) CHECK(id_map.find(key) == id);

  const auto by_object = Objects::open(golden("object-map"));
  by_object.verify();
  for (const auto& [key, value] : objects()) CHECK(by_object.at(key) == value);
}

namespace {

bool same_bytes(const std::vector<std::byte>& built, const std::string& path) {
  return std::ranges::equal(built, bytes_of(read_file(path)));
}

}  // namespace

TEST_CASE("what is written today is what was written then", "[storage][mapped][golden]") {
  CHECK(same_bytes(MappedArray<Everything>::build_bytes(everything()), golden("array")));
  CHECK(same_bytes(MappedIdMap<std::uint64_t>::build_bytes(ids()), golden("id-map")));
  CHECK(same_bytes(Objects::build_bytes(objects()), golden("object-map")));
  CHECK(same_bytes(Texts::build_bytes(texts()), golden("text-map", 2)));
  CHECK(same_bytes(Approximate::build_bytes(texts()), golden("approximate-map", 2)));
  CHECK(same_bytes(Boxes::build_bytes(boxes()), golden("integer-map", 2)));
}
