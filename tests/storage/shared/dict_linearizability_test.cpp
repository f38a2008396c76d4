// Recorded runs of several processes on single keys: there must be one order of all operations that
// explains every answer and puts none before one that had ended when it began.

#include <chrono>
#include <iostream>
#include <random>
#include <set>
#include <thread>

#include "tests/storage/shared/actors.h"
#include "tests/storage/shared/shared_fixture.h"
#include "tests/support/child_role.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

struct Event {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::string what;  // "get", "set", "increment", "swap"
  std::int64_t argument = 0;
  std::int64_t expected = 0;  // of "swap"
  std::int64_t result = 0;    // of "get" and "increment" the number; of "swap" whether
};

// The state after it, if it gives its answer in that state.
std::optional<std::int64_t> apply(const Event& event, std::int64_t state) {
  if (event.what == "get") return event.result == state ? std::optional(state) : std::nullopt;
  if (event.what == "set") return event.argument;
  if (event.what == "increment") {
    const auto sum = state + event.argument;
    return event.result == sum ? std::optional(sum) : std::nullopt;
  }
  const bool swaps = state == event.expected;
  if (swaps != (event.result != 0)) return std::nullopt;
  return swaps ? event.argument : state;
}

// The search of Wing and Gong: takes any operation that no other had ended before, and goes on with
// the rest. States that were found hopeless are not tried again.
class LinearizabilityChecker {
 public:
  explicit LinearizabilityChecker(std::vector<Event> events) : events_(std::move(events)) {
    if (events_.size() > 64) throw std::invalid_argument("a history has at most 64 operations");
  }
  bool check() { return search(0, 0); }

 private:
  bool search(std::uint64_t done, std::int64_t state) {
    if (done == all()) return true;
    if (!tried_.insert({done, state}).second) return false;
    std::int64_t first_end = std::numeric_limits<std::int64_t>::max();
    for (std::size_t index = 0; index < events_.size(); ++index) {
      if (!(done >> index & 1U)) first_end = std::min(first_end, events_[index].end);
    }
    for (std::size_t index = 0; index < events_.size(); ++index) {
      if (done >> index & 1U || events_[index].begin > first_end) continue;
      const auto next = apply(events_[index], state);
      if (next && search(done | std::uint64_t{1} << index, *next)) return true;
    }
    return false;
  }
  std::uint64_t all() const {
    return events_.size() == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << events_.size()) - 1;
  }

  std::vector<Event> events_;
  std::set<std::pair<std::uint64_t, std::int64_t>> tried_;
};

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

constexpr int kKeys = 200;
constexpr int kActors = 2;          // as many as run at the same time on a small machine
constexpr int kEventsForEach = 32;  // by each of them on each key
constexpr int kMostRounds = 8;      // to get enough that happens at the same time
constexpr std::size_t kEnough = 1000;

