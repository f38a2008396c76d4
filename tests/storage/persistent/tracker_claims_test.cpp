// Leases, tokens and waiting, wherever a tracker is kept.

#include <thread>

#include "tests/storage/persistent/tracker_fixture.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kShort{20};

// A claim whose lease ran out and whose task somebody else has then.
struct LostClaim {
  Claim lost;
  Claim other;
};

LostClaim lose_a_claim(ProgressTracker& tracker) {
  const auto lost = claim_one(tracker, {.lease = kShort});
  const auto other = tracker.wait_and_claim();
  return {lost, other.value()};
}

}  // namespace

TEST_CASE("a lease that runs out is a failed try, and its claim is lost to the next",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  tracker.add("a");
  const auto [lost, other] = lose_a_claim(tracker);
  CHECK(other.key == lost.key);
  CHECK(other.tries == 2);
  CHECK(other.token > lost.token);
  CHECK(error_of([&] { tracker.complete(lost, "late"); }) == ErrorCode::kConflict);
  CHECK(error_of([&] { tracker.fail(lost, "late"); }) == ErrorCode::kConflict);
  CHECK(error_of([&] { tracker.release(lost); }) == ErrorCode::kConflict);
  CHECK(error_of([&] { tracker.renew(std::span(&lost, 1)); }) == ErrorCode::kConflict);
  CHECK(state_of(tracker, "a") == TaskState::kLeased);
  tracker.complete(other, "right");
  CHECK(error_of([&] { tracker.complete(lost, "late"); }) == ErrorCode::kConflict);
  CHECK(tracker.find("a")->result == "right");
  CHECK(tracker.status() == TrackerStatus{.total = 1, .done = 1, .tried = 1, .tries = 2});
}

TEST_CASE("the last try's lease runs out: the task is exhausted, and can be completed late",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.max_tries = 1});
  tracker.add("a");
  const auto claim = claim_one(tracker, {.lease = kShort});
  CHECK_FALSE(tracker.wait_and_claim());
  CHECK(state_of(tracker, "a") == TaskState::kExhausted);
  tracker.complete(claim, 5);  // nobody else has had it
  CHECK(tracker.find("a")->result == 5);
  CHECK(tracker.status() == TrackerStatus{.total = 1, .done = 1, .tried = 1, .tries = 1});
}

TEST_CASE("a claim that was taken back can be given back, failed and renewed late",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open({.max_tries = 1});
  tracker.add("a");
  const auto claim = claim_one(tracker, {.lease = kShort});
  CHECK_FALSE(tracker.wait_and_claim());

  SECTION("renewed") {
    tracker.renew(std::span(&claim, 1));
    CHECK(state_of(tracker, "a") == TaskState::kLeased);
    tracker.complete(claim);
    CHECK(tracker.done("a"));
  }
  SECTION("given back") {
    tracker.release(claim);
    CHECK(tracker.status() == TrackerStatus{.total = 1, .todo = 1});
  }
  SECTION("failed") {
    tracker.fail(claim, "too late");
    CHECK(tracker.find("a")->error == "too late");
    CHECK(tracker.status() == TrackerStatus{.total = 1, .exhausted = 1, .tried = 1, .tries = 1});
    CHECK(error_of([&] { tracker.complete(claim); }) == ErrorCode::kConflict);
  }
}

