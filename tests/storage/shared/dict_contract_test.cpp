// What a dict does, whoever uses it: one handle, several in a thread, threads, processes. Each
// command is run by another of them than the one before.

#include "tests/storage/shared/actors.h"
#include "tests/storage/shared/shared_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

struct CrewFixture : SharedFixture {
  ActorKind kind = GENERATE(ActorKind::kSameHandle, ActorKind::kSameThread, ActorKind::kThread,
                            ActorKind::kProcess);
  // Of little room, so that several dumps are made, or of much.
  std::size_t buffer_bytes = GENERATE(std::size_t{128}, std::size_t{1} << 18U);
  SharedDict owner = create({.recurse = true, .buffer_bytes = buffer_bytes});
  Crew crew{kind, 3, folder, "a"};
};

Json error(const std::string& code) { return {{"error", code}}; }

const Json kNothing = Json::array();  // as an argument of "swap"
Json just(const Json& value) { return Json::array({value}); }

}  // namespace

#define CREW_TEST(name) TEST_CASE_METHOD(CrewFixture, name, "[storage][shared][contract]")

CREW_TEST("what one sets the others get") {
  CAPTURE(to_string(kind), buffer_bytes);
  CHECK(crew("get", "x") == Json());
  CHECK(crew("get_or", "x", 7) == 7);
  CHECK(crew("at", "x") == error("not_found"));
  for (const Json& value : {Json(1), Json(-1), Json(0.5), Json("text"), Json(""), Json(true),
                            Json(), Json{1, "a", Json()}, Json(18446744073709551615U),
                            Json(std::string(1000, 'x')), Json("\xc3\xa4\xe2\x82\xac")}) {
    crew("set", "x", value);
    CHECK(crew("at", "x") == value);
    CHECK(crew("contains", "x") == true);
  }
  CHECK(crew("size") == 1);
  crew("set", 5, "number");
  crew("set", "5", "text");
  CHECK(crew("get", 5) == "number");
  CHECK(crew("get", "5") == "text");
  CHECK(crew("keys") == Json({"x", 5, "5"}));
}

CREW_TEST("entries keep the order in which their keys were first set") {
  for (int key = 0; key < 20; ++key) crew("set", key * 7 % 20, key);
  crew("set", 7, "again");
  crew("erase", 14);
  crew("set", 14, "at the end");
  Json expected = Json::array();
  for (int key = 0; key < 20; ++key) {
    if (key != 2)
      expected.push_back(Json::array({key * 7 % 20, key == 1 ? Json("again") : Json(key)}));
  }
  expected.push_back(Json::array({14, "at the end"}));
  CHECK(crew("items") == expected);
  crew("dump");
  CHECK(crew("items") == expected);
  crew("reload");
  CHECK(crew("items") == expected);
}

CREW_TEST("erase, pop, popitem, setdefault and clear say what they found") {
  crew("update", Json{{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}});
  CHECK(crew("erase", "a") == true);
  CHECK(crew("erase", "a") == false);
  CHECK(crew("pop", "b") == 2);
  CHECK(crew("pop", "b") == Json());
  CHECK(crew("popitem") == Json({"d", 4}));
  CHECK(crew("setdefault", "c", 9) == 3);
  CHECK(crew("setdefault", "e", 9) == 9);
  CHECK(crew("setdefault", "e", 10) == 9);
  CHECK(crew("items") == Json::array({{"c", 3}, {"e", 9}}));
  crew("clear");
  CHECK(crew("size") == 0);
  CHECK(crew("popitem") == Json());
}

CREW_TEST("a swap happens if what is there is what was expected") {
  CHECK(crew("swap", "x", just(1), just(2)) == false);
  CHECK(crew("swap", "x", kNothing, just(1)) == true);
  CHECK(crew("swap", "x", kNothing, just(2)) == false);
  CHECK(crew("swap", "x", just(1), just(Json{1, 2})) == true);
  CHECK(crew("swap", "x", just(Json{1, 3}), just(0)) == false);
  CHECK(crew("swap", "x", just(Json{1, 2}), just(Json{{"in", {{"deep", 1}}}})) == true);
  CHECK(crew("swap", "x", just(Json{{"in", {{"deep", 2}}}}), just(0)) == false);
  CHECK(crew("swap", "x", just(Json{{"in", {{"deep", 1}}}}), just("t")) == true);
  CHECK(crew("swap", "x", just("t"), kNothing) == true);
  CHECK(crew("contains", "x") == false);
  CHECK(crew("swap", "x", kNothing, kNothing) == true);
}

