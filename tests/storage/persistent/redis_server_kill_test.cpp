// A server that is killed all the time and goes on from its append-only file: nothing that it has
// acknowledged is lost, and each task is recorded once. (Killed workers: tracker_kill_test.cpp.)

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "storage/persistent/progress_tracker.h"
#include "tests/storage/persistent/redis_server.h"
#include "tests/support/catch.h"
#include "tests/support/child_role.h"

using namespace h5flume;
using namespace h5flume::test;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kBetweenKills{50};

std::int64_t result_of(std::int64_t number) { return number * number + 1; }

// Claims some tasks and completes them; false if none is left. Returns a line of key and token for
// each acknowledged completion.
bool do_some(ProgressTracker& tracker, std::string& acknowledged) {
  // What it could not settle comes back to it by the end of the lease.
  const auto claims = tracker.wait_and_claim({.count = 16, .lease = milliseconds(500)});
  std::vector<Json> results;
  std::string lines;
  for (const auto& claim : claims) {
    results.push_back(result_of(claim.key.json().get<std::int64_t>()));
    lines += claim.key.json_text() + " " + std::to_string(claim.token) + "\n";
  }
  if (!claims.empty()) tracker.complete(claims, results);
  acknowledged = lines;
  return !claims.empty();
}

// Arguments: the address, and a file for what is acknowledged.
int work_on(const std::vector<std::string>& arguments) {
  std::optional<ProgressTracker> tracker;
  const FileDescriptor log(::open(arguments.at(1).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  for (bool more = true; more;) {
    std::string acknowledged;
    try {
      if (!tracker) tracker.emplace(arguments.at(0));
      more = do_some(*tracker, acknowledged);
    } catch (const Error& error) {
      // Dead, or not there again yet; or it was dead for so long that claims were taken back.
      if (error.code() != ErrorCode::kIo && error.code() != ErrorCode::kNotFound &&
          error.code() != ErrorCode::kConflict) {
        throw;
      }
    }
    if (::write(log.get(), acknowledged.data(), acknowledged.size()) < 0) return 2;
  }
  return 0;
}
const ChildRole kWorkOn("redis-work-on", work_on);

// The long runs are told how many seconds.
std::int64_t tasks_for_kills() {
  const char* const seconds = std::getenv("H5FLUME_TEST_SECONDS");
  return seconds ? std::max(1, std::atoi(seconds)) * 100 : 400;
}

// Until all processes have ended, which they do when nothing is left. Returns the number of kills.
int kill_again_and_again(RedisServer& server, std::vector<ChildProcess> workers) {
  int kills = 0;
  while (!workers.empty()) {
    if (const auto status = workers.back().wait(kBetweenKills)) {
      CHECK(*status == ExitStatus{});
      workers.pop_back();
      continue;
    }
    server.kill();
    server.start();
    ++kills;
  }
  return kills;
}

}  // namespace

TEST_CASE("a server that is killed again and again loses nothing that it has acknowledged",
          "[storage][persistent][tracker][redis][kill]") {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  const TemporaryFolder folder;
  const auto log = folder.file("acknowledged");
  std::ofstream(log).close();

  ProgressTracker tracker(server.address("test", 1000));
  const auto count = tasks_for_kills();
  std::vector<NewTask> tasks;
  for (std::int64_t i = 0; i < count; ++i) tasks.push_back({i});
  tracker.add_many(tasks);
  std::vector<ChildProcess> workers;
  for (int i = 0; i < 3; ++i) {
    workers.push_back(start_child("redis-work-on", {tracker.address(), log}));
  }
  const int kills = kill_again_and_again(server, std::move(workers));
  WARN(kills << " kills, " << count << " tasks, " << tracker.status().tries << " tries");

  CHECK(tracker.status().done == static_cast<std::uint64_t>(count));
  std::int64_t wrong = 0;
  tracker.for_each([&](const Task& task) {
    wrong += task.result != Json(result_of(task.key.json().get<std::int64_t>()));
    return true;
  });
  CHECK(wrong == 0);

  // A completion that had been forgotten would have been made, and acknowledged, again.
  std::map<std::int64_t, std::uint64_t> acknowledged;
  std::int64_t twice = 0;
  std::ifstream lines(log);
  std::int64_t key = 0;
  std::uint64_t token = 0;
  while (lines >> key >> token) twice += !acknowledged.emplace(key, token).second;
  CHECK(twice == 0);
}
