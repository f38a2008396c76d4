#include <cmath>

#include "core/error.h"
#include "storage/persistent/dict/change_log_internal.h"
#include "tests/storage/persistent/dict_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

using View = PersistentDict::View;

TEST_CASE_METHOD(DictFixture, "a dict holds what was set, in the order in which keys came",
                 "[storage][persistent][dict]") {
  const auto options = generate_options();
  {
    auto dict = open(options);
    CHECK(dict.empty());
    dict.set("b", 1);
    dict.set("a", {{"z", nullptr}, {"y", {1, 2.5, "ü"}}});
    dict.set(5, "number");
    dict.set("5", "text");
    dict.set(Key::tuple("t", Key::tuple(1, 2)), true);
    dict.set("b", 2);  // keeps its place
    CHECK(dict.size() == 5);
    CHECK(dict.at("b") == 2);
    CHECK(dict.at(5) == "number");
    CHECK(dict.at("5") == "text");
    CHECK(dict.contains(Key::tuple("t", Key::tuple(1, 2))));
    CHECK_FALSE(dict.contains("t"));
  }
  const auto again = open();
  const std::string expected =
      R"("b"=2 "a"={"z":null,"y":[1,2.5,"ü"]} 5="number" "5"="text" ["t",[1,2]]=true)";
  CHECK(text_of(again) == expected);
  CHECK(text_of(again, View::kLive) == expected);
  CHECK(again.size() == 5);
  CHECK(again.keys().size() == 5);
  CHECK(again.values()[3] == "text");
  CHECK(again.check().empty());
}

TEST_CASE_METHOD(DictFixture, "erased keys are gone, and go last when they come back",
                 "[storage][persistent][dict]") {
  const auto options = generate_options();
  const bool reopened = GENERATE(false, true);
  auto dict = open(options);
  for (const char* key : {"a", "b", "c"}) dict.set(key, 1);
  if (reopened) {  // what is erased stands in the engine then, not in the log
    dict.close();
    dict = open(options);
  }
  CHECK(dict.erase("a"));
  CHECK_FALSE(dict.erase("a"));
  CHECK(dict.size() == 2);
  CHECK(text_of(dict) == R"("b"=1 "c"=1)");
  dict.set("d", 1);
  dict.set("a", 2);
  CHECK(dict.pop("c") == Json(1));
  CHECK_FALSE(dict.pop("c"));
  CHECK(text_of(dict) == R"("b"=1 "d"=1 "a"=2)");
  CHECK(text_of(dict, View::kLive) == R"("b"=1 "d"=1 "a"=2)");
  CHECK(dict.size() == 3);
  dict.close();
  CHECK(text_of(open(options)) == R"("b"=1 "d"=1 "a"=2)");
}

TEST_CASE_METHOD(DictFixture, "absence is told from null", "[storage][persistent][dict]") {
  auto dict = open(generate_options());
  dict.set("null", nullptr);
  CHECK(dict.find("null").has_value());
  CHECK_FALSE(dict.find("none").has_value());
  CHECK(dict.get("null", 7).is_null());
  CHECK(dict.get("none", 7) == 7);
  CHECK(dict.setdefault("null", 7).is_null());
  CHECK(dict.setdefault("none", 7) == 7);
  CHECK(dict.at("none") == 7);
  CHECK_THROWS_WITH(dict.at("nothing"), contains("a.dict") && contains("no key \"nothing\""));
  dict.clear();
  CHECK(dict.empty());
  CHECK(text_of(dict).empty());
  dict.set("x", 1);
  CHECK(text_of(dict) == R"("x"=1)");
}

TEST_CASE_METHOD(DictFixture, "a value is changed by comparing, by version or by a function",
                 "[storage][persistent][dict]") {
  auto dict = open(generate_options());
  CHECK(dict.compare_and_swap("k", std::nullopt, 1));
  CHECK_FALSE(dict.compare_and_swap("k", std::nullopt, 2));
  CHECK_FALSE(dict.compare_and_swap("k", Json(5), 2));
  CHECK(dict.compare_and_swap("k", Json(1), 2));
  CHECK_FALSE(dict.compare_and_swap("none", Json(1), 2));
  CHECK(dict.update("k", [](const Json& k) { return k.get<int>() + 40; }) == 42);
  CHECK(dict.update("new", [](const Json& none) { return none.is_null(); }) == true);
  CHECK_THROWS_AS(dict.update("k", [](const Json&) -> Json { throw std::runtime_error("no"); }),
                  std::runtime_error);
  CHECK(dict.at("k") == 42);
}

TEST_CASE_METHOD(DictFixture, "a version changes with every change of its value",
                 "[storage][persistent][dict]") {
  auto dict = open();
  CHECK(dict.compare_and_set("k", 0, "first"));
  CHECK_FALSE(dict.compare_and_set("k", 0, "again"));
  const auto first = dict.find_versioned("k");
  CHECK(dict.compare_and_set("k", first->version, "second"));
  CHECK_FALSE(dict.compare_and_set("k", first->version, "third"));
  CHECK(dict.at("k") == "second");
  dict.erase("k");
  dict.set("k", "first");
  CHECK(dict.find_versioned("k")->version > first->version);
  dict.close();
  const auto again = open();
  CHECK(again.find_versioned("k")->version > first->version);
}

