// Iteration over the tasks, wherever a tracker is kept.

#include <stdexcept>

#include "tests/storage/persistent/tracker_fixture.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

using Keys = std::vector<std::string>;

Keys keys_in(const ProgressTracker& tracker, const ProgressTracker::States& states = {}) {
  Keys keys;
  tracker.for_each([&](const Task& task) { return keys.push_back(task.key.json_text()), true; },
                   states);
  return keys;
}

Keys todo_in(const ProgressTracker& tracker, bool allow_aborted = false) {
  Keys keys;
  tracker.for_each_todo(
      [&](const Task& task) { return keys.push_back(task.key.json_text()), true; }, allow_aborted);
  return keys;
}

}  // namespace

TEST_CASE("an iteration visits tasks in their order, those added meanwhile too",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  add_tasks(tracker, 600);
  std::uint64_t next = 0;
  tracker.for_each([&](const Task& task) {
    CHECK(task.key == next);
    if (next == 500) tracker.add(600);
    ++next;
    return true;
  });
  CHECK(next == 601);
  int visited = 0;
  tracker.for_each([&](const Task&) { return ++visited < 3; });
  CHECK(visited == 3);
}

TEST_CASE("an iteration visits those in some states", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.max_tries = 2});
  add_tasks(tracker, 6);
  const auto leased = claim_one(tracker);
  tracker.mark_done(1);
  tracker.abort(2);
  tracker.increment_tries(3);
  tracker.increment_tries(3);
  tracker.increment_tries(4);
  CHECK(keys_in(tracker, {TaskState::kLeased}) == Keys{"0"});
  CHECK(keys_in(tracker, {TaskState::kDone}) == Keys{"1"});
  CHECK(keys_in(tracker, {TaskState::kAborted}) == Keys{"2"});
  CHECK(keys_in(tracker, {TaskState::kExhausted}) == Keys{"3"});
  CHECK(keys_in(tracker, {TaskState::kTodo}) == Keys{"4", "5"});
  CHECK(keys_in(tracker, {TaskState::kTodo, TaskState::kDone}) == Keys{"1", "4", "5"});
  CHECK(todo_in(tracker) == Keys{"0", "4", "5"});
  CHECK(todo_in(tracker, true) == Keys{"0", "2", "4", "5"});
  tracker.complete(leased);
  CHECK(todo_in(tracker) == Keys{"4", "5"});
}

TEST_CASE("try_each claims one task after the other, each once, and settles what is left open",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.max_tries = 3});
  add_tasks(tracker, 5);
  tracker.abort(3);
  Keys tried;
  tracker.try_each([&](const Claim& claim) {
    tried.push_back(claim.key.json_text());
    if (claim.key == 0) tracker.complete(claim, "result");
    if (claim.key == 1) tracker.fail(claim, "my own words");
    if (claim.key == 2) tracker.release(claim);
    if (claim.key == 2) tracker.add(5);
    return true;
  });
  CHECK(tried == Keys{"0", "1", "2", "4", "5"});
  CHECK(tracker.find(0)->result == "result");
  CHECK(tracker.find(1)->error == "my own words");
  CHECK(tracker.tries(2) == 0);
  CHECK(tracker.tries(4) == 1);
  CHECK(tracker.status() ==
        TrackerStatus{.total = 6, .todo = 4, .done = 1, .aborted = 1, .tried = 4, .tries = 4});

  tried.clear();
  tracker.try_each(
      [&](const Claim& claim) {
        tried.push_back(claim.key.json_text());
        return claim.key != 3;
      },
      true);
  CHECK(tried == Keys{"1", "2", "3"});
  CHECK(tracker.aborted(3));
}

TEST_CASE("an exception out of try_each is a failed try that says why",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  tracker.add("a");
  CHECK_THROWS_WITH(
      tracker.try_each([](const Claim&) -> bool { throw std::runtime_error("no luck"); }),
      "no luck");
  CHECK(tracker.find("a")->error == "no luck");
  CHECK(state_of(tracker, "a") == TaskState::kTodo);
}
