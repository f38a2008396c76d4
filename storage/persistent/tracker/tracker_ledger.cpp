// Counters and tasks. Candidates and leases are in tracker_ledger_claims.cpp.

#include <fmt/format.h>

#include <limits>

#include "core/error.h"
#include "storage/persistent/tracker/standing_row_internal.h"
#include "storage/persistent/tracker/tracker_ledger_internal.h"
#include "storage/persistent/tracker/tracker_schema_internal.h"

namespace h5flume::persistent {
namespace {

std::string candidates_where(std::string_view condition) {
  return fmt::format("select {}, t.key, t.value from progress p join task t using (sequence) {}",
                     kStanding, condition);
}

std::uint64_t& count_of(TrackerStatus& status, TaskState state, const std::string& path) {
  switch (state) {
    case TaskState::kTodo:
      return status.todo;
    case TaskState::kLeased:
      return status.leased;
    case TaskState::kDone:
      return status.done;
    case TaskState::kAborted:
      return status.aborted;
    case TaskState::kExhausted:
      return status.exhausted;
  }
  throw Error(ErrorCode::kCorruptData,
              fmt::format("database {}: a task is in no state that there is", path));
}

}  // namespace

TrackerLedger::TrackerLedger(sqlite::Database& database)
    : database_(database),
      load_(database.prepare(fmt::format(
          "select last_sequence, last_version, last_token, last_owner, earliest_end_us, todo, "
          "leased, done, aborted, exhausted, tried, tries, {} from tracker",
          kSettingsColumns))),
      save_(database.prepare(
          "update tracker set last_sequence=?, last_version=?, last_token=?, last_owner=?, "
          "earliest_end_us=?, todo=?, leased=?, done=?, aborted=?, exhausted=?, tried=?, tries=?")),
      find_(database.prepare(fmt::format(
          "select {} from task t join progress p using (sequence) where t.key=?", kStanding))),
      insert_task_(
          database.prepare("insert into task (sequence, key, value, version) values (?, ?, ?, ?) "
                           "on conflict (key) do nothing")),
      insert_progress_(database.prepare("insert into progress values (?, 0, 0, 0, 0, 0, 0)")),
      write_(database.prepare("update progress set state=?, tries=?, due_us=?, token=?, settled=?, "
                              "was_aborted=? where sequence=?")),
      replace_value_(
          database.prepare("update task set value=?, version=? where key=? and version=?")),
      set_value_(database.prepare("update task set value=?, version=? where sequence=?")),
      set_result_(database.prepare("insert into outcome (sequence, result) values (?, ?) on "
                                   "conflict (sequence) do update set result=excluded.result")),
      set_error_(database.prepare("insert into outcome (sequence, error) values (?, ?) on "
                                  "conflict (sequence) do update set error=excluded.error")),
      drop_outcome_(database.prepare("delete from outcome where sequence=?")),
      drop_result_(database.prepare("update outcome set result=null where sequence=?")),
      due_(database.prepare(candidates_where(
          "where p.state=0 and p.due_us<=? order by p.due_us, p.sequence limit ?"))),
      set_aside_(database.prepare(
          candidates_where("where p.state=3 and p.due_us<=?1 and (?2=0 or p.tries<?2) "
                           "order by p.due_us, p.sequence limit ?3"))),
      due_after_(database.prepare(
          fmt::format("select {}, t.key, t.value from progress p not indexed join task t using "
                      "(sequence) where p.sequence>?1 and p.due_us<=?2 and (p.state=0 or p.state=3 "
                      "and (?3=0 or p.tries<?3)) order by p.sequence limit ?4",
                      kStanding))),
      candidate_(database.prepare(candidates_where("where t.key=?"))),
      insert_lease_(database.prepare(
          "insert into lease (token, sequence, key, owner, ends_us) values (?, ?, ?, ?, ?)")),
      extend_(database.prepare("update lease set owner=?, ends_us=? where token=?")),
      delete_lease_(database.prepare("delete from lease where token=?")),
      find_lease_(database.prepare(
          fmt::format("select {} from lease l join progress p using (sequence) where l.token=? and "
                      "l.key=?",
                      kStanding))),
      leases_(database.prepare(
          fmt::format("select {}, l.owner, l.ends_us from lease l join progress p using (sequence)",
                      kStanding))) {}

// --- counters -----------------------------------------------------------------------------------

void TrackerLedger::load() {
  const sqlite::Run row(load_);
  if (!row->step()) {
    throw Error(ErrorCode::kCorruptData,
                fmt::format("database {}: the tracker's counters are missing", database_.path()));
  }
  const auto count = [&](int column) { return static_cast<std::uint64_t>(row->integer(column)); };
  counters = {.last_sequence = row->integer(0),
              .last_version = row->integer(1),
              .last_token = row->integer(2),
              .last_owner = row->integer(3),
              .earliest_end_us = row->integer(4),
              .status = {.total = count(5) + count(6) + count(7) + count(8) + count(9),
                         .todo = count(5),
                         .leased = count(6),
                         .done = count(7),
                         .aborted = count(8),
                         .exhausted = count(9),
                         .tried = count(10),
                         .tries = count(11)}};
  settings = settings_of(load_, 12);
}

void TrackerLedger::save_counters() {
  save_.reset();
  int position = 0;
  for (const auto number : {counters.last_sequence, counters.last_version, counters.last_token,
                            counters.last_owner, counters.earliest_end_us}) {
    save_.bind(++position, number);
  }
  const auto& status = counters.status;
  for (const auto number : {status.todo, status.leased, status.done, status.aborted,
                            status.exhausted, status.tried, status.tries}) {
    save_.bind(++position, static_cast<std::int64_t>(number));
  }
  save_.run();
}

void TrackerLedger::reclassify() {
  const auto max_tries = static_cast<std::int64_t>(settings.max_tries);
  const auto run = [&](const char* sql, std::uint64_t& from, std::uint64_t& to) {
    database_.prepare(sql).bind(1, max_tries).run();
    from -= static_cast<std::uint64_t>(database_.changes());
    to += static_cast<std::uint64_t>(database_.changes());
  };
  auto& status = counters.status;
  run("update progress set state=4, due_us=min(due_us, 1) where state=0 and ?1>0 and tries>=?1",
      status.todo, status.exhausted);
  run("update progress set state=0 where state=4 and (?1=0 or tries<?1)", status.exhausted,
      status.todo);
}

std::uint64_t TrackerLedger::reset_exhausted() {
  auto& status = counters.status;
  const auto count = status.exhausted;
  if (count == 0) return 0;
  const auto sum =
      database_.query_integer("select sum(tries) from progress where state=4").value_or(0);
  const auto tried =
      database_.query_integer("select count(*) from progress where state=4 and tries>0");
  database_.execute("update progress set state=0, tries=0, due_us=0 where state=4");
  status.exhausted = 0;
  status.todo += count;
  status.tried -= static_cast<std::uint64_t>(tried.value_or(0));
  status.tries -= static_cast<std::uint64_t>(sum);
  return count;
}

// Done and exhausted tasks keep no time: see by_tries().
void TrackerLedger::end_waiting_times() {
  database_.execute(
      "update progress set due_us=1 where state=0 and due_us>1;"
      "update progress set due_us=1 where state=3 and due_us>1");
  counters.earliest_end_us = std::numeric_limits<std::int64_t>::max();
}

// Unsigned arithmetic: what is taken away has been added before.
void TrackerLedger::count(const Standing& task, std::int64_t by) {
  auto& status = counters.status;
  const auto step = static_cast<std::uint64_t>(by);
  status.total += step;
  count_of(status, task.state, database_.path()) += step;
  if (task.tries > 0) status.tried += step;
  status.tries += step * static_cast<std::uint64_t>(task.tries);
}

// --- tasks --------------------------------------------------------------------------------------

std::optional<Standing> TrackerLedger::find(std::string_view key) {
  const sqlite::Run row(find_);
  row->bind(1, key);
  if (!row->step()) return std::nullopt;
  return standing_of(*row.operator->());
}

std::optional<Standing> TrackerLedger::insert(std::string_view key, std::string_view value) {
  const Standing task{.sequence = counters.last_sequence + 1};
  insert_task_.reset()
      .bind(1, task.sequence)
      .bind(2, key)
      .bind(3, value)
      .bind(4, counters.last_version + 1)
      .run();
  if (database_.changes() == 0) return std::nullopt;
  insert_progress_.reset().bind(1, task.sequence).run();
  ++counters.last_sequence;
  ++counters.last_version;
  count(task, 1);
  return task;
}

void TrackerLedger::remove(const Standing& task) {
  if (task.state == TaskState::kLeased) delete_lease_.reset().bind(1, task.token).run();
  drop_outcome(task.sequence);
  for (const char* sql :
       {"delete from progress where sequence=?", "delete from task where sequence=?"}) {
    database_.prepare(sql).bind(1, task.sequence).run();
  }
  count(task, -1);
}

void TrackerLedger::remove_all() {
  database_.execute(
      "delete from lease; delete from outcome; delete from progress; "
      "delete from task");
  counters.status = {};
}

void TrackerLedger::write(const Standing& task) {
  write_.reset()
      .bind(1, static_cast<std::int64_t>(task.state))
      .bind(2, task.tries)
      .bind(3, task.due_us)
      .bind(4, task.token)
      .bind(5, static_cast<std::int64_t>(task.settled))
      .bind(6, std::int64_t{task.was_aborted})
      .bind(7, task.sequence)
      .run();
}

void TrackerLedger::put(const Standing& before, const Standing& after) {
  if (before == after) return;
  const bool was_leased = before.state == TaskState::kLeased;
  if (was_leased && after.state != TaskState::kLeased) {
    delete_lease_.reset().bind(1, before.token).run();
  }
  write(after);
  count(before, -1);
  count(after, 1);
}

bool TrackerLedger::replace_value(std::string_view key, std::int64_t version,
                                  std::string_view value) {
  replace_value_.reset()
      .bind(1, value)
      .bind(2, counters.last_version + 1)
      .bind(3, key)
      .bind(4, version)
      .run();
  if (database_.changes() == 0) return false;
  ++counters.last_version;
  return true;
}

void TrackerLedger::set_value(std::int64_t sequence, std::string_view value) {
  set_value_.reset().bind(1, value).bind(2, ++counters.last_version).bind(3, sequence).run();
}

void TrackerLedger::set_result(std::int64_t sequence, std::string_view result) {
  set_result_.reset().bind(1, sequence).bind(2, result).run();
}

void TrackerLedger::set_error(std::int64_t sequence, std::string_view error) {
  set_error_.reset().bind(1, sequence).bind(2, error).run();
}

void TrackerLedger::drop_outcome(std::int64_t sequence) {
  drop_outcome_.reset().bind(1, sequence).run();
}

void TrackerLedger::drop_result(std::int64_t sequence) {
  drop_result_.reset().bind(1, sequence).run();
}

}  // namespace h5flume::persistent
