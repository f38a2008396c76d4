// What every tracker does with its tasks, wherever it is kept. States and tries are
// in tracker_states_test.cpp, leases and tokens in tracker_claims_test.cpp, iteration is in
// tracker_iteration_test.cpp.

#include <cmath>

#include "tests/storage/persistent/tracker_fixture.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("tasks are handed out in their order, once each, and get done",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  tracker.add("b", {{"size", 2}});
  tracker.add("a");
  tracker.add(5);
  tracker.add("5");

  const auto claims = tracker.claim({.count = 3});
  CHECK(keys_of(claims) == Keys{"\"b\"", "\"a\"", "5"});
  CHECK(claims[0].value == Json{{"size", 2}});
  CHECK(claims[0].tries == 1);
  CHECK(claims[0].token < claims[1].token);
  CHECK(tracker.claim({.count = 3}).size() == 1);
  CHECK(tracker.claim().empty());
  CHECK(tracker.claim({.count = 0}).empty());
  CHECK(tracker.status() == TrackerStatus{.total = 4, .leased = 4, .tried = 4, .tries = 4});

  tracker.complete(claims[0], {{"mean", 0.5}});
  CHECK(tracker.done("b"));
  const auto task = tracker.find("b");
  REQUIRE(task);
  CHECK(task->result == Json{{"mean", 0.5}});
  CHECK(task->state == TaskState::kDone);
  CHECK(tracker.status() ==
        TrackerStatus{.total = 4, .leased = 3, .done = 1, .tried = 4, .tries = 4});
}

TEST_CASE("keys of all types come back as they were", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  const std::vector<Key> keys{-3, "-3", Key::tuple("/images", 4096, Key::tuple(std::vector<Key>{})),
                              "größe \"x\"\n"};
  for (const auto& key : keys) tracker.add(key, {{"key", key.json()}});
  const auto claims = tracker.claim({.count = 10});
  REQUIRE(claims.size() == keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    CHECK(claims[i].key == keys[i]);
    CHECK(claims[i].value == Json{{"key", keys[i].json()}});
  }
}

TEST_CASE("what has been recorded is there for whoever opens the tracker next",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  {
    auto tracker = place.open({.max_tries = 1});
    add_tasks(tracker, 3);
    tracker.complete(claim_one(tracker), "result");
    tracker.fail(claim_one(tracker), "broken");
    tracker.sync();
  }
  auto tracker = place.open({.create = false});
  CHECK(tracker.find(0)->result == "result");
  CHECK(tracker.find(1)->error == "broken");
  CHECK(tracker.max_tries() == 1);
  CHECK(tracker.status() ==
        TrackerStatus{.total = 3, .todo = 1, .done = 1, .exhausted = 1, .tried = 2, .tries = 2});
  CHECK(claim_one(tracker).key == 2);
}

TEST_CASE("two trackers at one address are one", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto one = place.open();
  auto other = place.open();
  add_tasks(one, 3);
  const auto first = claim_one(one);
  const auto second = claim_one(other);
  CHECK(first.key == 0);
  CHECK(second.key == 1);
  CHECK(first.token < second.token);
  other.complete(second);
  CHECK(one.done(1));
  CHECK(state_of(other, 0) == TaskState::kLeased);
  other.complete(first, 5);  // a claim is a value: whoever has it may settle it
  CHECK(one.find(0)->result == 5);
}

TEST_CASE("a key is added once", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  tracker.add("a", {{"n", 1}});
  CHECK(error_of([&] { tracker.add("a"); }) == ErrorCode::kConflict);
  CHECK_THROWS_WITH(tracker.add("a"), contains("add task \"a\" to tracker " + tracker.address()));
  CHECK_FALSE(tracker.add_if_absent("a", {{"n", 2}}));
  CHECK(tracker.find("a")->value == Json{{"n", 1}});
  CHECK(tracker.add_if_absent("b"));

  const std::vector<NewTask> tasks{{"b"}, {"c"}, {"c"}, {"d"}};
  CHECK(tracker.add_many_if_absent(tasks) == 2);
  CHECK(error_of([&] { tracker.add_many(tasks); }) == ErrorCode::kConflict);
  CHECK(tracker.size() == 4);
  CHECK(error_of([&] { tracker.add("e", 5); }) == ErrorCode::kInvalidArgument);
  CHECK(error_of([&] { tracker.add("e", {{"x", std::nan("")}}); }) == ErrorCode::kInvalidArgument);
  CHECK_FALSE(tracker.contains("e"));
}

