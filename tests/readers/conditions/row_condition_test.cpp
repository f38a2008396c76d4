#include "readers/conditions/row_condition.h"

#include <cmath>
#include <limits>

#include "tests/readers/conditions/event_rows.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

using Rows = std::vector<std::uint64_t>;

namespace {

Event named(const char* name) {
  Event event;
  std::memcpy(event.name, name, std::min<std::size_t>(std::strlen(name), sizeof event.name));
  return event;
}

constexpr std::int64_t kTwo53 = std::int64_t{1} << 53;

}  // namespace

TEST_CASE("a condition finds the rows for which it holds", "[reader][condition]") {
  std::vector<Event> events(5000);
  Rows expected;
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].pos = static_cast<std::int32_t>(i % 7);
    events[i].flag = i % 3 == 1;
    if (i % 7 > 3 && i % 3 == 1) expected.push_back(100 + i);
  }
  CHECK(matches("(pos > 3) & (flag == 1)", events, 100) == expected);
  CHECK(matches("pos > 3 and flag", events, 100) == expected);
  CHECK(matches("~((pos <= 3) | ~flag)", events, 100) == expected);
  CHECK(matches("not (pos <= 3 or not flag)", events, 100) == expected);
  CHECK(matches("True", events).size() == 5000);
  CHECK(matches("False", events).empty());
  CHECK(matches("flag", {}).empty());
}

TEST_CASE("matches are appended, and errors take nothing away", "[reader][condition]") {
  RowCondition condition("id * 2 > 0", event_type());
  std::vector<Event> events(3000);
  events[1].id = 5;
  Rows found{77};
  condition.find(std::as_bytes(std::span(events)), 10, found);
  CHECK(found == Rows{77, 11});
  events[2999].id = std::numeric_limits<std::int64_t>::max();
  CHECK_THROWS_WITH(condition.find(std::as_bytes(std::span(events)), 10, found),
                    contains("condition 'id * 2 > 0': row 3009: 9223372036854775807 * 2 does not"));
  CHECK(found == Rows{77, 11});
  CHECK_THROWS_WITH(condition.find(std::as_bytes(std::span(events)).subspan(1), 0, found),
                    contains("no whole number of rows"));
}

TEST_CASE("a condition knows its fields and can be copied", "[reader][condition]") {
  const RowCondition condition("(inner.z > 1) | (pos < inner.z) & (`a b/c` == 2)", event_type());
  CHECK(condition.fields() == std::vector<std::string>{"inner/z", "pos", "a b/c"});
  CHECK(fields_of_condition(condition.text()) == condition.fields());
  RowCondition copy = condition;
  Event event;
  event.inner.z = 2;
  Rows found;
  copy.find(std::as_bytes(std::span(&event, 1)), 4, found);
  CHECK(found == Rows{4});
  CHECK(copy.text() == condition.text());
}

TEST_CASE("operators bind as in Python", "[reader][condition]") {
  CHECK(holds("2 + 3 * 4 == 14"));
  CHECK(holds("-2 ** 2 == -4"));
  CHECK(holds("2 ** 3 ** 2 == 512"));
  CHECK(holds("2 ** -1 == 0.5"));
  CHECK(holds("7 - 2 - 1 == 4"));
  CHECK(holds("6 & 3 == 2"));  // (6 & 3) == 2, as in Python and not as in C
  CHECK(holds("1 | 6 & 4 ^ 4 == 1"));
  CHECK(holds("not 1 == 2"));
  CHECK(holds("True or False and False"));
  CHECK(holds("~ 5 == -6"));
  CHECK(holds("not not True"));
  CHECK(holds("0x1f == 31 and 0b101 == 5 and 1e3 == 1000 and .5 == 5e-1"));
}

