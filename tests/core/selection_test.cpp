#include "core/selection.h"

#include <limits>
#include <random>

#include "core/resolved_selection.h"
#include "core/selection_text.h"
#include "tests/support/catch.h"

using namespace h5flume;
using h5flume::test::contains;

namespace {

using Shape = std::vector<std::uint64_t>;
using Places = std::vector<std::uint64_t>;

constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
constexpr auto kMin = std::numeric_limits<std::int64_t>::min();

// What a selection takes of an axis of `size`, place by place.
Places taken(const Selection& selection, std::uint64_t size) {
  const ResolvedSelection resolved = resolve(selection, Shape{size});
  Places places;
  for (std::uint64_t i = 0; i < resolved.axes[0].count(); ++i) {
    places.push_back(resolved.axes[0].place(i));
  }
  return places;
}

Shape shape_of(const std::string& text, const Shape& shape) {
  return resolve(parse_selection(text), shape).shape;
}

template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
  return "no error";
}

std::string refusal(const std::string& text, const Shape& shape) {
  return error_of([&] { resolve(parse_selection(text), shape); });
}

std::string parse_error(const std::string& text) {
  return error_of([&] { parse_selection(text); });
}

}  // namespace

// --- building ------------------------------------------------------------------------------------

TEST_CASE("a selection is written in C++ as in numpy", "[core][selection]") {
  CHECK(to_string(select()) == "[()]");
  CHECK(to_string(select(rows(30, 35))) == "[30:35]");
  CHECK(to_string(select(rows(10, 20), span({}, {}, 2))) == "[10:20, ::2]");
  CHECK(to_string(select(at(5), all(), -1)) == "[5, :, -1]");
  CHECK(to_string(select(ellipsis(), span({}, -2, -1))) == "[..., :-2:-1]");
  CHECK(to_string(select(list({3, 1, 1}), all())) == "[[3, 1, 1], :]");
  CHECK(to_string(select(mask({true, false}))) == "[[True, False]]");
  CHECK(to_string(select(field("col"))[rows(5, 9)]) == "['col'][5:9]");
  CHECK(to_string(select(rows(5, 9))[fields("a", "b/c")]) == "[5:9][['a', 'b/c']]");
  CHECK(to_string(select(fields("a"))) == "[['a']]");
}

TEST_CASE("one item is a selection by itself", "[core][selection]") {
  const auto served = [](const Selection& selection) { return to_string(selection); };
  CHECK(served(rows(30, 35)) == "[30:35]");
  CHECK(served(5) == "[5]");
  CHECK(served(field("it's")) == "['it\\'s']");
  CHECK(served({}) == "[()]");
  CHECK(select(5) == Selection(at(5)));
}

TEST_CASE("what no shape could serve is refused where it is written", "[core][selection]") {
  CHECK_THROWS_WITH(select(ellipsis(), ellipsis()), contains("second ellipsis"));
  CHECK_THROWS_WITH(select(list({1}), mask({true})),
                    contains("numpy would pair") && contains("[[1, 2]][:, [3, 4]]"));
  CHECK_THROWS_WITH(select(span(1, 2, 0)), contains("step of a slice is 0"));
  CHECK_THROWS_WITH(select(fields()), contains("none is named"));
  CHECK_THROWS_WITH(select(field("")), contains("not empty"));
  CHECK_THROWS_WITH(select(std::numeric_limits<std::uint64_t>::max()), contains("larger"));
}

TEST_CASE("chosen fields add up to a path and names", "[core][selection]") {
  using Names = std::vector<std::string>;
  const auto paths = [](const Selection& selection) { return selection.field_choice().paths(); };
  CHECK(paths(rows(1, 2)).empty());
  CHECK(paths(field("a")) == Names{"a"});
  CHECK(paths(select(field("outer"))[rows(1, 2)][field("inner")]) == Names{"outer/inner"});
  CHECK(paths(select(field("o"))[fields("x", "y")]) == Names{"o/x", "o/y"});
  CHECK(paths(select(fields("a", "b"))[field("b")][field("c")]) == Names{"b/c"});
  CHECK(paths(select(fields("a", "b"))[fields("b")]) == Names{"b"});
  CHECK(paths(select(fields("a/x"))[field("a/x/y")]) == Names{"a/x/y"});

  CHECK(select(field("a")).field_choice() == FieldChoice{"a", {}});
  CHECK(select(fields("a")).field_choice() == FieldChoice{"", {"a"}});
}

