// Deaths by SIGKILL: at each named point of each operation, at random under load, all at once.

#include <chrono>
#include <csignal>
#include <iostream>
#include <random>
#include <thread>

#include "core/error.h"
#include "tests/storage/shared/shared_fixture.h"
#include "tests/storage/shared/victim.h"
#include "tests/support/child_role.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

// Does one operation and stops at a point in it. Arguments: folder, operation, point.
int operate(const std::vector<std::string>& arguments) {
  park_at(arguments[2]);  // first: attaching may recover from one who had the same place
  auto dict = SharedDict::attach("a", {.folder = arguments[0]});
  perform(dict, arguments[1]);
  return 0;
}
const ChildRole kOperator("shared-operator", operate);

// Writes for ever what the survivors can check. Arguments: folder, number.
//
// Each transaction moves an amount between two accounts, so that the sum stays; appends to a log of
// its own; and counts. Now and then values get long, so that dumps are made all the time.
int write_for_ever(const std::vector<std::string>& arguments) {
  auto dict = SharedDict::attach("a", {.folder = arguments[0]});
  const std::string own = "w" + arguments[1];
  std::mt19937 random(static_cast<unsigned>(::getpid()));
  for (;;) {
    const int from = static_cast<int>(random() % 10);
    const int to = static_cast<int>(random() % 10);
    dict.transaction([&] {
      dict.increment(from, -1);
      dict.increment(to, 1);
      dict.increment("moves");
    });
    const auto number = dict.increment(own);
    dict.set(own + "-text", std::string(random() % 300, static_cast<char>('a' + number % 26)));
    auto nested = dict.make_nested(own + "-nested");
    nested.set(number % 7, number);
    if (number % 5 == 0) dict.erase(own + "-nested");
  }
}
const ChildRole kWriter("shared-writer", write_for_ever);

void prepare_accounts(SharedDict& dict) {
  for (int account = 0; account < 10; ++account) dict.set(account, 100);
}

// What holds in every state that may be seen. Returns what does not.
std::string wrong_in(const SharedDict& dict) {
  std::int64_t sum = 0;
  for (int account = 0; account < 10; ++account)
    sum += *dict.data().find(account)->as<std::int64_t>();
  if (sum != 1000) return "the accounts have " + std::to_string(sum);
  std::string wrong;
  dict.data().for_each([&](SharedKeyView key, const SharedValue& value) {
    const auto text = value.as<std::string_view>();
    if (text && text->find_first_not_of(text->empty() ? 'x' : text->front()) != text->npos) {
      wrong = "a text is torn: " + std::string(key.text());
    }
  });
  return wrong;
}

}  // namespace

TEST_CASE_METHOD(SharedFixture, "who is killed at a named point leaves the old state or the new",
                 "[storage][shared][kill]") {
  int kills = 0;
  for (const std::string& operation : operations()) {
    for (const std::string point :
         {"shared.framed", "shared.committed", "shared.dump_linked", "shared.dump_announced",
          "shared.dump_committed", "shared.dump_done"}) {
      CAPTURE(operation, point);
      auto dict = create({.buffer_bytes = kVictimBuffer});
      const Expected expected = prepare(dict, operation);
      auto child = start_child("shared-operator", {folder, operation, point});
      if (!wait_until_parked(child.pid())) continue;  // the operation does not come to that point
      CHECK(wrong_after(expected, dict, folder, Seen::kBefore) == "");
      child.kill();
      child.wait();
      CHECK(wrong_after(expected, dict, folder, Seen::kAfter) == "");
      CHECK(dict.status().recoveries == 1);
      ++kills;
    }
  }
  // Nine operations come to two points of a frame, or to four of a dump and then to those of a
  // frame (transaction: without one, as what does not fit after it is a dump itself); a dump to
  // four.
  CHECK(kills >= 9 * 2 + 9 * 4 + 4);
  std::cout << "shared dict: killed at " << kills << " named points\n";
}

TEST_CASE_METHOD(SharedFixture, "who is killed while it recovers is recovered from",
                 "[storage][shared][kill]") {
  const std::string first = GENERATE("shared.framed", "shared.dump_linked", "shared.dump_announced",
                                     "shared.dump_committed");
  const std::string second = GENERATE("shared.recovering", "shared.recovered");
  CAPTURE(first, second);
  auto dict = create({.buffer_bytes = kVictimBuffer});
  const std::string operation = first == "shared.framed" ? "set" : "set-dump";
  const Expected expected = prepare(dict, operation);
  for (const auto& point : {first, second, second}) {
    auto child = start_child("shared-operator", {folder, operation, point});
    REQUIRE(wait_until_parked(child.pid()));
    child.kill();
    child.wait();
  }
  CHECK(wrong_after(expected, dict, folder, Seen::kAfter) == "");
  CHECK(dict.status().recoveries == 3);
}

