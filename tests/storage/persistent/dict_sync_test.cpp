#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <thread>

#include "core/error.h"
#include "storage/persistent/progress_tracker.h"
#include "storage/persistent/store_folder_internal.h"
#include "tests/storage/persistent/dict_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

using View = PersistentDict::View;

TEST_CASE_METHOD(DictFixture, "what one handle writes the others see at once",
                 "[storage][persistent][dict]") {
  const DictOptions options{.durability = GENERATE(Durability::kProcess, Durability::kPower)};
  auto one = open(options);
  auto two = open(options);
  one.set("a", 1);
  CHECK(two.at("a") == 1);
  two.set("a", 2);
  two.set("b", 2);
  CHECK(one.at("a") == 2);
  CHECK(one.size() == 2);
  one.erase("a");
  CHECK_FALSE(two.contains("a"));
  one.close();  // gives the log to the engine
  CHECK(two.at("b") == 2);
  two.set("c", 3);
  auto three = open(options);
  CHECK(text_of(three) == R"("b"=2 "c"=3)");
  three.clear();
  CHECK(two.empty());
  two.set("d", 4);
  CHECK(text_of(three) == R"("d"=4)");
}

TEST_CASE_METHOD(DictFixture, "batched changes are seen by others after sync_at of them",
                 "[storage][persistent][dict]") {
  auto mine = open({.durability = Durability::kBatched, .sync_at = 3});
  const auto others = open();
  mine.set("a", 1);
  mine.set("b", 1);
  mine.set("b", 2);  // the same key
  CHECK(mine.at("b") == 2);
  CHECK(mine.size() == 2);
  CHECK(mine.dirty() == std::vector<Key>{"a", "b"});
  CHECK(others.empty());
  mine.set("c", 3);
  CHECK(mine.dirty().empty());
  CHECK(others.size() == 3);
  mine.erase("a");
  CHECK(others.contains("a"));
  mine.sync();
  CHECK_FALSE(others.contains("a"));
}

TEST_CASE_METHOD(DictFixture, "what is held is written by unhold or sync, or dropped by revert",
                 "[storage][persistent][dict]") {
  auto mine = open();
  const auto others = open();
  mine.set("kept", 0);
  mine.hold();
  mine.set("kept", 1);
  mine.set("new", 1);
  mine.erase("none");
  CHECK(text_of(mine) == R"("kept"=1 "new"=1)");
  CHECK(text_of(mine, View::kLive) == R"("kept"=1 "new"=1)");
  CHECK(text_of(others) == R"("kept"=0)");
  mine.revert();
  CHECK(text_of(mine) == R"("kept"=0)");

  mine.set("one", 1);
  mine.set("two", 2);
  mine.sync_key("two");
  CHECK(mine.dirty() == std::vector<Key>{"one"});
  CHECK(text_of(others) == R"("kept"=0 "two"=2)");
  mine.erase("kept");
  mine.set("kept", 5);
  mine.mark_dirty("two");
  CHECK(mine.dirty() == std::vector<Key>{"one", "kept", "two"});
  mine.unhold();
  CHECK(text_of(others) == R"("two"=2 "one"=1 "kept"=5)");
  mine.set("two", 3);
  CHECK(others.at("two") == 3);
}

TEST_CASE_METHOD(DictFixture, "a value that was only marked as changed gives way to what is set",
                 "[storage][persistent][dict]") {
  auto mine = open();
  auto others = open();
  mine.set("a", 1);
  mine.mark_dirty("a");
  others.set("a", 5);
  CHECK(mine.at("a") == 1);
  SECTION("by one key") { mine.set("a", 2); }
  SECTION("by many") { mine.update(std::vector<DictItem>{{"a", 2}}); }
  SECTION("by what it was") { CHECK(mine.increment("a", "") == 2); }
  CHECK(mine.at("a") == 2);
  CHECK(mine.dirty().empty());
  others.set("a", 3);
  mine.sync();
  CHECK(mine.at("a") == 3);
}

TEST_CASE_METHOD(DictFixture, "what was held never overtakes what another thread sets",
                 "[storage][persistent][dict]") {
  auto dict = open();
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> set{0};
  std::thread other([&] {
    for (int number = 0; !stop; ++number) {
      dict.set("k", number);
      if (dict.at("k") != number) ++wrong;
      set = number;
    }
  });
  for (int round = 0; round < 300; ++round) {
    dict.hold();
    const int before = set;
    while (set == before) std::this_thread::yield();
    dict.unhold();
  }
  stop = true;
  other.join();
  CHECK(wrong == 0);
  CHECK(open().at("k") == dict.at("k"));
}

TEST_CASE_METHOD(DictFixture, "closing while others use the dict loses nothing they were answered",
                 "[storage][persistent][dict]") {
  auto dict = open({.durability = Durability::kBatched, .sync_at = 7});
  std::atomic<int> set{0};
  std::atomic<int> ended{0};
  const auto until_closed = [&](const std::function<void()>& use) {
    return std::thread([&ended, use] {
      try {
        for (;;) use();
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kCancelled) ++ended;
      }
    });
  };
  std::thread writer = until_closed([&, number = 0]() mutable {
    dict.set(number, number);
    set = ++number;
  });
  std::thread reader = until_closed([&] { dict.contains(0); });
  while (set < 100) std::this_thread::yield();
  dict.close();
  writer.join();
  reader.join();
  CHECK(ended == 2);
  CHECK(open().size() == static_cast<std::size_t>(set.load()));
}

