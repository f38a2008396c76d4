// What a dict is after the death of processes that were writing to it.

#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include "core/error.h"
#include "core/test_point.h"
#include "tests/storage/persistent/acknowledgements.h"
#include "tests/storage/persistent/dict_fixture.h"
#include "tests/support/child_role.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

Durability durability_from(const std::string& name) {
  return name == "power" ? Durability::kPower : Durability::kProcess;
}

// Sets its own keys to growing numbers, and says in its own file which it has got an answer for.
// Arguments: path, name, durability, file of acknowledgements, point to park at or "".
int write_for_ever(const std::vector<std::string>& arguments) {
  PersistentDict dict(arguments[0], {.durability = durability_from(arguments[2])});
  const Acknowledgements acknowledgements(arguments[3]);
  if (!arguments[4].empty()) park_at(arguments[4]);
  const std::string padding(10'000, 'x');  // fills the log soon
  std::int64_t number = dict.get(arguments[1], {{"n", 0}})["n"];
  for (;;) {
    ++number;
    dict.set(arguments[1], {{"n", number}, {"padding", padding}});
    dict.set(arguments[1] + std::to_string(number % 50), {{"n", number}, {"padding", padding}});
    dict.increment("all", "");
    if (!acknowledgements.add(number)) return 1;
  }
}

const ChildRole kWriter("dict-writer", write_for_ever);

}  // namespace

TEST_CASE_METHOD(DictFixture, "a writer killed at any step leaves the change whole or not there",
                 "[storage][persistent][dict][kill]") {
  const std::string point = GENERATE("dict.logged", "dict.announced", "dict.given");
  CAPTURE(point);
  const auto acknowledged = folder.file("acknowledged");
  auto witness = open();
  witness.set("before", 1);
  auto writer = start_child("dict-writer", {path, "w", "process", acknowledged, point});
  REQUIRE(wait_until_parked(writer.pid()));
  CHECK(witness.at("before") == 1);  // a reader waits for nobody
  writer.kill();
  writer.wait();

  witness.set("after", 1);
  const auto last = acknowledged_in(acknowledged).last;
  const auto found = witness.get("w", {{"n", 0}})["n"].get<std::int64_t>();
  CHECK((found == last || found == last + 1));
  CHECK(witness.check().empty());
  witness.close();
  const auto again = open();
  CHECK(again.at("before") == 1);
  CHECK(again.at("after") == 1);
  CHECK(again.get("w", {{"n", 0}})["n"] == found);
  CHECK(again.check().empty());
}

TEST_CASE_METHOD(DictFixture, "writers killed again and again lose nothing they were answered",
                 "[storage][persistent][dict][kill]") {
  const std::string durability = GENERATE("process", "power");
  constexpr int kWriters = 3;
  const auto name_of = [](int writer) { return "w" + std::to_string(writer); };
  const auto start = [&](int writer) {
    return start_child("dict-writer",
                       {path, name_of(writer), durability, folder.file(name_of(writer)), ""});
  };
  auto witness = open();
  std::vector<ChildProcess> writers;
  for (int writer = 0; writer < kWriters; ++writer) writers.push_back(start(writer));
  std::mt19937 random(std::random_device{}());
  int kills = 0;
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds_of_killing());
  while (std::chrono::steady_clock::now() < end) {
    // Any moment will do: this is no waiting for an event.
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
    const int victim = static_cast<int>(random() % kWriters);
    writers[victim].kill();
    writers[victim].wait();
    ++kills;
    writers[victim] = start(victim);
  }
  for (auto& writer : writers) {
    writer.kill();
    writer.wait();
    ++kills;
  }

  std::int64_t lost = 0;
  std::int64_t answered = 0;
  for (int writer = 0; writer < kWriters; ++writer) {
    const auto [count, last] = acknowledged_in(folder.file(name_of(writer)));
    lost += witness.get(name_of(writer), {{"n", 0}})["n"].get<std::int64_t>() < last ? 1 : 0;
    answered += count;
  }
  const auto counted = witness.get("all", 0).get<std::int64_t>();
  std::cout << durability << ": " << kills << " kills, " << answered << " rounds answered, " << lost
            << " lost\n";
  CHECK(lost == 0);
  CHECK(counted >= answered);
  CHECK(counted <= answered + kills);
  CHECK(witness.check().empty());
}