TEST_CASE("numbers divide as in Python", "[reader][condition]") {
  CHECK(holds("7 / 2 == 3.5"));
  CHECK(holds("7 // 2 == 3"));
  CHECK(holds("-7 // 2 == -4"));
  CHECK(holds("-7 % 3 == 2"));
  CHECK(holds("7 % -3 == -2"));
  CHECK(holds("-7.5 % 2 == 0.5"));
  CHECK(holds("-7.5 // 2 == -4"));
  CHECK(holds("1 // pos == 0 and 1 % pos == 0"));  // pos is 0: as in numpy
  CHECK(holds("1 / pos > 1e300"));
  CHECK(holds("(-9223372036854775808) % -1 == 0"));
  CHECK_THAT(refusal("(-9223372036854775808) // -1 == 0"), contains("does not fit"));
}

TEST_CASE("integers are compared exactly at all 64 bits", "[reader][condition]") {
  Event event;
  event.id = kTwo53 + 1;
  event.big = std::numeric_limits<std::uint64_t>::max();
  CHECK(holds("id == 9007199254740993", event));
  CHECK(holds("id != 9007199254740992", event));
  CHECK(holds("id > 9007199254740992.0", event));
  CHECK(holds("9007199254740992.0 < id", event));
  CHECK_FALSE(holds("id == 9007199254740992.0", event));
  CHECK(holds("big == 18446744073709551615", event));
  CHECK(holds("big < 18446744073709551616.0", event));
  CHECK(holds("big > id and id < big and big > -1 and big != -1", event));
  event.id = -1;
  CHECK(holds("big > id and id != big and id < 0.0 and id > -1.5", event));
  CHECK(holds("big > -0.5 and id < 1e300 and id > -1e300", event));
}

TEST_CASE("what cannot be computed exactly is refused with field, value and row",
          "[reader][condition]") {
  Event event;
  event.id = kTwo53 + 1;
  event.big = std::numeric_limits<std::uint64_t>::max();
  CHECK(holds("sqrt(id - 1) > 9e7", event));
  CHECK_THAT(refusal("sqrt(id) > 1", event),
             contains("unsupported: condition 'sqrt(id) > 1': row 0: field 'id' is "
                      "9007199254740993, and float64 is exact up to 2**53 only"));
  CHECK_THAT(refusal("id * 0.5 > 1", event), contains("field 'id' is 9007199254740993"));
  CHECK_THAT(refusal("big + 1 > 0", event), contains("field 'big' is 18446744073709551615"));
  CHECK_THAT(refusal("id * id > 0", event), contains("9007199254740993 * 9007199254740993"));
  CHECK_THAT(refusal("abs(id - 9223372036854775807 - 9007199254740994) > 0", event),
             contains("the opposite of -9223372036854775808 does not fit"));
}

TEST_CASE("NaN compares as IEEE 754 says", "[reader][condition]") {
  Event event;
  event.energy = std::numeric_limits<double>::quiet_NaN();
  for (const char* sign : {"==", "<", "<=", ">", ">="}) {
    CHECK_FALSE(holds(std::string("energy ") + sign + " 1", event));
    CHECK_FALSE(holds(std::string("pos ") + sign + " energy", event));
  }
  CHECK(holds("energy != energy and energy != 1 and 1 != energy", event));
  CHECK(holds("isnan(energy) and not isfinite(energy) and not isinf(energy)", event));
}

TEST_CASE("a float is compared as the float64 that it stands for", "[reader][condition]") {
  Event event;
  event.weight = 0.1f;
  event.half = 0x3e00;  // 1.5
  CHECK(holds("weight > 0.1 and weight < 0.100001", event));
  CHECK(holds("half == 1.5", event));
  event.half = 0xc000;
  CHECK(holds("half == -2", event));
  event.half = 0x0001;
  CHECK(holds("half == 2 ** -24 ", event));
  event.half = 0x7c00;
  CHECK(holds("isinf(half)", event));
}

