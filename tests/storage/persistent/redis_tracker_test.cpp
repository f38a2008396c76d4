// What only a tracker on Redis has. What all trackers have is in tracker_contract_test.cpp.

#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "core/error.h"
#include "storage/persistent/redis/redis_scripts_internal.h"
#include "storage/persistent/tracker/tracker_store_internal.h"
#include "tests/storage/persistent/redis_server.h"
#include "tests/support/catch.h"
#include "tests/support/child_role.h"

using namespace h5flume;
using namespace h5flume::test;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLongLease{60'000};

using Store = std::unique_ptr<TrackerStore>;

Store open(const RedisServer& server, const TrackerOptions& options = {}, int alive_ms = 5000) {
  return open_redis_tracker(server.address("test", alive_ms), options);
}

void add(TrackerStore& store, const std::vector<std::string>& keys) {
  std::vector<TrackerStore::NewRecord> tasks;
  for (const auto& key : keys) tasks.push_back({key, "{}"});
  store.add(tasks, AddMode::kIfAbsent);
}

std::vector<ClaimedTask> claim(TrackerStore& store, std::size_t count = 1,
                               milliseconds lease = kLongLease) {
  return store.claim({.count = count, .lease = lease});
}

// Whether the claim was not lost.
bool settle(TrackerStore& store, const ClaimedTask& task, Settlement::Kind kind,
            std::string_view text = {}) {
  const Settlement settlement{.kind = kind, .token = task.token, .key = task.key, .text = text};
  return store.settle(std::span(&settlement, 1)).empty();
}
bool complete(TrackerStore& store, const ClaimedTask& task, std::string_view result = {}) {
  return settle(store, task, Settlement::Kind::kComplete, result);
}

// Of a server with one tracker, of which one has claimed.
std::string only_owner(const RedisServer& server) {
  auto line = server.ask({"SMEMBERS", "h5flume:{test}:owners"});
  line.pop_back();  // its end
  return line;
}

}  // namespace

TEST_CASE("a server that is not there is an error that names it",
          "[storage][persistent][tracker][redis]") {
  const auto open_error = [](const std::string& address) -> std::string {
    try {
      ProgressTracker tracker(address);
    } catch (const Error& error) {
      return std::string(to_string(error.code())) + ": " + error.what();
    }
    return {};
  };
  const auto port = std::to_string(free_port());
  const auto refused = open_error("redis://ann:s3cret@127.0.0.1:" + port);
  CHECK_THAT(refused, contains("io: connect to the Redis server 127.0.0.1:" + port));
  CHECK_THAT(refused, contains("Connection refused") && !contains("s3cret"));
  CHECK_THAT(open_error("redis+unix:///no/such.sock"),
             contains("not_found: ") && contains("/no/such.sock"));
}

TEST_CASE("a server asks for a password, and over TCP too, and shows it to nobody",
          "[storage][persistent][tracker][redis]") {
  const auto port = std::to_string(free_port());
  const RedisServer server({"--port", port, "--bind", "127.0.0.1", "--user", "ann", "on", ">s3cret",
                            "~*", "&*", "+@all"});
  const auto at = "@127.0.0.1:" + port + "/2";
  ProgressTracker tracker("redis://ann:s3cret" + at);
  tracker.add("a");
  CHECK_THROWS_WITH(tracker.add("a"), contains("127.0.0.1:" + port) && !contains("s3cret"));
  CHECK_THROWS_WITH(tracker.mark_done("b"), contains("task \"b\"") && !contains("s3cret"));
  CHECK(server.ask({"DBSIZE"}) == "0");  // it is in database 2
  try {
    ProgressTracker wrong("redis://ann:s3crex" + at);
    FAIL("the wrong password is taken");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kRefused);
    CHECK_THAT(error.what(), contains("WRONGPASS") && !contains("s3cre"));
  }
}

TEST_CASE("a tracker is made only if that is wanted", "[storage][persistent][tracker][redis]") {
  const RedisServer server;
  for (const TrackerOptions& options :
       {TrackerOptions{.create = false}, TrackerOptions{.read_only = true}}) {
    CHECK_THROWS_WITH(open(server, options), contains("name=test") && contains("not there"));
  }
  CHECK(server.ask({"DBSIZE"}) == "0");
  add(*open(server), {"1"});
  const auto reader = open(server, {.read_only = true});
  CHECK(reader->status().todo == 1);
  CHECK(reader->find("1"));
  CHECK_THROWS_WITH(add(*reader, {"2"}), contains("only for reading"));
  CHECK_THROWS_WITH(claim(*reader), contains("only for reading"));
}

TEST_CASE("a tracker of another layout is refused", "[storage][persistent][tracker][redis]") {
  const RedisServer server;
  add(*open(server), {"1"});
  server.ask({"HSET", "h5flume:{test}:meta", "format", "2"});
  try {
    open(server);
    FAIL("it is opened");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kUnsupported);
    CHECK_THAT(error.what(), contains("version '2'"));
  }
}

