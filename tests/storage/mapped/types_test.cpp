#include "storage/mapped/types.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/storage/mapped/stored_value.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;
using h5flume::mapped::Slice;

namespace {

template <class Integer>
void check_integers(std::mt19937_64& random) {
  std::vector<Integer> values{std::numeric_limits<Integer>::min(),
                              std::numeric_limits<Integer>::max()};
  for (int i = 0; i < 100; ++i) values.push_back(static_cast<Integer>(random()));
  check_comes_back(values);
  check_comes_back(std::set<Integer>(values.begin(), values.end()));
  std::map<Integer, Integer> items;
  for (const auto value : values) items[value] = static_cast<Integer>(~value);
  check_comes_back(items);
}

}  // namespace

TEST_CASE("lists, sets and dicts of every integer width, of floats, bytes and texts",
          "[storage][mapped][types]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  check_integers<std::uint8_t>(random);
  check_integers<std::int8_t>(random);
  check_integers<std::uint16_t>(random);
  check_integers<std::int16_t>(random);
  check_integers<std::uint32_t>(random);
  check_integers<std::int32_t>(random);
  check_integers<std::uint64_t>(random);
  check_integers<std::int64_t>(random);
  check_comes_back(std::vector<float>{0.5F, -1, std::numeric_limits<float>::infinity()});
  check_comes_back(std::vector<double>{0.1, -0.0, 1e300});
  check_comes_back(std::vector<bool>{true, false, true});
  check_comes_back(std::set<std::string>{"", "b", "a text that is longer than its slot"});
  check_comes_back(std::vector<std::vector<std::byte>>{{}, {std::byte{1}}, {40, std::byte{2}}});
}

TEST_CASE("elements of lists and values of dicts may be null", "[storage][mapped][types]") {
  const std::vector<std::optional<std::string>> list{
      "a", {}, "a text that is longer than its slot", "", {}};
  check_comes_back(list);
  const Stored stored(list);
  CHECK(stored.view()[0] == "a");
  CHECK_FALSE(stored.view()[1].has_value());
  CHECK(stored.view()[3] == "");
  check_comes_back(std::map<std::uint32_t, std::optional<Box>>{{1, Box{1, 2}}, {2, {}}});
  check_comes_back(std::set<std::optional<int>>{3, {}, -1});
  check_comes_back(std::vector<std::optional<std::vector<std::optional<float>>>>{
      {}, {{}}, {{0.5F, std::nullopt}}});
  check_comes_back(std::optional<std::uint8_t>());
}

TEST_CASE("containers in containers, and of structs", "[storage][mapped][types]") {
  using Lists = std::vector<std::vector<std::vector<std::string>>>;
  check_comes_back(Lists{{{"a", "b"}, {}}, {}, {{"a text that is longer than its slot"}}});
  check_comes_back(
      std::map<std::string, std::vector<Box>>{{"one", {{1, 2}, {3, 4}}}, {"none", {}}});
  check_comes_back(std::map<std::uint32_t, std::map<std::string, std::set<double>>>{
      {1, {{"x", {1.5, 2.5}}}}, {2, {}}});
}

TEST_CASE("empty containers come back empty", "[storage][mapped][types]") {
  check_comes_back(std::vector<std::string>{});
  check_comes_back(std::set<std::uint64_t>{});
  check_comes_back(std::map<std::string, Box>{});
  check_comes_back(std::string{});
  check_comes_back(std::vector<std::byte>{});
  check_comes_back(NdArray<float>{{0, 3}, {}});
  CHECK(Stored(std::vector<int>{}).view().empty());
  CHECK_FALSE(Stored(std::set<int>{}).view().contains(1));
  CHECK_FALSE(Stored(std::map<int, int>{}).view().find(1).has_value());
}

TEST_CASE("a list of more than 2^24 elements comes back", "[storage][mapped][types][list]") {
  std::vector<std::uint8_t> list((std::size_t{1} << 24U) + 3);
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = static_cast<std::uint8_t>(i % 251);
  const Stored stored(list);
  REQUIRE(stored.view().size() == list.size());
  CHECK(std::ranges::equal(stored.view(), list));
}

TEST_CASE("a text of more than 128 MiB comes back", "[.large][storage][mapped][types]") {
  const std::string text((std::size_t{129} << 20U) + 1, 'x');
  CHECK((Stored(text).view() == text));
}

// --- lists
// ----------------------------------------------------------------------------------------