TEST_CASE("texts compare by bytes, without the NULs behind them", "[reader][condition]") {
  CHECK(holds("name == 'ab'", named("ab")));
  CHECK(holds("name == b\"ab\" and 'ab' == name and name != 'abc'", named("ab")));
  CHECK(holds("name == 'abcde'", named("abcde")));
  CHECK_FALSE(holds("name == 'abcdef'", named("abcde")));
  CHECK(holds("name == ''"));
  CHECK(holds("name == 'ab\\x00'", named("ab")));
  CHECK(holds("name > 'ab' and name < 'b'", named("abc")));
  CHECK(holds("name > 'z'", named("\xc3\xa9")));
  CHECK(holds("contains(name, 'bc')", named("abcd")));
  CHECK(holds("name == '\\'\\t'", named("'\t")));
  CHECK_THAT(refusal("name == 3"), contains("position 6: '==' compares text with text only, and "
                                            "here stand field 'name' (text) and an integer"));
  CHECK_THAT(refusal("name + 'a' == 'b'"), contains("'+' takes numbers, not field 'name' (text)"));
}

TEST_CASE("an enum compares with its numbers and with the names of its members",
          "[reader][condition]") {
  Event event;
  event.state = -7;
  CHECK(holds("state == 'STOP' and 'RUN' != state and state == -7 and state < 0", event));
  CHECK_THAT(refusal("state == 'HALT'"),
             contains("position 10: the enum has no member 'HALT'; they are IDLE, RUN, STOP"));
  CHECK_THAT(refusal("state < 'RUN'"), contains("names of an enum have no order"));
}

TEST_CASE("a byte is a truth value where one is wanted", "[reader][condition]") {
  Event event;
  event.bit = 1;
  CHECK(holds("bit", event));
  CHECK(holds("bit & (pos == 0) & ~other_bit", event));
  CHECK(holds("(pos == 0) & (bit ^ other_bit)", event));
  CHECK(holds("not other_bit and (bit | other_bit) or other_bit", event));
  CHECK(holds("bit & ~other_bit", event));
  CHECK(holds("~bit == -2 and bit & 3 == 1 and bit + bit == 2", event));  // numbers elsewhere
  CHECK_FALSE(holds("~bit", event));
  event.bit = 2;
  CHECK(holds("bit & 2 == 2", event));
  CHECK_THAT(refusal("bit & (pos == 0)", event),
             contains("row 0: field 'bit' is 2, and only 0 and 1 are truth values"));
}

TEST_CASE("functions have their names in numpy", "[reader][condition]") {
  Event event;
  event.energy = -2.25;
  event.pos = -4;
  CHECK(holds("abs(energy) == 2.25 and abs(pos) == 4 and sqrt(-pos) == 2", event));
  CHECK(holds("floor(energy) == -3 and ceil(energy) == -2", event));
  CHECK(holds("abs(arctan2(1, 1) * 4 - 3.14159265) < 1e-8 and cos(0) == 1 and exp(0) == 1"));
  CHECK_THAT(refusal("sqr(pos) > 1"),
             contains("position 1: there is no function 'sqr'; there are"));
  CHECK_THAT(refusal("sqrt(pos, 1) > 1"), contains("sqrt() takes 1 argument, not 2"));
  CHECK_THAT(refusal("sqrt(name) > 1"), contains("position 6: sqrt() takes numbers, and this is"));
}

TEST_CASE("what is easily meant otherwise is refused, with the way to write it",
          "[reader][condition]") {
  CHECK_THAT(refusal("pos > 3 & flag == 1"),
             contains("position 16: comparisons do not follow each other: & and | bind tighter"));
  CHECK_THAT(refusal("pos > 3 & flag"), contains("position 9: '&' takes two truth values or two "
                                                 "integers, and here stand an integer and field "
                                                 "'flag' (a truth value); it binds tighter"));
  CHECK_THAT(refusal("0 < pos < 3"), contains("position 9: comparisons do not follow"));
  CHECK_THAT(refusal("flag && flag"), contains("position 6: 'and' is written & or and"));
  CHECK_THAT(refusal("flag || flag"), contains("'or' is written | or or"));
  CHECK_THAT(refusal("!flag"), contains("negation is written ~ or not"));
  CHECK_THAT(refusal("pos = 3"), contains("position 5: equality is written =="));
  CHECK_THAT(refusal("pos and flag"), contains("'and' takes truth values, not field 'pos'"));
  CHECK_THAT(refusal("not pos"), contains("'not' takes a truth value, not field 'pos'"));
  CHECK_THAT(refusal("pos"), contains("position 1: a condition has to give a truth value, and "
                                      "this gives field 'pos' (an integer)"));
  CHECK_THAT(refusal("pos + 1"), contains("position 5: a condition has to give a truth value"));
}