TEST_CASE_METHOD(DictFixture, "parts of a value are reached by paths",
                 "[storage][persistent][dict]") {
  auto dict = open(generate_options());
  dict.set("run", {{"a", {{"b", {1, 2}}}}, {"n/m", 1}});
  dict.set("run", "/a/b/0", "zero");
  dict.set("run", "/a/b/2", 3);
  dict.set("run", "/a/b/-", 4);
  dict.append("run", "/a/b", nullptr);
  dict.set("run", "/a/c", true);
  CHECK(dict.increment("run", "/n~1m") == 2);
  CHECK(dict.increment("run", "/new", -2) == -2);
  CHECK(dict.increment("run", "/new", 0.5) == -1.5);
  dict.erase("run", "/a/b/1");
  CHECK(dict.at("run").dump() == R"({"a":{"b":["zero",3,4,null],"c":true},"n/m":2,"new":-1.5})");
  CHECK(dict.at("run", "/a/b/0") == "zero");
  CHECK(dict.increment("count", "") == 1);
  CHECK(dict.increment("count", "", 2) == 3);

  CHECK_THROWS_WITH(dict.at("run", "/a/x"), contains("key \"run\" path '/a/x': there is nothing"));
  CHECK_THROWS_WITH(dict.set("run", "/x/y", 1), contains("there is nothing"));
  CHECK_THROWS_WITH(dict.set("run", "/a/b/9", 1), contains("there is nothing"));
  CHECK_THROWS_WITH(dict.set("run", "a", 1), contains("no JSON pointer"));
  CHECK_THROWS_WITH(dict.set("none", "/a", 1), contains("no key \"none\""));
  CHECK_THROWS_WITH(dict.set("count", "/a", 1), contains("there is nothing"));
  CHECK_THROWS_WITH(dict.append("run", "/a", 1), contains("it is no array"));
  CHECK_THROWS_WITH(dict.increment("run", "/a"), contains("it is no number"));
  CHECK_THROWS_WITH(dict.erase("run", ""), contains("the whole value"));
  dict.set("big", 18446744073709551615U);
  CHECK_THROWS_WITH(dict.increment("big", ""), contains("more than 64 bits"));
}

TEST_CASE_METHOD(DictFixture, "what cannot be kept is refused and changes nothing",
                 "[storage][persistent][dict]") {
  auto dict = open(generate_options());
  dict.set("x", 1);
  CHECK_THROWS_WITH(dict.set("x", std::nan("")),
                    contains("dict ") && contains("key \"x\"") && contains("no NaN"));
  CHECK_THROWS_WITH(dict.set("x", "\xff"), contains("not UTF-8"));
  const std::vector<DictItem> items{{"y", 1}, {"x", HUGE_VAL}};
  CHECK_THROWS_WITH(dict.update(items), contains("no infinity"));
  CHECK(text_of(dict) == R"("x"=1)");
}

TEST_CASE_METHOD(DictFixture, "many entries are written together", "[storage][persistent][dict]") {
  const auto options = generate_options();
  auto dict = open(options);
  std::vector<DictItem> items;
  constexpr int kCount = persistent::ChangeLog::kMostKeys + 1;  // more than the log holds
  for (int number = 0; number < kCount; ++number) items.push_back({number, 0});
  for (int number = kCount - 1; number >= 0; --number) items.push_back({number, number * 2});
  dict.update(items);  // of a key twice the later counts, and the first keeps its place
  CHECK(dict.size() == kCount);
  CHECK(dict.at(kCount - 1) == 2 * (kCount - 1));
  int next = 0;
  for (const auto& [key, value] : dict.items()) {
    if (key != Key(next) || value != next * 2) FAIL_CHECK(next);
    ++next;
  }
  CHECK(next == kCount);
  CHECK(dict.check().empty());
  dict.close();
  CHECK(open().size() == kCount);
}

TEST_CASE_METHOD(DictFixture, "a value that is larger than the log is kept",
                 "[storage][persistent][dict]") {
  const std::string large(persistent::ChangeLog::kMostBytes, 'x');
  auto dict = open();
  dict.set("large", large);
  dict.set("small", 1);
  CHECK(dict.at("large") == large);
  dict.close();
  CHECK(open().at("large") == large);
}

TEST_CASE_METHOD(DictFixture, "dicts are equal with the same entries in the same order",
                 "[storage][persistent][dict]") {
  auto dict = open();
  PersistentDict other(folder.file("other.dict"));
  CHECK(dict == other);
  dict.set("a", 1);
  dict.set("b", 2);
  CHECK_FALSE(dict == other);
  other.set("b", 2);
  other.set("a", 1);
  CHECK_FALSE(dict == other);
  other.erase("b");
  other.set("b", 2);
  CHECK(dict == other);
}

TEST_CASE_METHOD(DictFixture, "a snapshot stays as it is, a live view sees what is added",
                 "[storage][persistent][dict]") {
  auto dict = open(generate_options());
  std::vector<DictItem> items;
  for (int number = 0; number < 600; ++number) items.push_back({number, 0});
  dict.update(items);
  auto snapshot = dict.items(View::kSnapshot);
  auto live = dict.items(View::kLive);
  REQUIRE(snapshot.next()->key == Key(0));
  REQUIRE(live.next()->key == Key(0));
  dict.erase(500);
  dict.set(599, 1);
  dict.set("new", 1);
  const auto rest = [](DictItems& view) {
    std::vector<DictItem> seen;
    while (auto item = view.next()) seen.push_back(*std::move(item));
    return seen;
  };
  const auto then = rest(snapshot);
  CHECK(then.size() == 599);
  CHECK(then.back().key == Key(599));
  CHECK(then.back().value == 0);
  const auto now = rest(live);
  CHECK(now.size() == 599);
  CHECK(now.back().key == Key("new"));
  CHECK(now[now.size() - 2].value == 1);
}
