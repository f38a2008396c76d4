#include "storage/persistent/key.h"

#include <limits>

#include "core/error.h"
#include "storage/persistent/json.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

TEST_CASE("keys of different types are different, and come back as they were",
          "[storage][persistent][key]") {
  CHECK(Key(5) != Key("5"));
  CHECK(Key("a\"\\\t\n\x01").json() == "a\"\\\t\n\x01");
  CHECK(Key("größe").json() == "größe");
  CHECK(Key("\x7f").json() == "\x7f");
  CHECK(Key(std::numeric_limits<std::int64_t>::min()).json() ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(Key(std::numeric_limits<std::uint64_t>::max()).json() ==
        std::numeric_limits<std::uint64_t>::max());
  const auto nested = Key::tuple("/images", Key::tuple(1, 2), Key::tuple(std::vector<Key>{}));
  CHECK(nested.json_text() == R"(["/images",[1,2],[]])");
  CHECK(Key::parse(R"( ["/images", [1, 2], []] )") == nested);
  CHECK(Key::from_json(nested.json()) == nested);
}

TEST_CASE("what is no key is refused by name", "[storage][persistent][key]") {
  CHECK_THROWS_WITH(Key("\xff"), contains("key: its text is not UTF-8"));
  CHECK_THROWS_WITH(Key::from_json(1.5), contains("key 1.5: keys are text, integers"));
  CHECK_THROWS_WITH(Key::parse("[true]"), contains("keys are text, integers"));
  CHECK_THROWS_WITH(Key::parse("[1"), contains("key: no JSON at byte"));
}

TEST_CASE("JSON that would not be kept whole is refused", "[storage][persistent][json]") {
  CHECK_THROWS_WITH(parse_json("18446744073709551616", "value"), contains("more than 64 bits"));
  CHECK(parse_json("18446744073709551615", "value") == 18446744073709551615U);
  CHECK_THROWS_WITH(parse_json("[1e999]", "value"),
                    contains("no JSON at byte") || contains("too large for a double"));
  CHECK_THROWS_WITH(parse_json(R"({"a": {"b": 1, "b": 2}})", "value"), contains("key 'b' twice"));
  CHECK(parse_json(R"({"a": {"b": 1}, "b": {"b": 2}})", "value").size() == 2);
  CHECK_THROWS_WITH(parse_json("1 2", "value"), contains("no JSON at byte"));
  CHECK_THROWS_WITH(parse_json("\"\xff\"", "value"), contains("no JSON"));
  CHECK_THROWS_WITH(parse_json(std::string(100'000, '['), "value"), contains("levels deep"));

  Json deep = 1;
  for (std::size_t level = 0; level <= kMostJsonLevels; ++level) deep = Json::array({deep});
  CHECK_THROWS_WITH(to_json_text(deep, "value"), contains("levels deep"));
  CHECK(to_json_text(deep[0], "value").size() == 2 * kMostJsonLevels + 1);
  CHECK_THROWS_WITH(to_json_text({{"x", std::nan("")}}, "value 'x'"),
                    contains("value 'x': JSON has no NaN"));
  CHECK_THROWS_WITH(to_json_text("\xc3", "value"), contains("not UTF-8"));
  CHECK(to_json_text(Json::parse(R"({"b":1,"a":[null,true,1.5]})"), "value") ==
        R"({"b":1,"a":[null,true,1.5]})");
}