TEST_CASE("fields that are not there or not to be compared are refused by name",
          "[reader][condition]") {
  CHECK_THAT(refusal("flag & (enrgy > 3)"),
             contains("invalid_argument: condition 'flag & (enrgy > 3)', position 9: no field "
                      "'enrgy'; the fields are flag, pos, energy"));
  CHECK_THAT(refusal("inner.q > 3"), contains("no field 'q'; the fields are z, hits"));
  CHECK_THAT(refusal("pos.q > 3"), contains("field 'pos' has no fields inside"));
  CHECK_THAT(refusal("inner/z > 3"),
             contains("unsupported: condition 'inner/z > 3', position 1: field 'inner' is a "
                      "compound: write which of its fields, z, hits, behind a dot"));
  CHECK_THAT(refusal("track > 3"), contains("field 'track' is of type float64[2], which"));
  const auto of_no_compound = [] { RowCondition("x > 3", element_type_of<double>()); };
  CHECK_THROWS_WITH(of_no_compound(), contains("elements of type float64 have no fields"));
}

TEST_CASE("text that is no condition is refused where it goes wrong", "[reader][condition]") {
  CHECK_THAT(refusal(""), contains("position 1: it is empty"));
  CHECK_THAT(refusal("  "), contains("position 3: it is empty"));
  CHECK_THAT(refusal("pos >"), contains("position 6: a field, a number or '(' is expected at the"));
  CHECK_THAT(refusal("pos > > 3"), contains("position 7: a field, a number or '(' is expected"));
  CHECK_THAT(refusal("(pos > 3"), contains("position 9: ')' is expected at the end"));
  CHECK_THAT(refusal("pos > 3)"), contains("position 8: an operator is expected here"));
  CHECK_THAT(refusal("pos 3"), contains("position 5: an operator is expected here"));
  CHECK_THAT(refusal("pos > and"), contains("position 7: a field or a number is expected"));
  CHECK_THAT(refusal("sqrt(pos > 3"), contains("')' or ',' is expected at the end"));
  CHECK_THAT(refusal("pos > 3x"), contains("position 8: a number goes on where it should end"));
  CHECK_THAT(refusal("pos > 0x"), contains("digits have to follow 0x"));
  CHECK_THAT(refusal("pos > 18446744073709551616"), contains("does not fit 64 bits"));
  CHECK_THAT(refusal("energy > 1e999"), contains("does not fit a float64"));
  CHECK_THAT(refusal("name == 'ab"), contains("position 9: the text that begins here"));
  CHECK_THAT(refusal("name == '\\q'"), contains("position 10: only"));
  CHECK_THAT(refusal("name == '\\x4'"), contains("two hexadecimal digits"));
  CHECK_THAT(refusal("name == 'ab\\"), contains("position 12: only"));
  CHECK_THAT(refusal("`pos > 3"), contains("has no closing `"));
  CHECK_THAT(refusal("pos > 3 ; flag"), contains("position 9: ';' has no meaning here"));
}

TEST_CASE("a condition of any length and depth is read or refused", "[reader][condition]") {
  const auto repeat = [](const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  };
  CHECK(holds(repeat("(pos == 1) | ", 200) + "True"));
  CHECK_THAT(refusal(repeat("(pos == 1) | ", 100'000) + "True"), contains("at most 500 parts"));
  CHECK(holds(repeat("(", 90) + "True" + repeat(")", 90)));
  CHECK_THAT(refusal(repeat("(", 100'000)), contains("nested more than 100 deep"));
  CHECK_THAT(refusal(repeat("-", 100'000) + "1 > 0"), contains("nested more than 100 deep"));
  CHECK_THAT(refusal(repeat("not ", 100'000) + "flag"), contains("nested more than 100 deep"));
  CHECK_THAT(refusal(repeat("2**", 100'000) + "2 > 0"), contains("nested more than 100 deep"));
}