TEST_CASE_METHOD(DictFixture, "a log that the machine's going down left behind is looked through",
                 "[storage][persistent][dict]") {
  {
    auto dict = open();
    dict.set("given", 1);
  }
  const auto copy = folder.file("copy.dict");
  {
    auto dict = open();
    dict.set("a", 1);
    dict.set("b", 2);
    dict.update(std::vector<DictItem>{{"c", 3}, {"d", 4}});
    std::filesystem::copy(path, copy);  // as the disk has it
  }
  const auto spoil = [&](std::size_t at, char byte) {
    std::fstream file(copy + "/log", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  };
  const auto log_bytes = std::filesystem::file_size(copy + "/log");
  constexpr std::size_t kBootAt = 24;
  spoil(kBootAt, '!');  // it was made by a machine that has gone down since
  CHECK_THROWS_WITH(PersistentDict(copy, {.read_only = true}),
                    contains("open the dict for writing"));
  std::string expected = R"("given"=1 "a"=1 "b"=2 "c"=3 "d"=4)";
  SECTION("all of it had reached the disk") {}
  SECTION("the last change had not, nor what was made with it") {
    spoil(log_bytes - 1, '!');
    expected = R"("given"=1 "a"=1 "b"=2)";
  }
  SECTION("the end is missing") {
    std::filesystem::resize_file(copy + "/log", log_bytes - 7);
    expected = R"("given"=1 "a"=1 "b"=2)";
  }
  SECTION("nothing had") {
    spoil(4096 + 10, '!');
    expected = R"("given"=1)";
  }
  {
    PersistentDict dict(copy);
    CHECK(text_of(dict) == expected);
    dict.set("more", 1);
  }
  CHECK(text_of(PersistentDict(copy)) == expected + R"( "more"=1)");
}

TEST_CASE_METHOD(DictFixture, "a damaged change is an error, not another value",
                 "[storage][persistent][dict]") {
  auto writer = open();
  writer.set("a", "value");
  const auto reader = open();
  writer.set("b", "value");
  std::fstream file(path + "/log", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-2, std::ios::end);
  file.put('!').flush();
  CHECK_THROWS_WITH(reader.at("b"), contains("the change at byte") && contains("is damaged"));
}

namespace {

// Writes until the disk is full. Arguments: path, durability.
int fill_the_disk(const std::vector<std::string>& arguments) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = 3U << 20U, .rlim_max = 3U << 20U};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 3;
  PersistentDict dict(arguments[0], {.durability = durability_from(arguments[1])});
  for (int number = 0; number < 10'000; ++number) {
    try {
      dict.set(number, std::string(20'000, 'x'));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory && error.code() != ErrorCode::kIo) return 4;
      const bool intact = dict.size() == static_cast<std::size_t>(number) && !dict.contains(number);
      return intact && number > 0 ? 0 : 5;
    }
  }
  return 6;
}

const ChildRole kFiller("dict-filler", fill_the_disk);

}  // namespace

TEST_CASE_METHOD(DictFixture, "a full disk is an error, and the dict is as before",
                 "[storage][persistent][dict]") {
  const std::string durability = GENERATE("process", "power");
  auto filler = start_child("dict-filler", {path, durability});
  CHECK(filler.wait() == ExitStatus{});
  auto dict = open();
  CHECK(dict.size() > 100);
  CHECK(dict.check().empty());
  dict.set("more", 1);
  CHECK(dict.at("more") == 1);
}