TEST_CASE("a tracker that is removed from the server is missed",
          "[storage][persistent][tracker][redis]") {
  const RedisServer server;
  const auto store = open(server);
  add(*store, {"1"});
  server.ask({"FLUSHALL"});
  CHECK_THROWS_WITH(store->status(), contains("not there any more"));
  CHECK_THROWS_WITH(add(*store, {"1"}), contains("not there any more"));
  CHECK(server.ask({"KEYS", "*"}).empty());
}

TEST_CASE("a server that forgets its scripts is given them again",
          "[storage][persistent][tracker][redis]") {
  const RedisServer server;
  const auto store = open(server);
  add(*store, {"1", "2"});
  const auto before = claim(*store);
  server.ask({"SCRIPT", "FLUSH"});
  CHECK(complete(*store, before.at(0)));
  CHECK(claim(*store).size() == 1);
  // What EVALSHA asks for is what the server calls it: else each run would send the text.
  for (const auto* const script : {&redis::kSettle, &redis::kClaim}) {
    CHECK(server.ask({"SCRIPT", "EXISTS", std::string(script->sha1)}) == "1\n");
  }
}

TEST_CASE("a server that dies is an error, and its successor goes on from its log",
          "[storage][persistent][tracker][redis]") {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  const auto store = open(server);
  add(*store, {"1", "2"});
  const auto claimed = claim(*store);
  server.kill();
  try {
    complete(*store, claimed.at(0));
    FAIL("nobody has recorded it");
  } catch (const Error& error) {
    CHECK((error.code() == ErrorCode::kIo || error.code() == ErrorCode::kNotFound));
    CHECK_THAT(error.what(), contains(server.socket()));
  }
  server.start();
  CHECK(complete(*store, claimed.at(0), "7"));
  CHECK(store->find("1")->result == "7");
  CHECK(claim(*store).at(0).key == "2");
}

TEST_CASE("what a lost reply has given away comes back with its try",
          "[storage][persistent][tracker][redis]") {
  const RedisServer server;
  const auto store = open(server);
  add(*store, {"1", "2", "3"});
  REQUIRE(claim(*store).at(0).token == 1);
  const auto owner = only_owner(server);
  const auto claim_by_hand = [&](const std::string& heard) {
    return server.ask({"EVALSHA", std::string(redis::kClaim.sha1), "1", "h5flume:{test}:meta",
                       owner, "5000", "60000", "1", "0", "1000", "due", "", heard});
  };
  CHECK(claim_by_hand("") == "0\n0\n2\n2\n{}\n1\n2\n");
  CHECK(claim_by_hand("1") == "0\n0\n2\n2\n{}\n1\n3\n");  // the same task, and still its first try
  CHECK(store->status().tries == 2);
}

TEST_CASE("the tasks of a tracker that has been closed are given to others at once",
          "[storage][persistent][tracker][redis]") {
  const RedisServer server;
  const auto store = open(server);
  add(*store, {"1"});
  auto other = open(server);
  REQUIRE(claim(*other).size() == 1);
  CHECK(claim(*store).empty());
  other.reset();
  CHECK(claim(*store).at(0).tries == 2);
}

namespace {

// Claims one task and does nothing until it is killed. Arguments: the address.
int claim_and_hang(const std::vector<std::string>& arguments) {
  const auto store = open_redis_tracker(arguments.at(0), {});
  if (claim(*store).empty()) return 1;
  ::pause();
  return 0;
}
const ChildRole kClaimAndHang("claim-and-hang", claim_and_hang);

// Waits for a task as wait_and_claim() does.
std::vector<ClaimedTask> wait_for_claim(TrackerStore& store) {
  for (;;) {
    const auto seen = store.change_count();
    auto claimed = claim(store);
    if (!claimed.empty()) return claimed;
    store.wait(seen, std::nullopt);
  }
}

}  // namespace

TEST_CASE("the tasks of a killed process are given to who waits, once it is missed",
          "[storage][persistent][tracker][redis][kill]") {
  const RedisServer server;
  const auto address = server.address("test", 1000);
  const auto store = open_redis_tracker(address, {});
  add(*store, {"1"});
  auto child = start_child("claim-and-hang", {address});
  while (store->status().leased == 0) REQUIRE_FALSE(child.wait(milliseconds(1)));
  CHECK(claim(*store).empty());  // its owner lives
  child.kill();
  child.wait();
  const auto claimed = wait_for_claim(*store);
  CHECK(claimed.at(0).tries == 2);
  CHECK(complete(*store, claimed.at(0)));
}

TEST_CASE("a process that has claimed says again and again that it lives",
          "[storage][persistent][tracker][redis]") {
  const RedisServer server;
  const auto store = open(server, {}, 2000);
  add(*store, {"1"});
  REQUIRE(claim(*store).size() == 1);
  const auto milliseconds_left = [&] {
    return std::stoi(server.ask({"PTTL", "h5flume:{test}:owner:" + only_owner(server)}));
  };
  // Its key would go if the time that is left only became less.
  for (int beats = 0, before = milliseconds_left(); beats < 2;) {
    const int left = milliseconds_left();
    REQUIRE(left > 0);
    beats += left > before;
    before = left;
  }
}

