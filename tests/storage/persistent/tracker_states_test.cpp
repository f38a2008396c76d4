// What becomes of a task, wherever its tracker is kept.

#include "tests/storage/persistent/tracker_fixture.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

using Keys = std::vector<std::string>;

}  // namespace

TEST_CASE("a task that fails is tried again behind the others, until it is exhausted",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.max_tries = 2});
  add_tasks(tracker, 3);
  tracker.fail(claim_one(tracker), "first");
  CHECK(state_of(tracker, 0) == TaskState::kTodo);
  CHECK(tracker.find(0)->error == "first");

  const auto claims = tracker.claim({.count = 3});
  CHECK(keys_of(claims) == Keys{"1", "2", "0"});
  CHECK(claims[2].tries == 2);
  tracker.fail(claims[2], "second");
  CHECK(state_of(tracker, 0) == TaskState::kExhausted);
  CHECK(tracker.find(0)->error == "second");
  CHECK_FALSE(tracker.should_do(0));
  CHECK(tracker.status() ==
        TrackerStatus{.total = 3, .leased = 2, .exhausted = 1, .tried = 3, .tries = 4});

  CHECK(tracker.retry_exhausted() == 1);
  CHECK(tracker.retry_exhausted() == 0);
  CHECK(tracker.status() ==
        TrackerStatus{.total = 3, .todo = 1, .leased = 2, .tried = 2, .tries = 2});
  CHECK(claim_one(tracker).tries == 1);
}

TEST_CASE("a released task is as if it had never been claimed",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.max_tries = 1});
  add_tasks(tracker, 3);
  const auto before = tracker.status();
  const auto claims = tracker.claim({.count = 2});
  tracker.release(claims);
  CHECK(tracker.status() == before);
  CHECK(keys_of(tracker.claim({.count = 3})) == Keys{"0", "1", "2"});
}

TEST_CASE("a task that has failed waits, longer each time",
          "[storage][persistent][tracker][contract]") {
  using std::chrono::milliseconds;
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  const Backoff backoff{.first = milliseconds(20), .factor = 3, .longest = milliseconds(50)};
  auto tracker = place.open({.backoff = backoff});
  tracker.add("a");
  for (const auto wait : {milliseconds(20), milliseconds(50), milliseconds(50)}) {
    const auto claimed = tracker.wait_and_claim();
    const auto before = std::chrono::steady_clock::now();
    tracker.fail(claimed.value());
    const auto claim = tracker.wait_and_claim();
    CHECK(std::chrono::steady_clock::now() - before >= wait);
    tracker.release(claim.value());
  }
  CHECK(place.open().backoff() == backoff);
}

TEST_CASE("a longer waiting time is over later", "[storage][persistent][tracker][contract]") {
  using std::chrono::milliseconds;
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.backoff = Backoff{.first = milliseconds(1), .factor = 100}});
  add_tasks(tracker, 2);
  tracker.increment_tries(0);
  const auto claims = tracker.claim({.count = 2});
  tracker.fail(claims[0]);  // its second try: it waits for 100 ms
  tracker.fail(claims[1]);  // 1 ms
  CHECK(tracker.wait_and_claim()->key == 1);
  CHECK(tracker.wait_and_claim()->key == 0);
}

TEST_CASE("an aborted task is left alone, unless it is asked for",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.max_tries = 2});
  add_tasks(tracker, 2);
  tracker.abort(0);
  tracker.abort(0);
  CHECK(tracker.aborted(0));
  CHECK_FALSE(tracker.should_do(0));
  CHECK(tracker.should_do(0, true));
  CHECK(tracker.status() == TrackerStatus{.total = 2, .todo = 1, .aborted = 1});

  CHECK(keys_of(tracker.claim({.count = 2, .allow_aborted = true})) == Keys{"0", "1"});
  CHECK(tracker.status() == TrackerStatus{.total = 2, .leased = 2, .tried = 2, .tries = 2});
}

