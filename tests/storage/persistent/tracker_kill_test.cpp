// Processes that are stopped and killed at places where it matters, with their claims.

#include <signal.h>
#include <sys/resource.h>

#include <thread>

#include "tests/storage/persistent/tracker_child.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using std::chrono::milliseconds;

namespace {

using Arguments = std::vector<std::string>;

// Claims two tasks and stops; completes the first when it goes on. Ends with 7 if it had lost it.
int hold(const Arguments& arguments) {
  auto tracker = open_in_child(arguments, {.lease = milliseconds(std::stol(arguments.at(2)))});
  const auto claims = tracker.claim({.count = 2});
  ::raise(SIGSTOP);
  const auto error = error_of([&] { tracker.complete(claims.at(0), "wrong"); });
  return error == ErrorCode::kConflict ? 7 : 0;
}
const ChildRole hold_role("tracker-hold", hold);

// Does one thing, and stops in the middle of it.
int stop_inside(const Arguments& arguments) {
  auto tracker = open_in_child(arguments);
  const auto& what = arguments.at(2);
  std::vector<Claim> claims;
  if (what != "claim") claims = tracker.claim({.count = 2});
  park_at(arguments.at(3));
  if (what == "claim") tracker.claim({.count = 2});
  if (what == "complete") tracker.complete(claims, std::vector<Json>{10, 11});
  if (what == "fail") tracker.fail(claims.at(0), "broken");
  return 1;
}
const ChildRole stop_inside_role("tracker-stop-inside", stop_inside);

// Adds tasks until the files may not grow any more. Ends with the number of those whose addition
// was acknowledged.
int fill_disk(const Arguments& arguments) {
  auto tracker = open_in_child(arguments);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{200'000, 200'000};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::uint64_t batches = 0;
  const auto error = error_of([&] {
    for (;; ++batches) {
      std::vector<NewTask> tasks;
      for (std::uint64_t i = 0; i < 10; ++i) {
        tasks.push_back({batches * 10 + i, {{"text", std::string(300, 'x')}}});
      }
      tracker.add_many(tasks);
    }
  });
  static_cast<void>(tracker.status());  // still readable
  return error ? static_cast<int>(batches) : 0;
}
const ChildRole fill_disk_role("tracker-fill-disk", fill_disk);

}  // namespace

TEST_CASE("the tasks of a killed process come to the next who claims, long before their lease ends",
          "[storage][persistent][tracker][kill][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  add_tasks(tracker, 3);
  auto child = start_on(place, "tracker-hold", {"3600000"});
  REQUIRE(wait_until_parked(child.pid()));
  CHECK(keys_of(tracker.claim({.count = 3})) == std::vector<std::string>{"2"});
  CHECK(tracker.wait_and_claim({}, milliseconds(150)).empty());  // stopped is not dead
  kill_and_reap(child);
  const auto claims = tracker.wait_and_claim({.count = 3}, milliseconds(600'000));
  CHECK(keys_of(claims) == std::vector<std::string>{"0", "1"});
  CHECK(claims.at(0).tries == 2);
}

TEST_CASE(
    "a process that hangs beyond its lease has lost its task, and what others made of it stays",
    "[storage][persistent][tracker][kill][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  auto tracker = place.open();
  add_tasks(tracker, 2);
  auto child = start_on(place, "tracker-hold", {"50"});
  REQUIRE(wait_until_parked(child.pid()));
  const auto claims = tracker.wait_and_claim({.count = 2});
  CHECK(claims.size() == 2);
  tracker.complete(claims.at(0), "right");
  ::kill(child.pid(), SIGCONT);
  CHECK(child.wait() == ExitStatus{.code = 7});
  CHECK(tracker.find(0)->result == "right");
}

TEST_CASE("a process killed inside a change leaves all of it or nothing",
          "[storage][persistent][tracker][kill]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  const std::string what = GENERATE("claim", "complete", "fail");
  const auto [point, is_kept] =
      GENERATE(table<std::string, bool>({{"tracker change", false}, {"tracker commit", true}}));
  if (place.kind() != "process" && place.kind() != "power") return;
  auto tracker = place.open();
  add_tasks(tracker, 3);
  auto child = start_on(place, "tracker-stop-inside", {what, point});
  REQUIRE(wait_until_parked(child.pid()));
  kill_and_reap(child);

  const auto status = tracker.status();
  CHECK(status.done == (what == "complete" && is_kept ? 2U : 0U));
  CHECK(status.leased == (what == "claim" ? (is_kept ? 2U : 0U)
                          : is_kept       ? (what == "fail" ? 1U : 0U)
                                          : 2U));
  CHECK((tracker.find(0)->result == 10) == (what == "complete" && is_kept));
  CHECK((tracker.find(0)->error == "broken") == (what == "fail" && is_kept));
  while (const auto claim = tracker.wait_and_claim()) tracker.complete(*claim);
  CHECK(tracker.num_done() == 3);
  CHECK(is_intact(place));
}

TEST_CASE("a full disk is an error, and the tracker is as it was before",
          "[storage][persistent][tracker][kill]") {
  const TrackerPlace place("process");
  place.open();
  auto child = start_on(place, "tracker-fill-disk");
  const auto status = child.wait();
  REQUIRE(status);
  CHECK(status->signal == 0);
  const auto acknowledged = static_cast<std::uint64_t>(status->code) * 10;
  CHECK(acknowledged > 0);
  CHECK(is_intact(place));
  auto tracker = place.open();
  CHECK(tracker.size() == acknowledged);
  tracker.add("one more");
  CHECK(tracker.claim({.count = acknowledged + 5}).size() == acknowledged + 1);
}
