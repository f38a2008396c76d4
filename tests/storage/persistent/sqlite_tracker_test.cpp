// What is special about a tracker in a folder.

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "storage/persistent/sqlite_internal.h"
#include "tests/storage/persistent/tracker_fixture.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using std::chrono::milliseconds;

namespace {

std::string database_file(const TrackerPlace& place) { return place.address() + "/tracker.sqlite"; }

void execute(const TrackerPlace& place, const char* sql) {
  sqlite::Database(database_file(place), sqlite::Database::Mode::kReadWrite).execute(sql);
}

void overwrite(const std::string& file, std::streamoff at, const std::string& bytes) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(at);
  stream << bytes;
}

}  // namespace

TEST_CASE("a tracker refuses options that mean nothing", "[storage][persistent][tracker]") {
  const TemporaryFolder folder;
  const auto refused = [&](const TrackerOptions& options) {
    return error_of([&] { ProgressTracker(folder.file("tracker"), options); }) ==
           ErrorCode::kInvalidArgument;
  };
  CHECK(refused({.durability = Durability::kBatched}));
  CHECK(refused({.lease = milliseconds(0)}));
  CHECK(refused({.backoff = Backoff{.first = milliseconds(-1)}}));
  CHECK(refused({.backoff = Backoff{.factor = 0.5}}));
  CHECK(error_of([] { ProgressTracker(""); }) == ErrorCode::kInvalidArgument);
  CHECK_FALSE(std::filesystem::exists(folder.file("tracker")));
}

TEST_CASE("a tracker that is not there is made only if that is wanted",
          "[storage][persistent][tracker]") {
  const TrackerPlace place("process");
  CHECK(error_of([&] { place.open({.create = false}); }) == ErrorCode::kNotFound);
  CHECK(error_of([&] { place.open({.read_only = true}); }) == ErrorCode::kNotFound);
  std::filesystem::create_directory(place.address());
  CHECK(error_of([&] { place.open({.create = false}); }) == ErrorCode::kNotFound);
  place.open();
  place.open({.create = false});
  CHECK(error_of([&] { ProgressTracker(database_file(place)); }) == ErrorCode::kInvalidArgument);
}

TEST_CASE("a tracker that is open only for reading shows what others do, and changes nothing",
          "[storage][persistent][tracker]") {
  const TrackerPlace place("process");
  auto writer = place.open({.max_tries = 3});
  auto reader = place.open({.read_only = true});
  add_tasks(writer, 2);
  const auto claim = claim_one(writer);
  CHECK(reader.status() == writer.status());
  CHECK(reader.max_tries() == 3);
  CHECK(state_of(reader, 0) == TaskState::kLeased);
  CHECK(error_of([&] { reader.claim(); }) == ErrorCode::kRefused);
  CHECK(error_of([&] { reader.complete(claim); }) == ErrorCode::kRefused);
  CHECK(error_of([&] { reader.add(5); }) == ErrorCode::kRefused);
  CHECK(error_of([&] { reader.clear(); }) == ErrorCode::kRefused);
  CHECK_THROWS_WITH(reader.sync(), contains("opened only for reading"));
  writer.complete(claim);
  CHECK(reader.done(0));
}

TEST_CASE("what is no tracker, or a damaged one, is named", "[storage][persistent][tracker]") {
  const TrackerPlace place("process");
  {
    auto tracker = place.open();
    add_tasks(tracker, 1'000);
  }
  SECTION("no database") {
    std::filesystem::remove(database_file(place) + "-wal");
    overwrite(database_file(place), 0, std::string(200, 'x'));
    CHECK(error_of([&] { place.open(); }) == ErrorCode::kCorruptData);
    CHECK_THROWS_WITH(place.open(), contains(database_file(place)));
  }
  SECTION("pages that make no sense") {
    execute(place, "pragma wal_checkpoint(truncate)");
    const auto size = std::filesystem::file_size(database_file(place));
    overwrite(database_file(place), 4096, std::string(size - 4096, '\xa5'));
    CHECK(error_of([&] {
            auto tracker = place.open();
            tracker.claim({.count = 1'000});
          }) == ErrorCode::kCorruptData);
  }
  SECTION("somebody else's database") {
    execute(place, "pragma application_id=5");
    CHECK(error_of([&] { place.open(); }) == ErrorCode::kCorruptData);
    CHECK_THROWS_WITH(place.open({.read_only = true}), contains("no tracker of h5flume"));
  }
  SECTION("a later version") {
    execute(place, "pragma user_version=2");
    CHECK(error_of([&] { place.open(); }) == ErrorCode::kUnsupported);
    CHECK_THROWS_WITH(place.open(), contains("version 2 of the layout"));
  }
  SECTION("without its row") {
    execute(place, "delete from tracker");
    CHECK(error_of([&] { place.open(); }) == ErrorCode::kCorruptData);
  }
}

TEST_CASE("a child by fork is refused, and takes nothing from its parent",
          "[storage][persistent][tracker]") {
  const TrackerPlace place("process");
  auto tracker = std::make_unique<ProgressTracker>(place.open());
  add_tasks(*tracker, 2);
  const auto claim = claim_one(*tracker);
  const auto child = ::fork();
  if (child == 0) {
    const bool refused =
        error_of([&] { tracker->claim(); }) == ErrorCode::kRefused &&
        error_of([&] { tracker->complete(claim); }) == ErrorCode::kRefused &&
        error_of([&] { static_cast<void>(tracker->status()); }) == ErrorCode::kRefused;
    tracker.reset();
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  auto other = place.open();
  CHECK(keys_of(other.claim({.count = 2})) == std::vector<std::string>{"1"});  // the other is held
  tracker->complete(claim);
  CHECK(tracker->done(0));
}

TEST_CASE("when the machine has been started anew, no lease and no waiting time is left",
          "[storage][persistent][tracker]") {
  const TrackerPlace place("process");
  auto before = place.open({.backoff = Backoff{.first = milliseconds(3'600'000)}});
  add_tasks(before, 4);
  before.abort(3);
  auto claims = before.claim({.count = 4, .allow_aborted = true});
  REQUIRE(claims.size() == 4);
  before.fail(claims[0]);
  before.fail(claims[3]);
  before.complete(claims[1]);
  CHECK(before.claim({.count = 4, .allow_aborted = true}).empty());

  execute(place, "update tracker set boot_id='another'");
  auto after = place.open();
  CHECK(after.status() ==
        TrackerStatus{.total = 4, .todo = 2, .done = 1, .aborted = 1, .tried = 4, .tries = 4});
  const auto again = after.claim({.count = 4, .allow_aborted = true});
  CHECK(keys_of(again) == std::vector<std::string>{"0", "2", "3"});
  CHECK(error_of([&] { before.complete(claims[2]); }) == ErrorCode::kConflict);
}

TEST_CASE("the log does not grow with the number of changes", "[storage][persistent][tracker]") {
  const TrackerPlace place("process");
  auto tracker = place.open();
  add_tasks(tracker, 20'000);
  for (;;) {
    const auto claims = tracker.claim({.count = 50});
    if (claims.empty()) break;
    tracker.complete(claims);
  }
  constexpr std::uintmax_t kMiB = 1 << 20;
  CHECK(std::filesystem::file_size(database_file(place) + "-wal") < 18 * kMiB);
}