CREW_TEST("numbers are added up") {
  for (int times = 1; times <= 10; ++times) CHECK(crew("increment", "n", 3) == 3 * times);
  CHECK(crew("increment_real", "r", 0.5) == 0.5);
  CHECK(crew("increment_real", "r", 0.25) == 0.75);
  CHECK(crew("increment", "r", 1) == error("invalid_argument"));
  crew("set", "t", "text");
  CHECK(crew("increment", "t", 1) == error("invalid_argument"));
  crew("set", "n", 9223372036854775807);
  CHECK(crew("increment", "n", 1) == error("invalid_argument"));
  CHECK(crew("get", "n") == 9223372036854775807);
  CHECK(crew("get", "t") == "text");
}

CREW_TEST("a transaction is one commit, or nothing") {
  crew("set", "x", 1);
  const auto before = crew("version").get<std::uint64_t>();
  CHECK(crew("transaction", Json{{"set", "x", 2},
                                 {"set", "y", 3},
                                 {"get", "x"},
                                 {"erase", "z"},
                                 {"transaction", {{"increment", "x", 5}}}}) ==
        Json{Json(), Json(), 2, false, Json::array({7})});
  CHECK(crew("version") == before + 1);
  CHECK(crew("transaction", Json{{"set", "x", 8}, {"clear"}, {"set", "w", 8}, {"throw"}}) ==
        error("cancelled"));
  CHECK(crew("version") == before + 1);
  CHECK(crew("items") == Json::array({{"x", 7}, {"y", 3}}));
  CHECK(crew("transaction", Json::array()) == Json::array());
  CHECK(crew("version") == before + 1);
}

CREW_TEST("an update is one commit") {
  const auto before = crew("version").get<std::uint64_t>();
  Json object = Json::object();
  for (int key = 0; key < 100; ++key) object["k" + std::to_string(key)] = key;
  crew("update", object);
  CHECK(crew("version") == before + 1);
  CHECK(crew("json") == object);
}

CREW_TEST("objects become nested dicts that are shared themselves") {
  crew("set", "outer", Json{{"counter", 0}, {"inner", {{"x", 1}}}, {"list", {1, {{"y", 2}}}}});
  CHECK(crew("nested", "outer", Json{"increment", "counter", 1}) == 1);
  CHECK(crew("nested", "outer", Json{"nested", "inner", {"set", "z", 5}}) == Json());
  CHECK(crew("nested", "outer", Json{"nested", "inner", {"json"}}) == Json{{"x", 1}, {"z", 5}});
  CHECK(crew("get", "outer") ==
        Json{{"counter", 1}, {"inner", {{"x", 1}, {"z", 5}}}, {"list", {1, {{"y", 2}}}}});
  crew("dump");
  CHECK(crew("nested", "outer", Json{"nested", "inner", {"get", "z"}}) == 5);
  CHECK(crew("size") == 1);
  crew("make_nested", "made");
  CHECK(crew("make_nested", "outer") == Json());
  CHECK(crew("nested", "made", Json{"size"}) == 0);
  crew("set", "plain", 1);
  CHECK(crew("nested", "plain", Json{"size"}) == error("invalid_argument"));
  CHECK(crew("make_nested", "plain") == error("invalid_argument"));
  CHECK(crew("nested", "none", Json{"size"}) == error("not_found"));
  CHECK(crew("nested", "outer", Json{"clear"}) == Json());
  CHECK(crew("get", "outer") == Json::object());
  crew("clear");
  CHECK(crew("json") == Json::object());
}

CREW_TEST("each commit has a version of its own, and a dump has none") {
  const auto before = crew("version").get<std::uint64_t>();
  crew("set", "x", 1);
  crew("set", "x", 1);
  CHECK(crew("version") == before + 2);
  crew("dump");
  crew("erase", "none");
  crew("setdefault", "x", 2);
  CHECK(crew("version") == before + 2);
}