TEST_CASE("a field that an earlier step has left out cannot be chosen", "[core][selection]") {
  const auto pair = select(fields("a", "b"));
  CHECK(error_of([&] { pair[field("c")]; }) ==
        "not_found: select field 'c': the step before has left only 'a', 'b'");
  CHECK_THROWS_WITH(pair[fields("a", "ab")], contains("field 'ab'"));
}

// --- resolving -----------------------------------------------------------------------------------

TEST_CASE("a slice takes what Python's takes", "[core][selection]") {
  CHECK(taken(all(), 3) == Places{0, 1, 2});
  CHECK(taken(span(1, 3), 4) == Places{1, 2});
  CHECK(taken(span(-3, -1), 4) == Places{1, 2});
  CHECK(taken(span(0, 10, 4), 10) == Places{0, 4, 8});
  CHECK(taken(span({}, {}, -1), 3) == Places{2, 1, 0});
  CHECK(taken(span({}, {}, -2), 4) == Places{3, 1});
  CHECK(taken(span(2, {}, -1), 4) == Places{2, 1, 0});
  CHECK(taken(span(2, 0, -1), 4) == Places{2, 1});
  CHECK(taken(span(2, -1, -1), 4).empty());
  CHECK(taken(span(-100, 100), 3) == Places{0, 1, 2});
  CHECK(taken(span(100, -100, -1), 3) == Places{2, 1, 0});
  CHECK(taken(span(2, 1), 3).empty());
  CHECK(taken(span(5, 9), 3).empty());
  CHECK(taken(all(), 0).empty());
  CHECK(taken(span({}, {}, -1), 0).empty());
}

TEST_CASE("a slice's bounds and step may be any 64-bit integer", "[core][selection]") {
  CHECK(taken(span(kMin, kMax), 2) == Places{0, 1});
  CHECK(taken(span(kMax, kMin, -1), 2) == Places{1, 0});
  CHECK(taken(span({}, {}, kMax), 3) == Places{0});
  CHECK(taken(span({}, {}, kMin), 3) == Places{2});
  const auto largest = resolve(span({}, {}, kMin), Shape{kMax});
  CHECK(std::get<AxisRange>(largest.axes[0].places) == AxisRange{kMax - 1, 1, 1});
  const auto reversed = resolve(select(span({}, {}, -1))[span(1, {}, 2)], Shape{kMax});
  CHECK(std::get<AxisRange>(reversed.axes[0].places) == AxisRange{kMax - 2, kMax / 2, -2});
}

TEST_CASE("an integer drops its axis", "[core][selection]") {
  const auto resolved = resolve(select(2, all(), -1), Shape{3, 4, 5});
  CHECK(resolved.shape == Shape{4});
  CHECK(resolved.element_count == 4);
  REQUIRE(resolved.axes.size() == 3);
  CHECK(resolved.axes[0] == ResolvedAxis{AxisRange{2, 1, 1}, true});
  CHECK(resolved.axes[1] == ResolvedAxis{AxisRange{0, 4, 1}, false});
  CHECK(resolved.axes[2] == ResolvedAxis{AxisRange{4, 1, 1}, true});
}

TEST_CASE("an ellipsis stands for the axes nobody speaks of", "[core][selection]") {
  CHECK(shape_of("[..., 0]", {3, 4, 5}) == Shape{3, 4});
  CHECK(shape_of("[0, ..., 1:3]", {3, 4, 5}) == Shape{4, 2});
  CHECK(shape_of("[0, ..., 1, 2]", {3, 4, 5}).empty());
  CHECK(shape_of("[...]", {}).empty());
  CHECK(shape_of("[0]", {3, 4, 5}) == Shape{4, 5});
  CHECK(shape_of("[()]", {3, 4, 5}) == Shape{3, 4, 5});
}