namespace {

// As Python's list[start:stop:step], place by place.
std::vector<int> sliced(const std::vector<int>& list, const Slice& slice) {
  const auto size = static_cast<std::int64_t>(list.size());
  const bool forwards = slice.step > 0;
  const auto wrap = [&](std::int64_t at) { return at < 0 ? at + size : at; };
  std::vector<int> result;
  for (std::int64_t i = slice.start ? wrap(*slice.start) : (forwards ? 0 : size - 1);
       forwards ? i < size : i >= 0; i += slice.step) {
    if (forwards && i < 0) {  // begins before the list: Python begins with its first
      i = -slice.step;
      continue;
    }
    if (!forwards && i >= size) {
      i = size - 1 - slice.step;
      continue;
    }
    if (slice.stop && (forwards ? i >= wrap(*slice.stop) : i <= wrap(*slice.stop))) break;
    result.push_back(list[static_cast<std::size_t>(i)]);
  }
  return result;
}

std::optional<std::int64_t> random_bound(std::mt19937_64& random) {
  if (random() % 4 == 0) return std::nullopt;
  return static_cast<std::int64_t>(random() % 31) - 15;
}

}  // namespace

TEST_CASE("stepped slices of a list are those of Python", "[storage][mapped][types][list]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 300; ++i) {
    std::vector<int> list(random() % 12);
    for (auto& value : list) value = static_cast<int>(random() % 100);
    const Stored stored(list);
    Slice slice{random_bound(random), random_bound(random),
                static_cast<std::int64_t>(random() % 7) - 3};
    if (slice.step == 0) slice.step = 1;
    const auto view = stored.view().slice(slice);
    CAPTURE(list, slice.start, slice.stop, slice.step);
    REQUIRE(std::vector<int>(view.begin(), view.end()) == sliced(list, slice));
  }
  const Stored stored(std::vector<int>{1, 2, 3, 4, 5});
  CHECK(stored.view().slice({.start = 1, .step = 2}) == std::vector{2, 4});
  CHECK(stored.view().slice({.step = 2}).slice({.step = -1}) == std::vector{5, 3, 1});
  CHECK_THROWS_WITH(stored.view().slice({.step = 0}), contains("the step is zero"));
}

TEST_CASE("a list view searches, counts, compares and reverses", "[storage][mapped][types][list]") {
  const std::vector<std::string> list{"b", "a", "a text that is longer than its slot", "a"};
  const Stored stored(list);
  const auto view = stored.view();
  CHECK(view == list);
  CHECK(view.find("a") == 1U);
  CHECK_FALSE(view.find("c").has_value());
  CHECK(view.contains("a text that is longer than its slot"));
  CHECK(view.count("a") == 2);
  CHECK(view.front() == "b");
  CHECK(view.back() == "a");
  CHECK(view.reversed() == std::vector<std::string>(list.rbegin(), list.rend()));
  CHECK(view < std::vector<std::string>{"b", "b"});
  CHECK_FALSE(view < std::vector<std::string>{"b"});
  CHECK_THROWS_WITH(view[4], contains("element 4 of a list of 4"));
}

// --- sets and dicts
// ---------------------------------------------------------------------------------

TEST_CASE("set algebra is that of std::set", "[storage][mapped][types][set]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100; ++i) {
    std::set<std::string> one;
    std::set<std::string> other;
    for (int j = 0; j < 10; ++j) {
      one.insert(random_text(random, 1));
      other.insert(random_text(random, 1));
    }
    if (i % 4 == 0) std::erase_if(one, [&](const auto& text) { return !other.contains(text); });
    const Stored stored_one(one);
    const Stored stored_other(other);
    const auto left = stored_one.view();
    const auto right = stored_other.view();
    const auto expect = [&](const auto& result, auto algorithm) {
      std::vector<std::string> expected;
      algorithm(one.begin(), one.end(), other.begin(), other.end(), std::back_inserter(expected));
      REQUIRE(std::vector<std::string>(result.begin(), result.end()) == expected);
    };
    expect(left.united_with(right), [](auto... a) { std::set_union(a...); });
    expect(left.intersected_with(other), [](auto... a) { std::set_intersection(a...); });
    expect(left.without(right), [](auto... a) { std::set_difference(a...); });
    expect(left.exclusive_with(right), [](auto... a) { std::set_symmetric_difference(a...); });
    REQUIRE(left.is_subset_of(right) ==
            std::includes(other.begin(), other.end(), one.begin(), one.end()));
    REQUIRE((left == right) == (one == other));
    for (const auto& text : other) REQUIRE(left.contains(text) == one.contains(text));
  }
}

namespace {

struct Place {
  std::uint32_t row = 0;
  std::string name;
  auto operator<=>(const Place&) const = default;
};
H5FLUME_FIELDS(Place, row, name);

}  // namespace

