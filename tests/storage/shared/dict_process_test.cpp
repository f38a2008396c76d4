// Many processes, forked ones, and memory that is short.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "tests/storage/shared/shared_fixture.h"
#include "tests/support/child_role.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

constexpr int kIncrements = 2000;

// Counts, with others. Arguments: folder, how many there are.
int count_with_others(const std::vector<std::string>& arguments) {
  auto dict = SharedDict::attach("a", {.folder = arguments[0]});
  dict.increment("there");
  const auto all = std::stoll(arguments[1]);
  std::uint64_t version = 0;
  while (dict.get<std::int64_t>("there", 0) < all) version = *dict.wait_for_change(version);
  for (int times = 0; times < kIncrements; ++times) dict.increment("n");
  dict.increment("done");
  while (dict.get<std::int64_t>("done", 0) < all + 1) version = *dict.wait_for_change(version);
  return dict.get<std::int64_t>("n") == all * kIncrements ? 0 : 1;
}
const ChildRole kCounter("shared-counter", count_with_others);

int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool is_refused(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code() == ErrorCode::kRefused;
  }
  return false;
}

// Attaches, forks, and its child says whether it is kept from what is its parent's. Argument:
// folder.
int fork_and_use(const std::vector<std::string>& arguments) {
  const SharedDictOptions options{.folder = arguments[0]};
  auto dict = SharedDict::create("b", options);
  dict.set("x", 1);
  auto lock = std::make_optional(dict.lock());
  const pid_t child = ::fork();
  if (child == 0) {
    bool is_right = is_refused([&] { dict.get("x"); }) && is_refused([&] { dict.set("x", 2); }) &&
                    is_refused([&] { dict.status(); }) &&
                    is_refused([&] { static_cast<void>(dict.try_lock()); }) &&
                    is_refused([&] { dict.unlink(); });
    lock.reset();  // not the parent's
    {
      auto own = SharedDict::attach("b", options);
      is_right = is_right && own.lock_holder() == ::getppid() && !own.try_lock() &&
                 own.get<int>("x") == 1 && own.status().attached.size() == 2;
    }
    dict.close();  // no unlinking
    ::_exit(is_right && list_shared_dicts(arguments[0]).size() == 1 ? 0 : 1);
  }
  if (wait_for(child) != 0) return 1;
  lock.reset();
  dict.set("x", 3);

  // A child that lives on does not keep its parent's place, nor its lock, beyond the parent's
  // death.
  int ready[2];
  if (::pipe(ready) != 0) return 2;
  const pid_t holder = ::fork();
  if (holder == 0) {
    auto own = SharedDict::attach("b", options);
    auto held = own.lock();
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      ::pause();
      ::_exit(0);
    }
    if (::write(ready[1], &grandchild, sizeof(grandchild)) < 0) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  pid_t grandchild = 0;
  if (::read(ready[0], &grandchild, sizeof(grandchild)) != sizeof(grandchild)) return 3;
  if (dict.lock_holder() != holder) return 4;
  ::kill(holder, SIGKILL);
  wait_for(holder);
  dict.set("x", 4);  // waits for ever if the grandchild counts
  const bool is_alone = dict.status().attached.size() == 1;
  ::kill(grandchild, SIGKILL);
  return is_alone ? 0 : 5;
}
const ChildRole kForker("shared-forker", fork_and_use);

