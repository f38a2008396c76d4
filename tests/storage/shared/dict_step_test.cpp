// Deaths at any instruction: a child is run instruction by instruction, and killed after each of
// them, or after every Nth (H5FLUME_TEST_KILL_EVERY).

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>

#include "core/error.h"
#include "tests/storage/shared/shared_fixture.h"
#include "tests/storage/shared/victim.h"
#include "tests/support/child_role.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// How many kills there are without the environment's word, at random among about so many
// instructions. Long operations have their named points too, in dict_kill_test.cpp.
struct Sample {
  long kills;
  long instructions;
};
Sample usual_sample(const std::string& operation) {
  if (operation == "create") return {0, 0};
  if (operation == "attach") return {2, 20'000};
  if (operation.ends_with("dump")) return {4, 11'000};
  return {10, operation == "update" ? 6'000 : 2'000};
}

// Ends with 3 if it must not be traced. Arguments: folder, operation.
int be_stepped(const std::vector<std::string>& arguments) {
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) return 3;
  auto dict = SharedDict::attach("a", {.folder = arguments[0]});
  ::raise(SIGSTOP);
  perform(dict, arguments[1]);
  ::raise(SIGSTOP);
  return 0;
}
const ChildRole kStepped("shared-stepped", be_stepped);

// Waits for the next stop; 0 if the process has ended.
int next_stop(const ChildProcess& child) {
  siginfo_t info{};
  const auto id = static_cast<id_t>(child.pid());
  if (::waitid(P_PID, id, &info, WSTOPPED | WEXITED | WNOWAIT) != 0) return 0;
  if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
    return 0;  // left for child.wait()
  const int signal = info.si_status;
  ::waitid(P_PID, id, &info, WSTOPPED);
  return signal;
}

// Runs so many instructions of the operation, or less if it has no more. Returns how many.
long step(const ChildProcess& child, long count) {
  for (long done = 0; done < count; ++done) {
    if (::ptrace(PTRACE_SINGLESTEP, child.pid(), nullptr, nullptr) != 0) return done;
    if (next_stop(child) != SIGTRAP) return done;
  }
  return count;
}

// Whether processes here may trace their children.
bool can_trace(const std::string& folder) {
  auto child = start_child("shared-stepped", {folder, "lock"});
  if (next_stop(child) != SIGSTOP) return false;
  return step(child, 10) == 10;
}

std::string wrong_after_unlink(const std::string& folder, std::optional<SharedDict> dict) {
  dict->set("y", 1);
  SharedDict::create_or_attach("a", {.folder = folder}).set("y", 2);
  dict.reset();
  clean_shared_dicts(folder);
  return list_shared_dicts(folder).empty() ? "" : "something is left behind";
}

std::string wrong_after_create(const Expected& expected, const std::string& folder,
                               SharedDict& dict) {
  SharedDict::create_or_attach("b", {.folder = folder}).set("y", 2);
  clean_shared_dicts(folder);
  return wrong_after(expected, dict, folder, Seen::kAfter);
}

}  // namespace

TEST_CASE_METHOD(SharedFixture, "who is killed at any instruction leaves the old state or the new",
                 "[storage][shared][kill][step]") {
  if (kSanitized) {
    std::cout << "shared dict: no killing at single instructions under a sanitizer\n";
    return;
  }
  {
    const auto dict = create();
    if (!can_trace(folder)) {
      std::cout << "shared dict: no killing at single instructions: ptrace is forbidden here\n";
      return;
    }
  }
  ::setenv("LD_BIND_NOW", "1",
           1);  // for the children: no thousands of instructions to find functions
  const char* const every = std::getenv("H5FLUME_TEST_KILL_EVERY");
  const char* const only = std::getenv("H5FLUME_TEST_KILL_IN");
  auto all = operations();
  for (const char* other : {"lock", "attach", "unlink", "create"}) all.emplace_back(other);
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  long kills = 0;
  long losses = 0;
  for (const std::string& operation : all) {
    if (only && operation != only) continue;
    std::vector<long> places;
    if (every) {
      auto dict = create({.buffer_bytes = kVictimBuffer});
      prepare(dict, operation);
      auto child = start_child("shared-stepped", {folder, operation});
      REQUIRE(next_stop(child) == SIGSTOP);
      const long instructions = step(child, 10'000'000);
      REQUIRE(instructions > 100);
      const long stride = std::max(1L, std::atol(every));
      for (long at = 0; at <= instructions; at += stride) places.push_back(at);
      std::cout << "shared dict: " << operation << ": " << places.size() << " kills in "
                << instructions << " instructions" << std::endl;
    } else {
      const Sample sample = usual_sample(operation);
      for (long kill = 0; kill < sample.kills; ++kill) {
        places.push_back(static_cast<long>(random() % static_cast<unsigned>(sample.instructions)));
      }
    }
    for (const long at : places) {
      auto dict = std::make_optional(create({.buffer_bytes = kVictimBuffer}));
      const Expected expected = prepare(*dict, operation);
      auto child = start_child("shared-stepped", {folder, operation});
      REQUIRE(next_stop(child) == SIGSTOP);
      step(child, at);
      child.kill();
      child.wait();
      std::string wrong;
      if (operation == "unlink") {
        wrong = wrong_after_unlink(folder, std::move(dict));
      } else if (operation == "create") {
        wrong = wrong_after_create(expected, folder, *dict);
      } else {
        wrong = wrong_after(expected, *dict, folder, Seen::kAfter);
      }
      ++kills;
      if (wrong.empty()) continue;
      ++losses;
      CAPTURE(operation, at);
      CHECK(wrong == "");
    }
  }
  CHECK(kills > 0);
  std::cout << "shared dict: killed at " << kills << " single instructions, " << losses
            << " losses\n";
}