// Runs random operations key by key, in step with the others only by the first. Returns one line
// for each.
Json record(SharedDict& dict, int who, unsigned seed) {
  std::mt19937 random(seed);
  Json events = Json::array();
  for (int key = 0; key < kKeys; ++key) {
    // Whoever comes to a key first waits for the others: they meet there.
    const std::string gate = "gate" + std::to_string(key);
    dict.increment(gate);
    for (int tries = 0; *dict.get<std::int64_t>(gate) < kActors; ++tries) {
      if (tries > 10'000) std::this_thread::yield();
    }
    for (int count = 0; count < kEventsForEach; ++count) {
      Event event;
      const std::int64_t unique = (who + 1) * 1000 + count;
      const auto kind = random() % 8;
      event.begin = now_ns();
      if (kind < 4) {
        event.what = "get";
        event.result = dict.get<std::int64_t>(key, 0);
      } else if (kind == 4) {
        event.what = "set";
        event.argument = unique;
        dict.set(key, unique);
      } else if (kind < 7) {
        event.what = "increment";
        event.argument = 1;
        event.result = dict.increment(key);
      } else {
        event.what = "swap";
        event.argument = unique;
        event.expected = dict.get<std::int64_t>(key, 0);
        event.begin = now_ns();
        const bool is_there = dict.contains(key);
        event.result = is_there && dict.compare_and_swap(key, event.expected, unique) ? 1 : 0;
        if (!is_there) continue;
      }
      event.end = now_ns();
      events.push_back(
          {key, event.begin, event.end, event.what, event.argument, event.expected, event.result});
    }
  }
  return events;
}

// Arguments: folder, number, seed. The events go to standard output's place, a file.
int play_recorder(const std::vector<std::string>& arguments) {
  auto dict = SharedDict::attach("a", {.folder = arguments[0]});
  const Json events =
      record(dict, std::stoi(arguments[1]), static_cast<unsigned>(std::stoul(arguments[2])));
  auto results = SharedDict::attach("results", {.folder = arguments[0]});
  results.set(arguments[1], events);
  return 0;
}
const ChildRole kRecorder("shared-recorder", play_recorder);

struct Findings {
  int histories = 0;
  int wrong = 0;
  std::size_t events = 0;
  std::size_t overlapping = 0;  // pairs at the same time
};

void check_histories(const std::vector<Json>& recorded, Findings& findings) {
  std::vector<std::vector<Event>> by_key(kKeys);
  for (const auto& events : recorded) {
    for (const auto& event : events) {
      by_key.at(event[0].get<std::size_t>())
          .push_back({event[1], event[2], event[3], event[4], event[5], event[6]});
    }
  }
  for (const auto& history : by_key) {
    ++findings.histories;
    findings.events += history.size();
    if (!LinearizabilityChecker(history).check()) ++findings.wrong;
    for (const auto& one : history) {
      for (const auto& other : history) {
        if (one.begin < other.begin && other.begin < one.end) ++findings.overlapping;
      }
    }
  }
}

void report(const Findings& findings, const char* who) {
  CHECK(findings.wrong == 0);
  CHECK(findings.events > 0);
  std::cout << "shared dict: " << findings.histories << " histories of " << findings.events
            << " operations by " << who << ", " << findings.overlapping
            << " pairs at the same time, " << findings.wrong << " without an order\n";
}

}  // namespace

TEST_CASE("the checker tells histories that have an order from others", "[storage][shared]") {
  const auto check = [](std::vector<Event> events) {
    return LinearizabilityChecker(std::move(events)).check();
  };
  const Event set_1{0, 10, "set", 1};
  CHECK(check({set_1, {20, 30, "get", 0, 0, 1}}));
  CHECK_FALSE(check({set_1, {20, 30, "get", 0, 0, 0}}));                        // stale
  CHECK(check({set_1, {5, 30, "get", 0, 0, 0}}));                               // at once
  CHECK_FALSE(check({set_1, {1, 2, "get", 0, 0, 1}, {3, 4, "get", 0, 0, 0}}));  // goes back
  CHECK(check({{0, 9, "increment", 1, 0, 1}, {0, 9, "increment", 1, 0, 2}}));
  CHECK_FALSE(check({{0, 9, "increment", 1, 0, 1}, {0, 9, "increment", 1, 0, 1}}));  // one is lost
  CHECK(check({set_1, {20, 30, "swap", 5, 1, 1}, {40, 50, "get", 0, 0, 5}}));
  CHECK_FALSE(check({set_1, {20, 30, "swap", 5, 2, 1}}));
}

TEST_CASE_METHOD(SharedFixture, "what processes see of a key has one order",
                 "[storage][shared][linearizability]") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  Findings findings;
  for (int round = 0; round < kMostRounds && findings.overlapping < kEnough; ++round) {
    auto dict = create({.buffer_bytes = 4096});
    const auto results = create({}, "results");
    std::vector<ChildProcess> processes;
    for (int who = 0; who < kActors; ++who) {
      const auto own_seed = seed + static_cast<unsigned>(round * kActors + who);
      processes.push_back(
          start_child("shared-recorder", {folder, std::to_string(who), std::to_string(own_seed)}));
    }
    for (auto& process : processes) CHECK(process.wait() == ExitStatus{});
    REQUIRE(results.size() == kActors);
    check_histories(results.values(), findings);
  }
  report(findings, "processes");
}

TEST_CASE_METHOD(SharedFixture, "what threads see of a key has one order",
                 "[storage][shared][linearizability]") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  Findings findings;
  for (int round = 0; round < kMostRounds && findings.overlapping < kEnough; ++round) {
    auto dict = create({.buffer_bytes = 4096});
    std::vector<Json> results(kActors);
    std::vector<std::thread> threads;
    for (int who = 0; who < kActors; ++who) {
      threads.emplace_back([&, who] {
        auto own = attach();
        const auto own_seed = seed + static_cast<unsigned>(round * kActors + who);
        results[static_cast<std::size_t>(who)] = record(own, who, own_seed);
      });
    }
    for (auto& thread : threads) thread.join();
    check_histories(results, findings);
  }
  report(findings, "threads");
}