TEST_CASE_METHOD(DictFixture, "the lock keeps others from writing, not from reading",
                 "[storage][persistent][dict]") {
  auto mine = open();
  auto others = open();
  mine.set("a", 1);
  CHECK_FALSE(others.locked());
  {
    const auto lock = mine.lock();
    const auto again = mine.lock();  // by the same thread
    mine.set("a", 2);
    CHECK(others.locked());
    CHECK(others.at("a") == 2);
    CHECK_FALSE(others.try_lock());
    CHECK_FALSE(others.try_lock(std::chrono::milliseconds(5)));
  }
  CHECK_FALSE(mine.locked());
  CHECK(others.try_lock().has_value());
}

TEST_CASE_METHOD(DictFixture, "a read-only dict shows what others write and refuses to write",
                 "[storage][persistent][dict]") {
  CHECK_THROWS_WITH(open({.create = false}), contains("open dict") && contains("a.dict"));
  CHECK_THROWS_AS(open({.read_only = true}), Error);
  auto writer = open();
  writer.set("a", 1);
  auto reader = open({.read_only = true});
  CHECK(reader.at("a") == 1);
  writer.set("b", 2);
  CHECK(text_of(reader) == R"("a"=1 "b"=2)");
  CHECK(text_of(reader, View::kLive) == R"("a"=1 "b"=2)");
  CHECK(reader.size() == 2);
  CHECK_THROWS_WITH(reader.set("a", 2), contains("it has been opened read-only"));
  CHECK_THROWS_WITH(reader.erase("a"), contains("it has been opened read-only"));
  writer.close();
  CHECK(text_of(reader) == R"("a"=1 "b"=2)");
  CHECK_THROWS_WITH(writer.set("a", 2), contains("it has been closed"));
  CHECK_THROWS_WITH(writer.at("a"), contains("it has been closed"));
}

TEST_CASE_METHOD(DictFixture, "a child by fork is refused, and does no harm when it ends",
                 "[storage][persistent][dict]") {
  auto dict = open();
  dict.set("a", 1);
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 1;
    try {
      dict.set("a", 2);
    } catch (const Error& error) {
      status = error.code() == ErrorCode::kRefused ? 0 : 2;
    }
    { const PersistentDict gone = std::move(dict); }
    ::_exit(status);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(dict.at("a") == 1);
  dict.set("a", 3);
  CHECK(open().at("a") == 3);
}

TEST_CASE_METHOD(DictFixture, "threads on one handle and on several lose no change",
                 "[storage][persistent][dict]") {
  constexpr int kThreads = 4;
  constexpr int kRounds = 150;
  auto shared = open();
  auto other = open();
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      auto& dict = thread % 2 == 0 ? shared : other;
      for (int round = 1; round <= kRounds; ++round) {
        dict.increment("all", "");
        dict.set(thread, round);
        if (dict.at(thread) != round) ++wrong;
        if (dict.at("all").get<int>() < round) ++wrong;
        if (round % 50 == 0) wrong += dict.keys().size() < 2 ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(shared.at("all") == kThreads * kRounds);
  CHECK(other.size() == kThreads + 1);
}

TEST_CASE("network file systems are told by their numbers", "[storage][persistent]") {
  CHECK(persistent::network_file_system(0x6969) == "NFS");
  CHECK(persistent::network_file_system(0xff534d42) == "CIFS");
  CHECK(persistent::network_file_system(0xef53).empty());      // ext4
  CHECK(persistent::network_file_system(0x01021994).empty());  // tmpfs
}

TEST_CASE_METHOD(DictFixture, "what is no dict is refused by name", "[storage][persistent][dict]") {
  std::ofstream(folder.file("file")) << "x";
  CHECK_THROWS_WITH(PersistentDict(folder.file("file")), contains("it is a file"));
  CHECK_THROWS_WITH(PersistentDict(folder.file("no/where")), contains("no/where"));
  CHECK_THROWS_WITH(open({.sync_at = 0}), contains("sync_at"));
  CHECK_THROWS_WITH(PersistentDict(folder.file(""), {.create = false}),
                    contains("there is no dict in that folder"));
  ProgressTracker(folder.file("a.tracker"));
  CHECK_THROWS_WITH(PersistentDict(folder.file("a.tracker")), contains("it is a tracker"));
  { auto dict = open(); }
  const auto spoil = [&](const std::string& name, std::size_t at, const std::string& bytes) {
    std::fstream file(path + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
  };
  SECTION("the log of another dict") {
    { PersistentDict other(folder.file("b.dict")); }
    std::filesystem::copy_file(folder.file("b.dict/log"), path + "/log",
                               std::filesystem::copy_options::overwrite_existing);
    CHECK_THROWS_WITH(open(), contains("not the log of this dict"));
  }
  SECTION("a log that is cut off") {
    std::filesystem::resize_file(path + "/log", 100);
    CHECK_THROWS_WITH(open(), contains("it is cut off"));
  }
  SECTION("no database") {
    std::filesystem::remove(path + "/dict.sqlite-wal");
    std::filesystem::remove(path + "/dict.sqlite-shm");
    spoil("dict.sqlite", 0, std::string(4096, 'x'));
    CHECK_THROWS_AS(open(), Error);
  }
}