TEST_CASE("an aborted task that is tried is aborted again unless it gets done",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.max_tries = 2});
  tracker.add("a");
  tracker.abort("a");
  tracker.release(claim_one(tracker, {.allow_aborted = true}));
  CHECK(tracker.aborted("a"));
  tracker.fail(claim_one(tracker, {.allow_aborted = true}));
  CHECK(tracker.aborted("a"));
  CHECK(tracker.claim().empty());
  tracker.fail(claim_one(tracker, {.allow_aborted = true}));
  CHECK(tracker.aborted("a"));
  CHECK(tracker.claim({.allow_aborted = true}).empty());  // no tries left
  CHECK_FALSE(tracker.should_do("a", true));
  tracker.unabort("a");
  CHECK(state_of(tracker, "a") == TaskState::kExhausted);
  tracker.unabort("a");
  tracker.reset_tries("a");
  CHECK(state_of(tracker, "a") == TaskState::kTodo);
  tracker.abort("a");
  tracker.complete(claim_one(tracker, {.allow_aborted = true}));
  CHECK(tracker.done("a"));
}

TEST_CASE("tries are counted, and decide", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.max_tries = 2});
  tracker.add("a");
  CHECK(tracker.decrement_tries("a") == 0);
  CHECK(tracker.increment_tries("a") == 1);
  CHECK(tracker.num_tried() == 1);
  CHECK(tracker.increment_tries("a") == 2);
  CHECK(tracker.tries("a") == 2);
  CHECK(state_of(tracker, "a") == TaskState::kExhausted);
  CHECK(tracker.decrement_tries("a") == 1);
  CHECK(state_of(tracker, "a") == TaskState::kTodo);
  tracker.increment_tries("a");
  tracker.reset_tries("a");
  CHECK(tracker.tries("a") == 0);
  CHECK(tracker.status() == TrackerStatus{.total = 1, .todo = 1});
}

TEST_CASE("another max_tries applies to the tasks that are there",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  {
    auto tracker = place.open({.max_tries = 2});
    add_tasks(tracker, 3);
    tracker.increment_tries(0);
    tracker.increment_tries(1);
    tracker.increment_tries(1);
  }
  CHECK(place.open().status().exhausted == 1);
  CHECK(place.open({.max_tries = 1}).status() ==
        TrackerStatus{.total = 3, .todo = 1, .exhausted = 2, .tried = 2, .tries = 3});
  CHECK(place.open({.max_tries = 3}).status().todo == 3);
  CHECK(place.open({.max_tries = 1}).status().todo == 1);
  CHECK(place.open({.max_tries = 0}).status().todo == 3);
  CHECK(place.open().max_tries() == 0);
}

TEST_CASE("a task is marked done and not done by hand",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  tracker.add("a");
  CHECK_FALSE(tracker.done("nobody"));
  tracker.mark_done("a");
  tracker.mark_done("a");
  CHECK(tracker.done("a"));
  tracker.abort("a");  // no effect
  CHECK(tracker.done("a"));
  tracker.mark_not_done("a");
  tracker.mark_not_done("a");
  CHECK(state_of(tracker, "a") == TaskState::kTodo);
  tracker.complete(claim_one(tracker), 5);
  tracker.mark_not_done("a");
  CHECK(tracker.find("a")->result.is_null());
  CHECK(claim_one(tracker).tries == 2);
}

TEST_CASE("the gates of a task", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.max_tries = 1});
  CHECK(tracker.should_do_add("a"));
  CHECK(tracker.should_do("a"));
  const auto claim = tracker.should_try_add("b");
  REQUIRE(claim);
  CHECK(claim->tries == 1);
  CHECK_FALSE(tracker.should_try("b"));  // somebody works on it
  tracker.complete(*claim);
  CHECK_FALSE(tracker.should_do("b"));
  CHECK_FALSE(tracker.should_do_add("b"));
  CHECK_FALSE(tracker.should_try("b"));
  tracker.abort("a");
  CHECK_FALSE(tracker.should_try("a"));
  CHECK(tracker.should_try("a", true));
}