TEST_CASE("lists and masks take place by place", "[core][selection]") {
  CHECK(taken(list({3, 1, 1, -1}), 5) == Places{3, 1, 1, 4});
  CHECK(taken(list({}), 5).empty());
  CHECK(taken(list({}), 0).empty());
  CHECK(taken(mask({true, false, true}), 3) == Places{0, 2});
  CHECK(taken(mask({}), 0).empty());
  CHECK(shape_of("[:, [3, 1, 1]]", {3, 4, 5}) == Shape{3, 3, 5});
}

TEST_CASE("an integer beside a list leaves the axes in place, or is refused", "[core][selection]") {
  CHECK(shape_of("[0, [1, 2]]", {3, 4, 5}) == Shape{2, 5});
  CHECK(shape_of("[:, 0, [1, 2]]", {3, 4, 5}) == Shape{3, 2});
  CHECK(shape_of("[[1, 2], :, 0]", {3, 4, 5}) == Shape{2, 4});
  CHECK(shape_of("[0, ..., [1, 2]]", {3, 4}) == Shape{2});
  for (const std::string text : {"[0, :, [1, 2]]", "[0, ..., [1, 2]]", "[:, [1, 2], ..., 0]",
                                 "[:, 0, ..., [True, False, True, False, False]]"}) {
    INFO(text);
    CHECK_THAT(refusal(text, {3, 4, 5}), contains("numpy would move the axis of the list"));
  }
  CHECK(shape_of("[0][:, [1, 2]]", {3, 4, 5}) == Shape{4, 2});
}

TEST_CASE("a step applies to the result of the one before", "[core][selection]") {
  CHECK(taken(select(rows(10, 20))[2], 100) == Places{12});
  CHECK(taken(select(span(10, 20, 3))[span({}, {}, -2)], 100) == Places{19, 13});
  CHECK(taken(select(list({7, 5, 3}))[span({}, {}, -1)], 8) == Places{3, 5, 7});
  CHECK(taken(select(span({}, {}, -1))[list({0, 0, -1})], 8) == Places{7, 7, 0});
  CHECK(taken(select(list({7, 5, 3}))[mask({true, false, true})], 8) == Places{7, 3});
  CHECK(shape_of("[0][1]", {3, 4, 5}) == Shape{5});
  CHECK(shape_of("[:, 1][..., 2:4]", {3, 4, 5}) == Shape{3, 2});
  CHECK(shape_of("[[1, 2]][:, [3, 0, 0]]", {3, 4, 5}) == Shape{2, 3, 5});
  CHECK(resolve(parse_selection("['x'][2:4]"), Shape{5}) ==
        resolve(parse_selection("[2:4]['x']"), Shape{5}));
}

TEST_CASE("axes of array elements come with the last field", "[core][selection]") {
  const auto shape = [](const std::string& text) {
    return resolve(parse_selection(text), Shape{6, 5}, Shape{3}).shape;
  };
  CHECK(shape("['pos']") == Shape{6, 5, 3});
  CHECK(shape("['pos'][..., 0]") == Shape{6, 5});
  CHECK(shape("[..., 0]['pos']") == Shape{6, 3});
  CHECK(shape("[1:3]['a']['pos'][:, 0]") == Shape{2, 3});
  CHECK(shape("[..., 0]") == Shape{6, 5});
  CHECK_THROWS_WITH(shape("[0, 0, 0]['pos']"), contains("too many indices: 3 for 2 axes"));
}