TEST_CASE("many tasks are added from a source", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  add_tasks(tracker, 10'000);
  CHECK(tracker.size() == 10'000);
  CHECK(keys_of(tracker.claim({.count = 2})) == Keys{"0", "1"});
  CHECK(tracker.find(9'999)->value == Json::object());
}

TEST_CASE("values are merged, or changed by a function",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  tracker.update("a", {{"x", 1}, {"y", 2}});
  tracker.update("a", {{"y", 3}, {"z", 4}});
  CHECK(tracker.find("a")->value == Json{{"x", 1}, {"y", 3}, {"z", 4}});
  CHECK(tracker.update("a", [](Json) { return Json{{"w", 5}}; }) == Json{{"w", 5}});
  CHECK(error_of([&] { tracker.update("a", Json(5)); }) == ErrorCode::kInvalidArgument);
  CHECK(error_of([&] { tracker.update("a", [](Json) { return Json(5); }); }) ==
        ErrorCode::kInvalidArgument);
  CHECK(error_of([&] { tracker.update("b", [](Json value) { return value; }); }) ==
        ErrorCode::kNotFound);
  CHECK(tracker.find("a")->value == Json{{"w", 5}});

  auto other = place.open();
  int calls = 0;
  tracker.update("a", [&](Json value) {
    if (++calls == 1) other.update("a", {{"meanwhile", true}});
    value["n"] = calls;
    return value;
  });
  CHECK(tracker.find("a")->value == Json{{"w", 5}, {"meanwhile", true}, {"n", 2}});
}

TEST_CASE("a key that is not there is not found", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  const Key key("nobody");
  const std::vector<std::function<void()>> calls{
      [&] { tracker.mark_done(key); },
      [&] { tracker.mark_not_done(key); },
      [&] { tracker.abort(key); },
      [&] { tracker.unabort(key); },
      [&] { tracker.increment_tries(key); },
      [&] { tracker.decrement_tries(key); },
      [&] { tracker.reset_tries(key); },
      [&] { static_cast<void>(tracker.tries(key)); },
      [&] { static_cast<void>(tracker.aborted(key)); },
      [&] { static_cast<void>(tracker.should_do(key)); },
      [&] { static_cast<void>(tracker.should_try(key)); }};
  for (const auto& call : calls) CHECK(error_of(call) == ErrorCode::kNotFound);
  CHECK_FALSE(tracker.find(key));
  CHECK_FALSE(tracker.erase(key));
}

TEST_CASE("tasks are removed, whoever works on them", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  add_tasks(tracker, 3);
  const auto claim = claim_one(tracker);
  CHECK(tracker.erase(0));
  CHECK(error_of([&] { tracker.complete(claim); }) == ErrorCode::kConflict);
  tracker.add(0);
  CHECK(error_of([&] { tracker.complete(claim); }) == ErrorCode::kConflict);
  const auto rest = tracker.claim({.count = 5});
  CHECK(keys_of(rest) == Keys{"1", "2", "0"});  // added again, it is the last
  tracker.clear();
  CHECK(tracker.status() == TrackerStatus{});
  CHECK(error_of([&] { tracker.complete(rest[0]); }) == ErrorCode::kConflict);
  tracker.add(0);
  CHECK(claim_one(tracker).token > rest[2].token);
}

TEST_CASE("tasks are put in place whole", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.max_tries = 3});
  add_tasks(tracker, 2);
  const auto lost = claim_one(tracker);
  const std::vector<Task> tasks{
      {.key = 0, .value = {{"x", 1}}, .result = 7, .state = TaskState::kDone, .tries = 2},
      {.key = "leased", .value = Json::object(), .state = TaskState::kLeased, .tries = 1},
      {.key = "out",
       .value = Json::object(),
       .state = TaskState::kExhausted,
       .tries = 3,
       .error = "broken"},
      {.key = "off", .value = Json::object(), .state = TaskState::kAborted}};
  tracker.restore(tasks);
  CHECK(error_of([&] { tracker.complete(lost); }) == ErrorCode::kConflict);
  CHECK(tracker.find(0)->value == Json{{"x", 1}});
  CHECK(tracker.find(0)->result == 7);
  CHECK(tracker.find("out")->error == "broken");
  CHECK(
      tracker.status() ==
      TrackerStatus{
          .total = 5, .todo = 2, .done = 1, .aborted = 1, .exhausted = 1, .tried = 3, .tries = 6});
  CHECK(keys_of(tracker.claim({.count = 5})) == Keys{"1", "\"leased\""});
}

TEST_CASE("numbers, fractions and percentages", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  CHECK(std::isnan(tracker.fraction_done()));
  add_tasks(tracker, 8);
  tracker.mark_done(0);
  tracker.increment_tries(1);
  tracker.increment_tries(2);
  tracker.abort(3);
  CHECK(tracker.num_done() == 1);
  CHECK(tracker.num_not_done() == 7);
  CHECK(tracker.num_tried() == 2);
  CHECK(tracker.num_not_tried() == 6);
  CHECK(tracker.num_aborted() == 1);
  CHECK(tracker.num_not_aborted() == 7);
  CHECK(tracker.fraction_done() == 0.125);
  CHECK(tracker.fraction_not_done() == 0.875);
  CHECK(tracker.fraction_tried() == 0.25);
  CHECK(tracker.fraction_not_tried() == 0.75);
  CHECK(tracker.fraction_aborted() == 0.125);
  CHECK(tracker.fraction_not_aborted() == 0.875);
  CHECK(tracker.percent_done() == "12.50%");
  CHECK(tracker.percent_not_done() == "87.50%");
  CHECK(tracker.percent_tried() == "25.00%");
  CHECK(tracker.percent_not_tried() == "75.00%");
  CHECK(tracker.percent_aborted() == "12.50%");
  CHECK(tracker.percent_not_aborted() == "87.50%");
}
