// Opening, closing, reading and waiting.

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/test_point.h"
#include "storage/persistent/boot_clock_internal.h"
#include "storage/persistent/store_folder_internal.h"
#include "storage/persistent/tracker/sqlite_tracker_internal.h"
#include "storage/persistent/tracker/tracker_schema_internal.h"

namespace h5flume::persistent {
namespace {

using Mode = sqlite::Database::Mode;

std::string in_folder(const std::string& path, const char* name) { return path + "/" + name; }

// The gate, after the folder has been made or found.
std::string gate_path(const std::string& path, const TrackerOptions& options) {
  const auto access = options.read_only ? Access::kReadOnly
                      : options.create  ? Access::kCreate
                                        : Access::kReadWrite;
  open_store_folder(path, access, "tracker");
  return in_folder(path, "gate");
}

}  // namespace

// --- opening ------------------------------------------------------------------------------------

SqliteTracker::Writer::Writer(const std::string& path, Mode mode)
    : database(path, mode, kPageBytes),
      ledger((open_tracker_schema(database, mode == Mode::kCreate), database)) {}

SqliteTracker::Reader::Reader(const std::string& path, Mode mode)
    : database(path, mode), view((open_tracker_schema(database, false), database)) {}

SqliteTracker::SqliteTracker(const std::string& path, const TrackerOptions& options)
    : path_(path),
      durability_(options.durability),
      gate_(gate_path(path, options), options.read_only) {
  const auto pass = gate_.enter();
  try {
    open(options);
  } catch (...) {  // what is open already is closed inside the gate, too
    writer_.reset();
    throw;
  }
}

void SqliteTracker::open(const TrackerOptions& options) {
  const auto file = in_folder(path_, "tracker.sqlite");
  if (options.read_only) {
    reader_ = std::make_unique<Reader>(file, Mode::kReadOnly);
    return;
  }
  owners_ = OwnerLocks(in_folder(path_, "owners"));
  signal_ = ChangeSignal(gate_.descriptor(), in_folder(path_, "gate"));
  writer_ = std::make_unique<Writer>(file, options.create ? Mode::kCreate : Mode::kReadWrite);
  if (options.durability == Durability::kPower) {
    writer_->database.set_sync(sqlite::Database::Sync::kYes);
  }
  void_times_of_another_start();
  keep_settings(options);
  reader_ = std::make_unique<Reader>(file, Mode::kReadWrite);
}

// Locks and times of another start of the machine mean nothing: whoever had a lease is dead, and
// nobody waits.
void SqliteTracker::void_times_of_another_start() {
  const auto boot = boot_id();
  if (read_tracker_boot(writer_->database) == boot) return;
  Change change(*this);
  for (const auto& lease : change->leases()) {
    change->put(lease.standing, taken_back(lease.standing, change->settings, change.now_us()));
  }
  change->end_waiting_times();
  write_tracker_boot(writer_->database, boot);
  change.commit();
}

void SqliteTracker::keep_settings(const TrackerOptions& options) {
  const auto kept = read_tracker_settings(writer_->database);
  const TrackerSettings wanted{.max_tries = options.max_tries.value_or(kept.max_tries),
                               .backoff = options.backoff.value_or(kept.backoff)};
  if (wanted.max_tries == kept.max_tries && wanted.backoff == kept.backoff) return;
  Change change(*this);
  write_tracker_settings(writer_->database, wanted);
  change->settings = wanted;
  change->reclassify();
  change.commit();
  signal_.announce();
}

// In a child by fork() the connections are left alone, as SQLite demands: they go with the child.
SqliteTracker::~SqliteTracker() {
  try {
    const auto pass = gate_.enter();
    reader_.reset();
    writer_.reset();
  } catch (const Error&) {
    static_cast<void>(reader_.release());
    static_cast<void>(writer_.release());
  }
}

// --- changing -----------------------------------------------------------------------------------

void SqliteTracker::require_writer() const {
  if (writer_) return;
  throw Error(ErrorCode::kRefused,
              fmt::format("change tracker {}: it was opened only for reading", path_));
}

WriterGate::Pass SqliteTracker::pass_for_change() {
  require_writer();
  return gate_.enter();
}

SqliteTracker::Change::Change(SqliteTracker& tracker)
    : tracker_(tracker),
      pass_(tracker.pass_for_change()),
      transaction_(tracker.writer_->database),
      now_us_(boot_time_us()) {
  tracker.writer_->ledger.load();
}

void SqliteTracker::Change::commit() {
  auto& writer = *tracker_.writer_;
  writer.ledger.save_counters();
  test_point("tracker change", 0);
  transaction_.commit();
  test_point("tracker commit", 0);
  writer.database.checkpoint_if_due();
  pass_.leave();
}

// Whatever is committed with the log's being written out takes all commits before it along.
void SqliteTracker::sync() {
  const auto pass = pass_for_change();
  auto& database = writer_->database;
  database.set_sync(sqlite::Database::Sync::kYes);
  Change(*this).commit();
  if (durability_ != Durability::kPower) database.set_sync(sqlite::Database::Sync::kNo);
}

// --- reading ------------------------------------------------------------------------------------

SqliteTracker::Look SqliteTracker::look() {
  gate_.check_process();
  return {std::unique_lock(reading_), &reader_->view};
}

TrackerStatus SqliteTracker::status() { return look()->status(); }

TrackerSettings SqliteTracker::settings() { return look()->settings(); }

std::optional<TaskRecord> SqliteTracker::find(const std::string& key) { return look()->find(key); }

std::vector<TaskRecord> SqliteTracker::page(std::uint64_t after, std::size_t limit,
                                            const ProgressTracker::States& states) {
  return look()->page(after, limit, states);
}

// --- waiting ------------------------------------------------------------------------------------

std::uint64_t SqliteTracker::change_count() {
  gate_.check_process();
  return writer_ ? signal_.count() : 0;
}

void SqliteTracker::wait(std::uint64_t seen,
                         std::optional<std::chrono::steady_clock::time_point> deadline) {
  require_writer();
  const auto now_us = boot_time_us();
  const auto next_us = look()->next_event_us(now_us);
  auto until = std::chrono::steady_clock::now() + kLookForDeathsEvery;
  const auto event = std::chrono::microseconds(std::max<std::int64_t>(next_us - now_us, 0));
  if (event < kLookForDeathsEvery) until += event - kLookForDeathsEvery;
  if (deadline) until = std::min(until, *deadline);
  signal_.wait(seen, until);
}

}  // namespace h5flume::persistent

namespace h5flume {

std::unique_ptr<TrackerStore> open_sqlite_tracker(const std::string& path,
                                                  const TrackerOptions& options) {
  return std::make_unique<persistent::SqliteTracker>(path, options);
}

}  // namespace h5flume