TEST_CASE("a refused selection names itself, the shape and the cause", "[core][selection]") {
  CHECK(refusal("[12, :]", {10, 3}) ==
        "invalid_argument: select [12, :] of shape (10, 3): index 12 is out of bounds for axis 0 "
        "with size 10");
  CHECK(refusal("[-11]", {10}) ==
        "invalid_argument: select [-11] of shape (10,): index -11 is out of bounds for axis 0 with "
        "size 10");
  CHECK_THAT(refusal("[:, [0, 3]]", {10, 3}), contains("index 3 is out of bounds for axis 1"));
  CHECK_THAT(refusal("[2:4][2]", {10}), contains("for axis 0 with size 2"));
  CHECK_THAT(refusal("[0][0]", {10}), contains("too many indices: 1 for 0 axes"));
  CHECK_THAT(refusal("[[True, False]]", {3}), contains("a mask of 2 for axis 0 with size 3"));
  CHECK_THAT(refusal("[0]", {0}), contains("index 0 is out of bounds for axis 0 with size 0"));
  CHECK_THAT(refusal("[...]", {1, std::uint64_t{1} << 63}),
             contains("axis 1 has 9223372036854775808 places"));

  const std::string long_one = refusal(to_string(list(std::vector<std::int64_t>(1000, 9))), {5});
  CHECK_THAT(long_one, contains(" ... "));
  CHECK(long_one.size() < 300);
}

TEST_CASE("a result of 2^64 elements is refused, an empty one is not", "[core][selection]") {
  const Shape huge{std::uint64_t{1} << 32, std::uint64_t{1} << 32};
  CHECK_THROWS_WITH(resolve({}, huge), contains("2^64 elements or more"));
  CHECK(resolve(rows(1, {}), huge).element_count == (huge[0] - 1) * huge[1]);
  CHECK(resolve({}, Shape{huge[0], huge[1], 0}).element_count == 0);
  CHECK(resolve(select(0, 0), huge).element_count == 1);
}

// --- text ----------------------------------------------------------------------------------------

TEST_CASE("a text may have any spacing, a last comma and both quotes", "[core][selection]") {
  CHECK(parse_selection(" [ 10 : 20 ,: :2 , ] ") == select(rows(10, 20), span({}, {}, 2)));
  CHECK(parse_selection("[:]") == select(all()));
  CHECK(parse_selection("[::]") == select(all()));
  CHECK(parse_selection("[-1]") == select(-1));
  CHECK(parse_selection("[[]]") == select(list({})));
  CHECK(parse_selection("[[ 3,-1, ],...]") == select(list({3, -1}), ellipsis()));
  CHECK(parse_selection("[[ True , False ]]") == select(mask({true, false})));
  CHECK(parse_selection("[\"a\"] [ 'b' ]") == select(field("a"))[field("b")]);
  CHECK(parse_selection(R"(['\'"\\\n\x01ä'])") == select(field("'\"\\\n\x01ä")));
  CHECK(parse_selection("[[\"x\", 'y']]") == select(fields("x", "y")));
  CHECK(parse_selection("[ ( ) ]") == Selection());
  CHECK(parse_selection("[()][2]") == select(2));
}

TEST_CASE("an error in a text points at its place", "[core][selection]") {
  CHECK(parse_error("[10:20, x]") ==
        "invalid_argument: parse the selection [10:20, x]: character 9: found 'x', expected an "
        "integer, a slice, '...', a list or a quoted field name");
  const auto [text, where] = GENERATE(table<std::string, std::string>({
      {"", "character 1: found the end, expected '['"},
      {"5", "character 1: found '5', expected '['"},
      {"[", "character 2: found the end"},
      {"[]", "character 2: found ']', expected an index"},
      {"[,]", "character 2: found ','"},
      {"[1", "character 3: found the end, expected ',' or ']'"},
      {"[1 2]", "character 4: found '2', expected ',' or ']'"},
      {"[1]x", "character 4: found 'x', expected '['"},
      {"[1:2:3:4]", "character 7: found ':'"},
      {"[1.5]", "character 3: found '.'"},
      {"[--1]", "character 2: found '-'"},
      {"[..]", "character 2: found '.'"},
      {"[9223372036854775808]", "character 2: found '9', expected an integer of 64 bits"},
      {"[0, None]", "character 5: None, a new axis, is not served"},
      {"[np.newaxis]", "character 2: np.newaxis, a new axis, is not served"},
      {"[True, False]", "character 2: True by itself is not served: a mask is a list"},
      {"[[True, 1]]", "character 9: found '1', expected True or False"},
      {"[[1, True]]", "character 6: found 'T', expected an integer: lists hold only"},
      {"[[Trues]]", "character 7: found 's'"},
      {"[[[1]]]", "character 3: found '['"},
      {"[..., 1, ...]", "character 10: select: a second ellipsis"},
      {"[[1], :, [2]]", "character 10: select: a second list or mask"},
      {"[:, ::0]", "character 5: select: the step of a slice is 0"},
      {"['a', 5]", "character 5: found ',', expected ']': fields alone"},
      {"[5, 'a']", R"(character 5: found '\'', expected fields alone)"},
      {"[['a', 5]]", "character 8: found '5', expected a field name in quotes"},
      {"['']", "character 2: select field '': a field's name is not empty"},
      {"['a]", R"(character 2: found '\'', expected a field name with a closing quote)"},
      {"['\\q']", "character 3: found '\\\\', expected one of the escapes"},
      {"['\\xff']", "character 3: found '\\\\', expected two hexadecimal digits"},
      {"['\\", "character 3: found '\\\\', expected one of the escapes"},
      {"[['a']]['b']", "character 8: select field 'b': the step before has left only 'a'"},
      {"[ä]", "character 2: found 'ä', expected"},
      {"[(1, 2)]", "character 3: found '1'"},
  }));
  INFO(text);
  CHECK_THAT(parse_error(text), contains(where));
}

