// Writers beside checkpoints. SQLite before 3.51.3 can damage a file when the two meet; here they
// are kept apart by the gate.

#include <atomic>
#include <random>
#include <thread>

#include "storage/persistent/sqlite_internal.h"
#include "storage/persistent/writer_gate_internal.h"
#include "tests/support/catch.h"
#include "tests/support/child_role.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;
using sqlite::Database;

namespace {

constexpr int kRows = 200;
constexpr int kRounds = 150;

// Opens the database inside the gate, for another process that is writing and checkpointing.
std::unique_ptr<Database> open_inside(persistent::WriterGate& gate, const std::string& folder) {
  const auto pass = gate.enter();
  return std::make_unique<Database>(folder + "/rows.sqlite", Database::Mode::kCreate);
}

// Moves an amount from row to row and gives rows other sizes, in transactions of many pages, and
// writes the log out after each, as a tracker or a dict does now and then. Argument: the folder.
int write_and_checkpoint(const std::vector<std::string>& arguments) {
  persistent::WriterGate gate(arguments[0] + "/gate", false);
  auto database = open_inside(gate, arguments[0]);
  auto move = database->prepare("update rows set amount=amount+?2, filling=?3 where id=?1");
  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < kRounds; ++round) {
    const auto pass = gate.enter();
    sqlite::Transaction transaction(*database);
    for (int i = 0; i < 10; ++i) {
      for (const std::int64_t by : {-7, 7}) {
        const std::string filling(random() % 3000, 'x');
        move.reset().bind(1, random() % kRows).bind(2, by).bind(3, filling).run();
      }
    }
    transaction.commit();
    database->execute("pragma wal_checkpoint(passive)");
    if (round % 20 != 0) continue;
    database.reset();  // closing and opening are inside, too
    database = std::make_unique<Database>(arguments[0] + "/rows.sqlite", Database::Mode::kCreate);
    move = database->prepare("update rows set amount=amount+?2, filling=?3 where id=?1");
  }
  const auto pass = gate.enter();
  move = {};
  database.reset();
  return 0;
}
const ChildRole role("write-and-checkpoint", write_and_checkpoint);

}  // namespace

TEST_CASE("writers, checkpoints and readers of several processes leave the database sound",
          "[storage][persistent][sqlite]") {
  const TemporaryFolder folder;
  const auto path = folder.file("");
  persistent::WriterGate gate(folder.file("gate"), false);
  auto database = open_inside(gate, path);
  {
    const auto pass = gate.enter();
    database->execute("create table rows (id integer primary key, amount integer, filling text)");
    auto insert = database->prepare("insert into rows values (?, 100, '')");
    for (int row = 0; row < kRows; ++row) insert.reset().bind(1, row).run();
  }
  std::vector<ChildProcess> writers;
  for (int i = 0; i < 3; ++i) writers.push_back(start_child("write-and-checkpoint", {path}));

  std::atomic<bool> stop{false};
  std::atomic<int> looks{0};
  std::atomic<int> wrong{0};
  std::thread reader([&] {
    while (!stop || looks == 0) {
      const auto sum = database->query_integer("select sum(amount) from rows");
      if (sum != kRows * 100) ++wrong;  // half of a transaction
      ++looks;
    }
  });
  for (auto& writer : writers) CHECK(writer.wait() == ExitStatus{});
  stop = true;
  reader.join();
  CHECK(wrong == 0);
  auto check = database->prepare("pragma integrity_check");
  REQUIRE(check.step());
  CHECK(check.text(0) == "ok");
}
