// Random operations of a tracker against a model, with owners that vanish in between.
//
//   H5FLUME_TEST_SEED: the seed of a run that failed; H5FLUME_TEST_OPERATIONS: 600 if not set

#include "tests/storage/persistent/tracker_model.h"

#include <cstdlib>
#include <random>

#include "tests/storage/persistent/tracker_fixture.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const given = std::getenv(variable);
  return given ? std::strtoull(given, nullptr, 10) : otherwise;
}

constexpr std::uint64_t kMaxTries = 3;

// A tracker and its model, which every operation is done to alike.
class Pair {
 public:
  Pair(const TrackerPlace& place, std::uint64_t seed)
      : place_(place), tracker_(place.open({.max_tries = kMaxTries})), random_(seed) {}

  void do_something() {
    model_.tick();
    const auto choice = random_() % 20;
    if (choice < 5) return add_or_change();
    if (choice < 9) return claim(1 + random_() % 4, random_() % 4 == 0);
    if (choice < 15) return settle();
    if (choice < 18) return change_by_key();
    if (choice == 18) return gate();
    vanish();
  }

  void compare() {
    REQUIRE(tracker_.status() == model_.status());
    auto expected = model_.entries().begin();
    tracker_.for_each([&](const Task& task) {
      REQUIRE(expected != model_.entries().end());
      const auto& entry = (expected++)->second;
      REQUIRE(task.key == entry.key);
      REQUIRE(task.value == entry.value);
      REQUIRE(task.result == entry.result);
      REQUIRE(task.error == entry.error);
      REQUIRE(task.state == entry.state);
      REQUIRE(task.tries == entry.tries);
      return true;
    });
    REQUIRE(expected == model_.entries().end());
  }

 private:
  static constexpr std::uint64_t kKeys = 30;

  Key any_key() { return Key(random_() % kKeys); }

  void add_or_change() {
    const auto key = any_key();
    const Json value{{"n", random_() % 100}};
    auto* const entry = model_.find(key);
    if (entry && random_() % 8 == 0) {
      REQUIRE(tracker_.erase(key));
      REQUIRE(model_.erase(key));
    } else if (entry && random_() % 2 == 0) {
      tracker_.update(key, value);
      entry->value.update(value);
    } else {
      REQUIRE(tracker_.add_if_absent(key, value) == model_.add(key, value));
    }
  }

  void claim(std::size_t count, bool allow_aborted) {
    const auto expected = model_.due(count, allow_aborted);
    const auto claims = tracker_.claim({.count = count, .allow_aborted = allow_aborted});
    REQUIRE(claims.size() == expected.size());
    for (std::size_t i = 0; i < claims.size(); ++i) {
      REQUIRE(claims[i].key == expected[i]->key);
      take(claims[i], *expected[i]);
    }
  }

  void take(const Claim& claim, TrackerModel::Entry& entry) {
    TrackerModel::claim(entry, claim.token);
    REQUIRE(claim.tries == entry.tries);
    REQUIRE(claim.value == entry.value);
    REQUIRE(claim.token > last_token_);
    last_token_ = claim.token;
    claims_.push_back(claim);
  }

  // One of the claims so far, lost ones too.
  void settle() {
    if (claims_.empty()) return;
    const auto at = static_cast<std::ptrdiff_t>(random_() % claims_.size());
    const auto claim = claims_[static_cast<std::size_t>(at)];
    claims_.erase(claims_.begin() + at);
    auto* const entry = model_.holder_of(claim.token);
    const auto kind = random_() % 3;
    const Json result = random_() % 1'000;
    const auto error = error_of([&] {
      if (kind == 0) tracker_.complete(claim, result);
      if (kind == 1) tracker_.fail(claim, result.dump());
      if (kind == 2) tracker_.release(claim);
    });
    REQUIRE(error == (entry ? std::nullopt : std::optional(ErrorCode::kConflict)));
    if (!entry) return;
    if (kind == 0) TrackerModel::complete(*entry, result);
    if (kind == 1) model_.fail(*entry);
    if (kind == 1) entry->error = result.dump();
    if (kind == 2) model_.release(*entry);
  }

  void change_by_key() {
    const auto key = any_key();
    auto* const entry = model_.find(key);
    if (!entry) return;
    const bool is_done = entry->state == TaskState::kDone;
    switch (random_() % 6) {
      case 0:
        tracker_.abort(key);
        if (!is_done) entry->state = TaskState::kAborted;
        return;
      case 1:
        tracker_.unabort(key);
        if (entry->state == TaskState::kAborted) model_.set_todo(*entry);
        entry->was_aborted = false;
        return;
      case 2:
        tracker_.reset_tries(key);
        return model_.set_tries(*entry, 0);
      case 3:
        REQUIRE(tracker_.increment_tries(key) == entry->tries + 1);
        return model_.set_tries(*entry, entry->tries + 1);
      case 4:
        tracker_.mark_done(key);
        entry->state = TaskState::kDone;
        return;
      default:
        if (!is_done || entry->failed_at > 0) return;
        tracker_.mark_not_done(key);
        entry->result = nullptr;
        return model_.set_todo(*entry);
    }
  }

  void gate() {
    const auto key = any_key();
    auto* const entry = model_.find(key);
    const auto claim = tracker_.should_try_add(key);
    if (!entry) model_.add(key, Json::object());
    auto& now = *model_.find(key);
    REQUIRE(claim.has_value() == (now.state == TaskState::kTodo));
    if (claim) take(*claim, now);
  }

  // Another owner claims and vanishes; who claims more than there is finds out, and gets all.
  void vanish() {
    const auto count = 1 + random_() % 3;
    std::vector<TrackerModel::Entry*> taken;
    {
      auto other = place_.open();
      taken = model_.due(count, false);
      const auto claims = other.claim({.count = count});
      REQUIRE(claims.size() == taken.size());
      for (std::size_t i = 0; i < claims.size(); ++i) {
        REQUIRE(claims[i].key == taken[i]->key);
        TrackerModel::claim(*taken[i], claims[i].token);
        last_token_ = claims[i].token;
      }
    }
    for (auto* const entry : taken) model_.fail(*entry);
    claim(kKeys + 1, false);
  }

  const TrackerPlace& place_;
  ProgressTracker tracker_;
  TrackerModel model_{kMaxTries};
  std::mt19937_64 random_;
  std::vector<Claim> claims_;
  std::uint64_t last_token_ = 0;
};

}  // namespace

TEST_CASE("random operations do to a tracker what they do to a model of it",
          "[storage][persistent][tracker][contract]") {
  const TrackerPlace place(GENERATE(from_range(tracker_kinds())));
  const auto seed = number_from("H5FLUME_TEST_SEED", std::random_device{}());
  CAPTURE(place.kind(), seed);
  Pair pair(place, seed);
  const auto operations = number_from("H5FLUME_TEST_OPERATIONS", 600);
  for (std::uint64_t i = 0; i < operations; ++i) {
    CAPTURE(i);
    pair.do_something();
    pair.compare();
  }
}