TEST_CASE("bytes that are no selection are refused, whatever they are", "[core][selection]") {
  CHECK_THAT(parse_error(std::string("[\0]", 3)), contains("character 2: found"));
  CHECK_THAT(parse_error(std::string("[1]\0", 4)), contains("character 4: found"));

  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const std::string letters("[]():,.-019 'a\\xTrueFals\0\"", 26);
  for (int i = 0; i < 20000; ++i) {
    std::string text = "[";
    for (auto length = random() % 12; length > 0; --length)
      text += letters[random() % letters.size()];
    try {
      const Selection selection = parse_selection(text);
      REQUIRE(parse_selection(to_string(selection)) == selection);
    } catch (const Error& error) {
      REQUIRE(error.code() != ErrorCode::kIo);
    }
  }
}

namespace {

class RandomSelection {
 public:
  explicit RandomSelection(std::uint64_t seed) : random_(seed) {}

  Selection operator()() {
    Selection chain;
    for (auto steps = random_() % 4; steps > 0; --steps) {
      switch (random_() % 4) {
        case 0:
          chain = chain[FieldName{
              chain.field_choice().names.empty() ? name() : chain.field_choice().names[0]}];
          break;
        case 1:
          if (chain.field_choice().names.empty()) chain = chain[fields(name(), name())];
          break;
        default:
          chain = chain[items()];
      }
    }
    return chain;
  }

 private:
  std::int64_t number() {
    const auto bits = random_();
    return static_cast<std::int64_t>(bits) >> (random_() % 64);
  }

  std::optional<std::int64_t> bound() {
    if (random_() % 3 == 0) return {};
    return number();
  }

  std::string name() {
    std::string text(1 + random_() % 5, ' ');
    for (char& letter : text) letter = static_cast<char>(random_());
    return text;
  }

  Slice slice() {
    const auto step = number();
    return {bound(), bound(), step == 0 ? 1 : step};
  }

  AxisItems items() {
    AxisItems step;
    for (auto count = random_() % 4; count > 0; --count) {
      if (random_() % 2 == 0)
        step.emplace_back(number());
      else
        step.emplace_back(slice());
    }
    if (random_() % 3 == 0) step.emplace_back(ellipsis());
    switch (random_() % 4) {
      case 0:
        step.emplace_back(list({number(), number()}));
        break;
      case 1:
        step.emplace_back(mask({random_() % 2 == 0, random_() % 2 == 0}));
        break;
      default:
        break;
    }
    return step;
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("what is written as text is read as the same selection", "[core][selection]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  RandomSelection random_selection(seed);
  for (int i = 0; i < 5000; ++i) {
    const Selection selection = random_selection();
    INFO(to_string(selection));
    REQUIRE(parse_selection(to_string(selection)) == selection);
  }
}