TEST_CASE("who waits is woken by an event, not by looking again",
          "[storage][persistent][tracker][redis]") {
  const RedisServer server;
  const auto store = open(server);
  const auto other = open(server);
  std::thread adds_later([&] {
    // Only when the other side listens, so that its waiting is what is woken.
    while (server.ask({"PUBSUB", "NUMSUB", "h5flume:{test}:changes"}).find("\n1\n") ==
           std::string::npos) {
    }
    add(*other, {"1"});
  });
  const auto claimed = wait_for_claim(*store);
  adds_later.join();
  CHECK(claimed.size() == 1);
  // One look before and one after waiting, not hundreds.
  const auto calls = server.ask({"INFO", "commandstats"});
  const auto at = calls.find("cmdstat_evalsha:calls=");
  REQUIRE(at != std::string::npos);
  CHECK(std::stoi(calls.substr(at + 22)) < 40);
}

TEST_CASE("what takes many scripts is done to the end", "[storage][persistent][tracker][redis]") {
  const RedisServer server;
  const auto store = open(server);
  constexpr std::size_t kTasks = 25'000;  // more than any script does or looks at
  std::vector<TrackerStore::NewRecord> tasks;
  for (std::size_t i = 0; i < kTasks; ++i) tasks.push_back({std::to_string(i), "{}"});
  CHECK(store->add(tasks, AddMode::kMustBeNew) == kTasks);
  CHECK(store->page(0, 2 * kTasks, {}).size() == kTasks);

  const auto claimed = claim(*store, 2 * kTasks);
  REQUIRE(claimed.size() == kTasks);
  std::vector<Settlement> settlements;
  for (const auto& task : claimed) {
    settlements.push_back({Settlement::Kind::kFail, task.token, task.key, "no"});
  }
  CHECK(store->settle(settlements).empty());
  CHECK(store->page(0, 1, {TaskState::kDone}).empty());

  CHECK(open(server, {.max_tries = 1})->status().exhausted == kTasks);
  CHECK(open(server, {.max_tries = 2})->status().todo == kTasks);
  open(server, {.max_tries = 1});
  CHECK(store->retry_exhausted() == kTasks);
  CHECK(store->status() == TrackerStatus{.total = kTasks, .todo = kTasks});

  const auto last = store->claim({.lease = kLongLease, .after = kTasks - 1});
  CHECK(last.at(0).key == std::to_string(kTasks - 1));
  store->clear();
  CHECK(store->status() == TrackerStatus{});
  CHECK(server.ask({"KEYS", "*:task:*"}).empty());
}

TEST_CASE("a clear that was interrupted is brought to its end by the next who opens",
          "[storage][persistent][tracker][redis]") {
  const RedisServer server;
  const auto store = open(server);
  add(*store, {"1", "2"});
  const auto claimed = claim(*store);
  server.ask({"EVAL", std::string(redis::kClear.text), "1", "h5flume:{test}:meta"});
  CHECK(store->status() == TrackerStatus{});
  CHECK_FALSE(store->find("1"));
  CHECK_FALSE(complete(*store, claimed.at(0)));
  add(*store, {"1"});
  CHECK(store->page(0, 10, {}).size() == 1);
  open(server);
  CHECK(server.ask({"KEYS", "*:task:*"}) == "h5flume:{test}:task:000000000003\n");
}

TEST_CASE("a server without memory refuses a change as a whole",
          "[storage][persistent][tracker][redis]") {
  const RedisServer server({"--maxmemory-policy", "noeviction"});
  const auto store = open(server);
  add(*store, {"1", "2"});
  const auto claimed = claim(*store);
  server.ask({"CONFIG", "SET", "maxmemory", "1"});
  const auto refused = [&](const auto& change) {
    try {
      change();
    } catch (const Error& error) {
      return error.code() == ErrorCode::kOutOfMemory;
    }
    return false;
  };
  CHECK(refused([&] { add(*store, {"3"}); }));
  CHECK(refused([&] { claim(*store); }));
  CHECK(refused([&] { complete(*store, claimed.at(0)); }));
  CHECK(refused([&] { store->erase("2"); }));
  CHECK(refused([&] { store->clear(); }));
  CHECK(store->status() ==
        TrackerStatus{.total = 2, .todo = 1, .leased = 1, .tried = 1, .tries = 1});
  server.ask({"CONFIG", "SET", "maxmemory", "0"});
  CHECK(complete(*store, claimed.at(0)));
}

TEST_CASE("a child by fork is told to open the tracker anew",
          "[storage][persistent][tracker][redis]") {
  const RedisServer server;
  auto store = open(server);
  add(*store, {"1", "2"});
  REQUIRE(claim(*store).size() == 1);  // its heartbeat is a thread that the child has not
  const auto child = ::fork();
  if (child == 0) {
    int result = 1;
    try {
      store->status();
    } catch (const Error& error) {
      result = error.code() == ErrorCode::kRefused ? 0 : 2;
    }
    store.reset();
    ::_exit(result);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(claim(*store).size() == 1);
  CHECK(store->status().leased == 2);
}