TEST_CASE_METHOD(SharedFixture, "the dead holder of a lock is not waited for",
                 "[storage][shared][kill]") {
  auto dict = create();
  auto child = start_child("shared-operator", {folder, "hold", "none"});
  REQUIRE(wait_until_parked(child.pid()));
  CHECK(dict.lock_holder() == child.pid());
  CHECK_FALSE(dict.try_lock());
  child.kill();
  child.wait();
  CHECK(dict.lock_holder() == std::nullopt);
  const bool by_hand = GENERATE(true, false);
  if (by_hand) {
    CHECK(dict.try_lock());
  } else {
    dict.set("x", 1);
  }
  CHECK(dict.status().recoveries == 1);
  CHECK(attach().size() == (by_hand ? 0 : 1));
}

TEST_CASE_METHOD(SharedFixture, "a waiter learns of a commit whose maker died before it could wake",
                 "[storage][shared][kill]") {
  auto dict = create();
  auto child = start_child("shared-operator", {folder, "set", "shared.committed"});
  REQUIRE(wait_until_parked(child.pid()));
  child.kill();
  child.wait();
  CHECK(dict.wait_for_change(0) == 1);
}

TEST_CASE_METHOD(SharedFixture, "writers killed at random lose and tear nothing",
                 "[storage][shared][kill]") {
  constexpr int kWriters = 3;
  auto dict = create({.buffer_bytes = 2048});
  prepare_accounts(dict);
  const auto witness = attach();
  const auto start = [&](int writer) {
    return start_child("shared-writer", {folder, std::to_string(writer)});
  };
  std::vector<ChildProcess> writers;
  for (int writer = 0; writer < kWriters; ++writer) writers.push_back(start(writer));
  std::mt19937 random(std::random_device{}());
  std::int64_t counts[kWriters] = {};
  int kills = 0;
  int losses = 0;
  std::string wrong;
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds_of_killing(2.0));
  while (std::chrono::steady_clock::now() < end && wrong.empty()) {
    // Any moment will do: this is no waiting for an event.
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 12'000));
    const int victim = static_cast<int>(random() % kWriters);
    writers[victim].kill();
    writers[victim].wait();
    ++kills;
    dict.increment("survived");
    dict.refresh();
    witness.refresh();
    wrong = wrong_in(dict) + wrong_in(witness);
    for (int writer = 0; writer < kWriters; ++writer) {
      const auto count = witness.get<std::int64_t>("w" + std::to_string(writer), 0);
      if (count < counts[writer]) ++losses;
      counts[writer] = count;
    }
    writers[victim] = start(victim);
  }
  writers.clear();
  CHECK(wrong == "");
  CHECK(losses == 0);
  CHECK(dict.get<int>("survived") == kills);
  dict.dump();
  CHECK(files().size() == 2);
  CHECK(dict == witness);
  CHECK(attach() == dict);
  const auto status = dict.status();
  CHECK(status.attached.size() == 2);
  std::cout << "shared dict: " << kills << " random kills, " << status.recoveries
            << " of them under the lock, " << losses << " losses, " << status.generation
            << " dumps\n";
}

TEST_CASE_METHOD(SharedFixture, "all killed at once leave a dict that is whole",
                 "[storage][shared][kill]") {
  constexpr int kWriters = 4;
  {
    prepare_accounts(
        *std::make_unique<SharedDict>(create({.auto_unlink = false, .buffer_bytes = 2048})));
  }
  std::mt19937 random(std::random_device{}());
  int rounds = 0;
  int losses = 0;
  std::int64_t moves = 0;
  std::string wrong;
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds_of_killing(1.5));
  while (std::chrono::steady_clock::now() < end && wrong.empty()) {
    {
      std::vector<ChildProcess> writers;
      for (int writer = 0; writer < kWriters; ++writer) {
        writers.push_back(start_child("shared-writer", {folder, std::to_string(writer)}));
      }
      const auto witness = attach();
      for (int seen = 0; seen < 3; ++seen) witness.wait_for_change(witness.version());
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      const auto before = witness.get<std::int64_t>("moves", 0);
      for (auto& writer : writers) writer.kill();
      if (before < moves) ++losses;
      moves = before;
    }
    clean_shared_dicts(folder);
    auto dict = attach();
    dict.increment("survived");
    wrong = wrong_in(dict);
    if (dict.get<std::int64_t>("moves", 0) < moves) ++losses;
    dict.dump();
    if (files().size() != 2) wrong = "a segment was left behind";
    ++rounds;
  }
  CHECK(wrong == "");
  CHECK(losses == 0);
  CHECK(attach().get<int>("survived") == rounds);
  std::cout << "shared dict: all " << kWriters << " writers killed at once " << rounds << " times, "
            << losses << " losses\n";
}