// In a file system of 1 MiB of its own. Exit status 9: it cannot have one. Argument: folder.
int fill_memory(const std::vector<std::string>& arguments) {
  const std::string& folder = arguments[0];
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 9;
  ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  if (::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1m") != 0) return 9;
  auto dict = SharedDict::create("a", {.folder = folder, .buffer_bytes = 8192});
  const auto other = SharedDict::attach("a", {.folder = folder});
  const std::string value(5000, 'v');
  int kept = 0;
  try {
    for (;; ++kept) dict.set(kept, value);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory) return 1;
  }
  if (kept < 20) return 2;
  for (int times = 0; times < 3; ++times) {
    try {
      dict.update(Json{{"too", std::string(400'000, 'x')}, {"much", 1}});
      return 3;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory) return 4;
    }
    if (dict.size() != static_cast<std::size_t>(kept) || !(dict == other)) return 5;
  }
  // Another dict cannot be made, and leaves nothing.
  std::ofstream filling(folder + "/filling");
  while (filling << value << std::flush) continue;
  try {
    auto second = SharedDict::create("b", {.folder = folder});
    return 6;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory) return 7;
  }
  if (list_shared_dicts(folder).size() != 1) return 8;
  filling.close();
  std::filesystem::remove(folder + "/filling");
  // With room again it goes on.
  for (int key = 0; key < kept; ++key) {
    if (!dict.erase(key)) return 10;
  }
  dict.set("x", value);
  return other.size() == 1 && dict == other ? 0 : 11;
}
const ChildRole kFiller("shared-filler", fill_memory);

}  // namespace

TEST_CASE_METHOD(SharedFixture, "sixty-four processes count together and lose nothing",
                 "[storage][shared][process]") {
  constexpr int kProcesses = 64;
  auto dict = create({.buffer_bytes = 4096});
  std::vector<ChildProcess> processes;
  for (int index = 0; index < kProcesses; ++index) {
    processes.push_back(start_child("shared-counter", {folder, std::to_string(kProcesses)}));
  }
  std::uint64_t version = 0;
  while (dict.get<std::int64_t>("done", 0) < kProcesses) version = *dict.wait_for_change(version);
  CHECK(dict.status().attached.size() == kProcesses + 1);
  CHECK(dict.get<std::int64_t>("n") == std::int64_t{kProcesses} * kIncrements);
  dict.increment("done");
  for (auto& process : processes) CHECK(process.wait() == ExitStatus{});
  CHECK(dict.status().attached.size() == 1);
  CHECK(dict.status().recoveries == 0);
}

TEST_CASE_METHOD(SharedFixture, "threads with handles of their own count together",
                 "[storage][shared][process]") {
  constexpr int kThreads = 6;
  auto dict = create({.recurse = true, .buffer_bytes = 2048});
  std::vector<std::thread> threads;
  std::vector<std::string> wrong(kThreads);
  for (int index = 0; index < kThreads; ++index) {
    threads.emplace_back([&, index] {
      auto own = attach();
      auto nested = own.make_nested("nested");
      for (int times = 0; times < kIncrements; ++times) {
        own.increment("n");
        nested.increment(times % 10);
        if (times % 50 == index) {
          own.transaction([&] {
            own.increment("even");
            own.increment("even");
          });
          own.set("text", std::string(static_cast<std::size_t>(times), 't'));
        }
        if (own.get<std::int64_t>("even", 0) % 2 != 0) wrong[index] = "half a transaction";
        const auto text = own.get<std::string>("text", "");
        if (text != std::string(text.size(), 't')) wrong[index] = "a torn text";
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::vector<std::string>(kThreads));
  CHECK(dict.get<std::int64_t>("n") == kThreads * kIncrements);
  CHECK(dict.get<std::int64_t>("even") == 2 * kThreads * (kIncrements / 50));
  for (int key = 0; key < 10; ++key) {
    CHECK(dict.nested("nested").get<std::int64_t>(key) == kThreads * kIncrements / 10);
  }
}

TEST_CASE_METHOD(SharedFixture, "a reader that slept through many dumps goes on where the dict is",
                 "[storage][shared]") {
  auto dict = create({.buffer_bytes = 256});
  const auto sleeper = attach();
  dict.set("x", 0);
  CHECK(sleeper.get<int>("x") == 0);
  const auto data = sleeper.data();
  for (int number = 1; number <= 500; ++number) dict.set("x", number);
  CHECK(dict.status().dumps_made > 5);
  CHECK(data.find("x")->as<int>() == 0);  // nothing is taken away from under it
  CHECK(sleeper.get<int>("x") == 500);
  CHECK(sleeper.version() == 501);
  CHECK(sleeper.status().snapshots_loaded == 2);  // the first, and the last
}

TEST_CASE_METHOD(SharedFixture, "no more than 1,024 attach", "[storage][shared]") {
  auto dict = create();
  std::vector<SharedDict> others;
  try {
    while (others.size() < 1100) others.push_back(attach());
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kResourceLimit);
  }
  CHECK(dict.status().attached.size() == others.size() + 1);
  others.clear();
  CHECK(attach().empty());
}

TEST_CASE_METHOD(SharedFixture, "a forked child is kept from what is its parent's",
                 "[storage][shared][process]") {
  auto child = start_child("shared-forker", {folder});
  const auto status = child.wait();
  CHECK(status == ExitStatus{});
}

TEST_CASE_METHOD(SharedFixture, "a full memory file system leaves a dict as it was",
                 "[storage][shared][process]") {
  const auto status = start_child("shared-filler", {folder}).wait();
  if (status == ExitStatus{.code = 9}) {
    std::cout << "shared dict: no full file system: mounting one is forbidden here\n";
    return;
  }
  CHECK(status == ExitStatus{});
}
