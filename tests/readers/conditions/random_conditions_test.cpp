#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "tests/readers/conditions/event_rows.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

// A part of a condition, and what it is for an event, computed row by row. Integers are exact in
// this type, and so are comparisons of any value with any other.
using Exact = long double;
static_assert(std::numeric_limits<Exact>::digits >= 64);

template <class T>
struct Part {
  std::string text;
  std::function<T(const Event&)> value;
};
using NumberPart = Part<Exact>;
using TruthPart = Part<bool>;

class ConditionMaker {
 public:
  explicit ConditionMaker(std::uint64_t seed) : random_(seed) {}

  TruthPart condition(int depth) {
    if (depth == 0 || one_in(4)) return one_in(3) ? text_comparison() : comparison();
    const TruthPart left = condition(depth - 1);
    if (one_in(4)) {
      return {(one_in(2) ? "~(" : "not (") + left.text + ")",
              [left](const Event& event) { return !left.value(event); }};
    }
    const TruthPart right = condition(depth - 1);
    const auto [sign, combine] = pick(kLogic);
    return {fmt::format("(({}) {} ({}))", left.text, sign, right.text),
            [=, combine = combine](const Event& event) {
              return combine(left.value(event), right.value(event));
            }};
  }

  Event event() {
    Event event;
    event.flag = one_in(2);
    event.pos = static_cast<std::int32_t>(near_zero());
    const double energies[] = {std::nan(""), INFINITY, -0.0, 9007199254740992.0, 0.5, -2};
    event.energy = energies[random_() % 6];
    event.weight = static_cast<float>(near_zero()) / 2;
    const std::int64_t ids[] = {0, 9007199254740993, 9007199254740992, INT64_MIN, INT64_MAX};
    event.id = ids[random_() % 5];
    const std::uint64_t bigs[] = {0, 1, UINT64_MAX, std::uint64_t{1} << 63, 9007199254740993};
    event.big = bigs[random_() % 5];
    const std::string_view name = kNames[random_() % kNames.size()];
    std::copy(name.begin(), name.end(), event.name);
    event.inner.z = static_cast<std::int8_t>(near_zero());
    event.inner.hits = static_cast<std::uint32_t>(near_zero() + 3);
    return event;
  }

 private:
  using Compare = bool (*)(Exact, Exact);
  static constexpr std::array<std::pair<const char*, Compare>, 6> kComparisons = {{
      {"==", [](Exact a, Exact b) { return a == b; }},
      {"!=", [](Exact a, Exact b) { return a != b; }},
      {"<", [](Exact a, Exact b) { return a < b; }},
      {"<=", [](Exact a, Exact b) { return a <= b; }},
      {">", [](Exact a, Exact b) { return a > b; }},
      {">=", [](Exact a, Exact b) { return a >= b; }},
  }};
  using Combine = bool (*)(bool, bool);
  static constexpr std::array<std::pair<const char*, Combine>, 5> kLogic = {{
      {"&", [](bool a, bool b) { return a && b; }},
      {"and", [](bool a, bool b) { return a && b; }},
      {"|", [](bool a, bool b) { return a || b; }},
      {"or", [](bool a, bool b) { return a || b; }},
      {"^", [](bool a, bool b) { return a != b; }},
  }};
  using Calculate = Exact (*)(Exact, Exact);
  static constexpr std::array<std::pair<const char*, Calculate>, 5> kArithmetic = {{
      {"+", [](Exact a, Exact b) { return a + b; }},
      {"-", [](Exact a, Exact b) { return a - b; }},
      {"*", [](Exact a, Exact b) { return a * b; }},
      {"//", [](Exact a, Exact b) { return b == 0 ? 0 : std::floor(a / b); }},
      {"%", [](Exact a, Exact b) { return b == 0 ? 0 : a - b * std::floor(a / b); }},
  }};
  static constexpr std::array<std::string_view, 5> kNames = {"", "a", "ab", "abcde", "b"};

