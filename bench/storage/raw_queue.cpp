#include "bench/storage/raw_queue.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <memory>
#include <stdexcept>

namespace h5flume::bench {
namespace {

void check(sqlite3* handle, int result) {
  if (result != SQLITE_OK && result != SQLITE_DONE && result != SQLITE_ROW) {
    throw std::runtime_error(sqlite3_errmsg(handle));
  }
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Statement prepare(sqlite3* handle, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  check(handle, sqlite3_prepare_v2(handle, sql, -1, &statement, nullptr));
  return Statement(statement);
}

}  // namespace

RawQueue::RawQueue(const std::string& path, bool sync_each_commit) {
  check(nullptr, sqlite3_open(path.c_str(), &handle_));
  sqlite3_busy_timeout(handle_, 60'000);
  run("pragma journal_mode=wal");
  run(sync_each_commit ? "pragma synchronous=full" : "pragma synchronous=normal");
}

RawQueue::~RawQueue() { sqlite3_close(handle_); }

void RawQueue::run(const std::string& sql) {
  check(handle_, sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr));
}

void RawQueue::add(std::uint64_t count) {
  run("create table task (id integer primary key, key text unique, value text, state integer);"
      "create index todo on task (id) where state = 0;");
  run("begin");
  const auto insert = prepare(handle_, "insert into task values (?, ?, ?, 0)");
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto key = fmt::format("\"train/image-{}\"", i);
    const auto value = fmt::format(R"({{"path":"/data/train/{}.png","size":{}}})", i, i);
    sqlite3_bind_int64(insert.get(), 1, static_cast<std::int64_t>(i));
    sqlite3_bind_text(insert.get(), 2, key.c_str(), -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(insert.get(), 3, value.c_str(), -1, SQLITE_TRANSIENT);
    check(handle_, sqlite3_step(insert.get()));
    sqlite3_reset(insert.get());
  }
  run("commit");
}

std::vector<std::int64_t> RawQueue::claim(std::size_t count) {
  run("begin immediate");
  std::vector<std::int64_t> tasks;
  {
    const auto select =
        prepare(handle_, "select id, key, value from task where state=0 order by id limit ?");
    sqlite3_bind_int64(select.get(), 1, static_cast<std::int64_t>(count));
    while (sqlite3_step(select.get()) == SQLITE_ROW) {
      tasks.push_back(sqlite3_column_int64(select.get(), 0));
      sqlite3_column_text(select.get(), 2);
    }
  }
  const auto update = prepare(handle_, "update task set state=1 where id=?");
  for (const auto task : tasks) {
    sqlite3_bind_int64(update.get(), 1, task);
    check(handle_, sqlite3_step(update.get()));
    sqlite3_reset(update.get());
  }
  run("commit");
  return tasks;
}

void RawQueue::complete(const std::vector<std::int64_t>& tasks) {
  run("begin immediate");
  const auto update = prepare(handle_, "update task set state=2 where id=?");
  for (const auto task : tasks) {
    sqlite3_bind_int64(update.get(), 1, task);
    check(handle_, sqlite3_step(update.get()));
    sqlite3_reset(update.get());
  }
  run("commit");
}

}  // namespace h5flume::bench