TEST_CASE("a claim that is renewed is kept", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  add_tasks(tracker, 2);
  const auto claims = tracker.claim({.count = 2, .lease = kShort});
  tracker.renew(std::span(claims).first(1), milliseconds(60'000));
  CHECK(tracker.wait_and_claim()->key == 1);
  CHECK(tracker.wait_and_claim({}, milliseconds(30)).empty());
  tracker.complete(claims[0]);
  CHECK(tracker.done(0));
}

TEST_CASE("saying the same of a claim twice does no harm, and something else is refused",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  tracker.add("a");
  const auto conflict = [](const std::function<void()>& call) {
    return error_of(call) == ErrorCode::kConflict;
  };
  const auto released = claim_one(tracker);
  tracker.release(released);
  tracker.release(released);
  CHECK(tracker.status() == TrackerStatus{.total = 1, .todo = 1});
  CHECK(conflict([&] { tracker.complete(released); }));

  const auto failed = claim_one(tracker);
  tracker.fail(failed, "first");
  tracker.fail(failed, "second");
  CHECK(tracker.find("a")->error == "first");
  CHECK(tracker.tries("a") == 1);
  CHECK(conflict([&] { tracker.complete(failed); }));

  const auto completed = claim_one(tracker);
  tracker.complete(completed, 1);
  tracker.complete(completed, 2);
  CHECK(tracker.find("a")->result == 1);
  CHECK(conflict([&] { tracker.fail(completed); }));
  CHECK(conflict([&] { tracker.release(completed); }));
  CHECK(tracker.status() == TrackerStatus{.total = 1, .done = 1, .tried = 1, .tries = 2});
}

TEST_CASE("of several claims, those that are not lost are settled",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  add_tasks(tracker, 3);
  const auto claims = tracker.claim({.count = 3});
  const std::vector<Json> results{1, 2, 3};
  tracker.abort(1);
  CHECK_THROWS_WITH(tracker.complete(claims, results), contains("complete task 1 of tracker"));
  CHECK(tracker.find(0)->result == 1);
  CHECK(tracker.aborted(1));
  CHECK(tracker.find(2)->result == 3);
  CHECK(error_of([&] { tracker.complete(claims, std::span(results).first(2)); }) ==
        ErrorCode::kInvalidArgument);
  tracker.complete({});
  tracker.release(std::span<const Claim>());
}

TEST_CASE("what is done by key ends a claim", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  tracker.add("a");
  const auto claim = claim_one(tracker);
  SECTION("done") {
    tracker.mark_done("a");
    CHECK(error_of([&] { tracker.fail(claim); }) == ErrorCode::kConflict);
    CHECK(tracker.done("a"));
  }
  SECTION("aborted") {
    tracker.abort("a");
    CHECK(error_of([&] { tracker.complete(claim); }) == ErrorCode::kConflict);
    tracker.unabort("a");
    CHECK(error_of([&] { tracker.complete(claim); }) == ErrorCode::kConflict);
    CHECK(state_of(tracker, "a") == TaskState::kTodo);
  }
  SECTION("done and not done again") {
    tracker.complete(claim);
    tracker.mark_not_done("a");
    CHECK(error_of([&] { tracker.complete(claim); }) == ErrorCode::kConflict);
    CHECK(state_of(tracker, "a") == TaskState::kTodo);
  }
  SECTION("but not by the number of its tries") {
    tracker.reset_tries("a");
    tracker.increment_tries("a");
    tracker.complete(claim);
    CHECK(tracker.done("a"));
  }
}

TEST_CASE("a claim is settled under its own key only", "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  add_tasks(tracker, 2);
  auto claims = tracker.claim({.count = 2});
  std::swap(claims[0].token, claims[1].token);
  CHECK(error_of([&] { tracker.complete(claims[0]); }) == ErrorCode::kConflict);
  CHECK(error_of([&] { tracker.renew(claims); }) == ErrorCode::kConflict);
  CHECK(tracker.status().leased == 2);
}

TEST_CASE("the claims of a tracker that is closed come to the next who claims",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  add_tasks(tracker, 3);
  std::optional<Claim> lost;
  {
    auto other = place.open();
    lost = claim_one(other);
  }
  const auto claims = tracker.wait_and_claim({.count = 3});
  REQUIRE_FALSE(claims.empty());
  tracker.complete(claims);
  while (const auto claim = tracker.wait_and_claim()) tracker.complete(*claim);
  CHECK(tracker.num_done() == 3);
  CHECK(error_of([&] { tracker.fail(*lost); }) == ErrorCode::kConflict);
  CHECK(tracker.tries(0) == 2);
}

// --- waiting ------------------------------------------------------------------------------------

TEST_CASE("who waits gets what others add, fail and release, and an end when nothing is left",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  CHECK_FALSE(tracker.wait_and_claim());  // nothing there
  tracker.add("a");
  auto claim = claim_one(tracker);
  CHECK(tracker.wait_and_claim({}, milliseconds(20)).empty());

  std::vector<std::string> taken;
  std::thread waiter([&] {
    auto other = place.open();
    while (const auto next = other.wait_and_claim()) {
      taken.push_back(next->key.json_text());
      other.complete(*next);
    }
  });
  tracker.add("b");
  while (!tracker.done("b")) std::this_thread::yield();
  tracker.release(claim);
  waiter.join();
  CHECK(taken == std::vector<std::string>{"\"b\"", "\"a\""});
}

TEST_CASE("who waits is told when the last task is done by another",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  tracker.add("a");
  const auto claim = claim_one(tracker);
  bool got_nothing = false;
  std::thread waiter([&] { got_nothing = !tracker.wait_and_claim(); });
  tracker.complete(claim);
  waiter.join();
  CHECK(got_nothing);
}

TEST_CASE("threads share a tracker, and each task is done by one of them",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  constexpr std::uint64_t kTasks = 300;
  add_tasks(tracker, kTasks);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (;;) {
        const auto claims = tracker.wait_and_claim({.count = 3});
        if (claims.empty()) return;
        tracker.complete(claims);
        static_cast<void>(tracker.status());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(tracker.status() ==
        TrackerStatus{.total = kTasks, .done = kTasks, .tried = kTasks, .tries = kTasks});
}