  bool one_in(int n) { return random_() % static_cast<unsigned>(n) == 0; }
  std::int64_t near_zero() { return static_cast<std::int64_t>(random_() % 7) - 3; }

  template <class List>
  typename List::value_type pick(const List& list) {
    return list[random_() % list.size()];
  }

  NumberPart any_field() {
    switch (random_() % 6) {
      case 0:
        return {"energy", [](const Event& event) { return Exact{event.energy}; }};
      case 1:
        return {"weight", [](const Event& event) { return Exact{event.weight}; }};
      case 2:
        return {"id", [](const Event& event) { return static_cast<Exact>(event.id); }};
      case 3:
        return {"big", [](const Event& event) { return static_cast<Exact>(event.big); }};
      default:
        return small_integer(0);
    }
  }

  // Integers small enough for any arithmetic of a few steps.
  NumberPart small_integer(int depth) {
    if (depth > 0) {
      const NumberPart left = small_integer(depth - 1);
      const NumberPart right = small_integer(depth - 1);
      const auto [sign, calculate] = pick(kArithmetic);
      return {fmt::format("({} {} {})", left.text, sign, right.text),
              [=, calculate = calculate](const Event& event) {
                return calculate(left.value(event), right.value(event));
              }};
    }
    const std::int64_t number = near_zero();
    switch (random_() % 5) {
      case 0:
        return {"pos", [](const Event& event) { return Exact(event.pos); }};
      case 1:
        return {"inner.z", [](const Event& event) { return Exact(event.inner.z); }};
      case 2:
        return {"`inner/hits`", [](const Event& event) { return Exact(event.inner.hits); }};
      case 3:
        return {"flag", [](const Event& event) { return Exact(event.flag); }};
      default:
        return {std::to_string(number), [number](const Event&) { return Exact(number); }};
    }
  }

  NumberPart constant() {
    static const std::array<std::pair<const char*, Exact>, 7> kConstants = {{
        {"9007199254740993", 9007199254740993.0L},
        {"9007199254740992.0", 9007199254740992.0L},
        {"18446744073709551615", 18446744073709551615.0L},
        {"-9223372036854775808", -9223372036854775808.0L},
        {"0.5", 0.5L},
        {"-1.5", -1.5L},
        {"1e300", static_cast<Exact>(1e300)},
    }};
    const auto [text, value] = pick(kConstants);
    return {text, [value = value](const Event&) { return value; }};
  }

  TruthPart comparison() {
    const NumberPart left =
        one_in(2) ? any_field() : small_integer(static_cast<int>(random_() % 3));
    const NumberPart right = one_in(3)   ? constant()
                             : one_in(2) ? any_field()
                                         : small_integer(static_cast<int>(random_() % 3));
    const auto [sign, compare] = pick(kComparisons);
    return {fmt::format("{} {} {}", left.text, sign, right.text),
            [=, compare = compare](const Event& event) {
              return compare(left.value(event), right.value(event));
            }};
  }

  TruthPart text_comparison() {
    const std::string text(pick(kNames));
    const auto [sign, compare] = pick(kComparisons);
    return {fmt::format("name {} '{}'", sign, text), [=, compare = compare](const Event& event) {
              const std::string name(event.name, strnlen(event.name, sizeof event.name));
              return compare(name.compare(text), 0);
            }};
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("random conditions hold for the rows of a row-by-row model", "[reader][condition]") {
  const std::uint64_t seed = std::random_device{}();
  INFO("seed " << seed);
  ConditionMaker maker(seed);
  std::vector<Event> events(1500);
  for (int round = 0; round < 400; ++round) {
    for (Event& event : events) event = maker.event();
    const TruthPart condition = maker.condition(4);
    std::vector<std::uint64_t> expected;
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (condition.value(events[i])) expected.push_back(i + 5);
    }
    INFO(condition.text);
    const bool as_expected = matches(condition.text, events, 5) == expected;
    REQUIRE(as_expected);
  }
}