TEST_CASE("sets of structs, and dicts with struct keys, have the order of the plain structs",
          "[storage][mapped][types][set]") {
  const std::set<Place> one{{1, "a name that is longer than its slot"}, {1, "b"}, {0, "z"}};
  const std::set<Place> other{{1, "b"}, {2, ""}};
  check_comes_back(one);
  const Stored stored(one);
  const Stored another(other);
  const auto view = stored.view();
  for (const auto& place : one) CHECK(view.contains(place));
  CHECK_FALSE(view.contains(Place{1, "c"}));
  CHECK(view == one);
  CHECK(view.intersected_with(another.view()).size() == 1);
  CHECK(view.intersected_with(another.view())[0].name() == "b");
  CHECK(view.united_with(another.view()).size() == 4);
  CHECK_FALSE(view.is_subset_of(other));

  const std::map<Place, int> items{{{1, "b"}, 5}, {{0, "z"}, 6}};
  check_comes_back(items);
  CHECK(Stored(items).view().at(Place{1, "b"}) == 5);
  CHECK_FALSE(Stored(items).view().contains(Place{1, ""}));
}

TEST_CASE("a dict view finds by key", "[storage][mapped][types][dict]") {
  const std::map<std::string, std::int64_t> items{
      {"a", 1}, {"b", -2}, {"longer than the slot is", 3}};
  const Stored stored(items);
  const auto view = stored.view();
  CHECK(view.size() == 3);
  for (const auto& [key, value] : items) CHECK(view.at(key) == value);
  CHECK_FALSE(view.contains("c"));
  CHECK_FALSE(view.find("").has_value());
  CHECK_THROWS_AS(view.at("c"), Error);
  CHECK(view.keys()[2] == "longer than the slot is");
  CHECK(view.values() == std::vector<std::int64_t>{1, -2, 3});
  CHECK(view[1].second == -2);
}

// --- time and numbers
// -------------------------------------------------------------------------------

TEST_CASE("dates before 1970 and after", "[storage][mapped][types][time]") {
  for (const auto date : {std::chrono::sys_days{}, std::chrono::sys_days(std::chrono::days(-1)),
                          std::chrono::sys_days(std::chrono::year(1) / 1 / 1),
                          std::chrono::sys_days(std::chrono::year(1969) / 12 / 31),
                          std::chrono::sys_days(std::chrono::year(9999) / 12 / 31)}) {
    check_comes_back(date);
  }
}

TEST_CASE("moments with time zones, without, and before 1970", "[storage][mapped][types][time]") {
  const auto moment = std::chrono::sys_days(std::chrono::year(2024) / 2 / 29) + 23h + 59min + 1us;
  const auto early = std::chrono::sys_days(std::chrono::year(1900) / 1 / 1) + 1us;
  for (const auto& time : {DateTime{moment, {}}, DateTime{moment, 0s}, DateTime{moment, 5h + 45min},
                           DateTime{early, -(9h + 30min)}}) {
    check_comes_back(time);
  }
  CHECK(Stored(DateTime{moment, {}}).view() != DateTime{moment, 0s});
}

TEST_CASE("decimals come back as they were written", "[storage][mapped][types][decimal]") {
  for (const auto* text : {"0", "-0", "1.20", ".5", "5.", "3E+5", "-1.5e-400", "NaN", "-Infinity",
                           "123456789012345678901234567890.000000000000000000001"}) {
    CHECK(Stored(Decimal(text)).view().text() == text);
  }
  CHECK(Decimal("1.25").to_double() == 1.25);
  for (const auto* text : {"", ".", "1e", "1 ", "0x1", "infinity?", "--1", "1.2.3"}) {
    CHECK_THROWS_WITH(Decimal(text), contains("no decimal number"));
  }
}

TEST_CASE("n-d arrays, of numbers and structured", "[storage][mapped][types][ndarray]") {
  const NdArray<std::int16_t> plain{{2, 3}, {1, 2, 3, 4, 5, 6}};
  check_comes_back(plain);
  const Stored stored(plain);
  CHECK(stored.view().shape() == plain.shape);
  CHECK(stored.view()(1, 2) == 6);
  CHECK_THROWS_AS(stored.view()(2, 0), Error);
  CHECK_THROWS_AS(stored.view()(1), Error);
  check_comes_back(NdArray<double>{{}, {2.5}});
  check_comes_back(NdArray<Box>{{1, 2, 1}, {{1, 2}, {3, 4}}});
  CHECK(Stored(NdArray<Box>{{2}, {{1, 2}, {3, 4}}}).view()(1).y() == 4);
  CHECK_THROWS_WITH(Stored(NdArray<int>{{2, 2}, {1}}), contains("does not fit"));
}

// --- the others
// -------------------------------------------------------------------------------------

TEST_CASE("long texts are compressed when it pays", "[storage][mapped][types]") {
  std::mt19937_64 random(1);
  const LongText repeated{std::string(100'000, 'x')};
  const Stored compressed(repeated);
  CHECK(compressed.view().is_compressed());
  CHECK(compressed.bytes.size() < 2000);
  CHECK(compressed.clone() == repeated);

  std::string noise(10'000, ' ');
  for (auto& character : noise) character = static_cast<char>(' ' + random() % 95);
  CHECK_FALSE(Stored(LongText{noise}).view().is_compressed());
  check_comes_back(LongText{noise});
  check_comes_back(LongText{"short"});
  check_comes_back(LongText{});
}
