// Leases beside a clock that somebody sets. This program's own clock_gettime() stands before the
// system's, and moves the time of day by a day.

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

#include "tests/storage/persistent/tracker_fixture.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

std::atomic<time_t> day_time_step{0};

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto result = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += day_time_step.load();
  return result;
}

TEST_CASE("leases and waiting times go on when the clock of the day is set",
          "[storage][persistent][tracker]") {
  const auto step = GENERATE(time_t{86'400}, time_t{-86'400});
  const TrackerPlace place("process");
  auto tracker = place.open();
  auto other = place.open({.backoff = Backoff{.first = std::chrono::milliseconds(3'600'000)}});
  add_tasks(tracker, 3);
  const auto kept = claim_one(tracker);
  const auto lost = claim_one(tracker, {.lease = std::chrono::milliseconds(100)});
  tracker.fail(claim_one(tracker));

  const auto before = std::chrono::system_clock::now();
  day_time_step = step;
  const auto moved = std::chrono::system_clock::now() - before;
  CHECK(std::chrono::abs(moved) > std::chrono::hours(23));  // the clock does move

  CHECK(other.claim({.count = 3}).empty());  // a day forward ended nothing
  while (state_of(tracker, 1) == TaskState::kLeased) {
    CHECK(other.wait_and_claim({}, std::chrono::milliseconds(200)).empty());  // and it waits then
  }
  CHECK(state_of(tracker, 0) == TaskState::kLeased);
  tracker.complete(kept);
  tracker.complete(lost);  // taken back, but nobody else has had it
  day_time_step = 0;
}
