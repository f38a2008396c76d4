// Many processes on one tracker, and many of them killed.
//
//   H5FLUME_TEST_TASKS: how many tasks, 3,000 if not set; 100,000 for the long run

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <random>

#include "core/file_descriptor.h"
#include "tests/storage/persistent/tracker_child.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

std::uint64_t task_count() {
  const char* const given = std::getenv("H5FLUME_TEST_TASKS");
  return given ? std::strtoull(given, nullptr, 10) : 3'000;
}

std::uint64_t result_of(std::uint64_t task) { return task * 0x9e3779b97f4a7c15U >> 8U; }

// Half a millisecond of work.
void work() {
  const auto end = Clock::now() + std::chrono::microseconds(500);
  while (Clock::now() < end) {
  }
}

// Does tasks, and notes each in the log once its completion has been acknowledged.
int do_tasks(const std::vector<std::string>& arguments) {
  auto tracker = open_in_child(arguments);
  const FileDescriptor log(::open(arguments.at(2).c_str(), O_WRONLY | O_APPEND | O_CREAT, 0666));
  std::mt19937 random(static_cast<unsigned>(::getpid()));
  for (;;) {
    const auto claims = tracker.wait_and_claim({.count = 1 + random() % 4});
    if (claims.empty()) return 0;
    std::vector<Json> results;
    std::string lines;
    for (const auto& claim : claims) {
      work();
      results.emplace_back(result_of(claim.key.json().get<std::uint64_t>()));
      lines += claim.key.json_text() + "\n";
    }
    tracker.complete(claims, results);
    if (::write(log.get(), lines.data(), lines.size()) != std::ssize(lines)) return 1;
  }
}
const ChildRole do_tasks_role("tracker-do-tasks", do_tasks);

// As fast as it can, one task a claim. Writes the longest call, in milliseconds, to a file.
int contend(const std::vector<std::string>& arguments) {
  auto tracker = open_in_child(arguments);
  Clock::duration longest{};
  const auto timed = [&](const auto& call) {
    const auto begin = Clock::now();
    auto result = call();
    longest = std::max(longest, Clock::now() - begin);
    return result;
  };
  for (;;) {
    const auto claims = timed([&] { return tracker.claim(); });
    if (claims.empty()) break;
    timed([&] { return tracker.complete(claims), 0; });
  }
  std::ofstream(arguments.at(2)) << std::chrono::duration<double, std::milli>(longest).count();
  return 0;
}
const ChildRole contend_role("tracker-contend", contend);

std::map<std::uint64_t, int> times_acknowledged(const std::string& log) {
  std::map<std::uint64_t, int> times;
  std::ifstream lines(log);
  for (std::uint64_t task = 0; lines >> task;) ++times[task];
  return times;
}

// Keeps `workers` busy until one of them ends by itself, and kills one every 50 ms.
int kill_until_done(const std::function<ChildProcess()>& start, std::size_t workers) {
  std::mt19937 random(1);
  std::vector<ChildProcess> children;
  while (children.size() < workers) children.push_back(start());
  for (int kills = 0;; ++kills) {
    auto& victim = children[random() % workers];
    if (const auto ended = victim.wait(milliseconds(50))) {
      REQUIRE(*ended == ExitStatus{});
      children.erase(children.begin() + (&victim - children.data()));
      for (auto& child : children) REQUIRE(child.wait() == ExitStatus{});
      return kills;
    }
    kill_and_reap(victim);
    victim = start();
  }
}

}  // namespace

TEST_CASE("four processes, one killed every 50 ms: each task is recorded done once, none is lost",
          "[storage][persistent][tracker][kill][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  const TemporaryFolder folder;
  const auto log = folder.file("acknowledged");
  const auto count = task_count();
  auto tracker = place.open();
  add_tasks(tracker, count);
  const auto kills = kill_until_done([&] { return start_on(place, "tracker-do-tasks", {log}); }, 4);

  const auto acknowledged = times_acknowledged(log);
  std::size_t lost = 0;
  std::size_t twice = 0;
  for (const auto& [task, times] : acknowledged) {
    lost += tracker.done(task) ? 0U : 1U;
    twice += times > 1 ? 1U : 0U;
  }
  std::uint64_t right = 0;
  tracker.for_each([&](const Task& task) {
    right += task.result == result_of(task.key.json().get<std::uint64_t>()) ? 1U : 0U;
    return true;
  });
  const auto status = tracker.status();
  std::cout << place.kind() << ": " << count << " tasks, " << kills << " kills, " << status.tries
            << " tries, " << acknowledged.size() << " completions acknowledged, of which " << lost
            << " lost and " << twice << " twice\n";
  CHECK(lost == 0);
  CHECK(twice == 0);
  CHECK(right == count);
  CHECK(status.done == count);
  CHECK(status.total == count);
  CHECK(kills > 0);
  CHECK(is_intact(place));
}

TEST_CASE("eight processes contend, and each gets its turn",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  const TemporaryFolder folder;
  const auto count = task_count() / 4;
  auto tracker = place.open();
  add_tasks(tracker, count);
  std::vector<ChildProcess> children;
  for (int i = 0; i < 8; ++i) {
    children.push_back(
        start_on(place, "tracker-contend", {folder.file("longest" + std::to_string(i))}));
  }
  for (auto& child : children) CHECK(child.wait() == ExitStatus{});
  double longest = 0;
  for (int i = 0; i < 8; ++i) {
    double taken_ms = 0;
    std::ifstream(folder.file("longest" + std::to_string(i))) >> taken_ms;
    longest = std::max(longest, taken_ms);
  }
  std::cout << place.kind() << ": the longest call of 8 processes took " << longest << " ms\n";
  CHECK(tracker.num_done() == count);
  CHECK(tracker.status().tries == count);
}
