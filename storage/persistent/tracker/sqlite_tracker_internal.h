#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/persistent/sqlite_internal.h"
#include "storage/persistent/tracker/change_signal_internal.h"
#include "storage/persistent/tracker/owner_locks_internal.h"
#include "storage/persistent/tracker/tracker_ledger_internal.h"
#include "storage/persistent/tracker/tracker_view_internal.h"
#include "storage/persistent/writer_gate_internal.h"

namespace h5flume::persistent {

/// A tracker in a folder: docs/progress-tracker.md describes what is in it.
///
/// Two connections: one that writes, used inside the gate only, and one that reads, so that a
/// reader waits for no writer. Both are opened and closed inside the gate.
class SqliteTracker final : public TrackerStore {
 public:
  SqliteTracker(const std::string& path, const TrackerOptions& options);
  SqliteTracker(const SqliteTracker&) = delete;
  SqliteTracker& operator=(const SqliteTracker&) = delete;
  ~SqliteTracker() override;

  std::uint64_t add(std::span<const NewRecord> tasks, AddMode mode) override;
  void restore(std::span<const TaskRecord> tasks) override;
  std::optional<TaskRecord> find(const std::string& key) override;
  std::vector<TaskRecord> page(std::uint64_t after, std::size_t limit,
                               const ProgressTracker::States& states) override;
  bool erase(const std::string& key) override;
  void clear() override;
  bool replace_value(const std::string& key, std::uint64_t version,
                     std::string_view value) override;
  std::optional<std::uint64_t> change(const std::string& key, TaskChange change) override;
  std::uint64_t retry_exhausted() override;

  std::vector<ClaimedTask> claim(const ClaimRequest& request) override;
  std::vector<std::size_t> settle(std::span<const Settlement> settlements) override;
  std::vector<std::size_t> renew(std::span<const Settlement> claims,
                                 std::chrono::milliseconds lease) override;

  TrackerStatus status() override;
  TrackerSettings settings() override;
  std::uint64_t change_count() override;
  void wait(std::uint64_t seen,
            std::optional<std::chrono::steady_clock::time_point> deadline) override;
  void sync() override;

 private:
  static constexpr int kPageBytes = 1024;  // a commit writes whole pages

  // A connection and its statements, after a look whether the database is a tracker.
  struct Writer {
    Writer(const std::string& path, sqlite::Database::Mode mode);
    sqlite::Database database;
    TrackerLedger ledger;
  };
  struct Reader {
    Reader(const std::string& path, sqlite::Database::Mode mode);
    sqlite::Database database;
    TrackerView view;
  };

  // One change: inside the gate, in a transaction, with the counters at hand. Nothing of it is kept
  // unless commit() is called, which leaves the gate.
  class [[nodiscard]] Change {
   public:
    explicit Change(SqliteTracker& tracker);
    void commit();

    TrackerLedger* operator->() const noexcept { return &tracker_.writer_->ledger; }
    std::int64_t now_us() const noexcept { return now_us_; }  // when the gate had been passed

   private:
    SqliteTracker& tracker_;
    WriterGate::Pass pass_;
    sqlite::Transaction transaction_;
    std::int64_t now_us_;
  };

  // A read, while no other thread of this process reads.
  struct [[nodiscard]] Look {
    std::unique_lock<std::mutex> alone;
    TrackerView* view;
    TrackerView* operator->() const noexcept { return view; }
  };
  Look look();

  void require_writer() const;
  WriterGate::Pass pass_for_change();
  void open(const TrackerOptions& options);
  void void_times_of_another_start();
  void keep_settings(const TrackerOptions& options);

  void restore_one(Change& change, const TaskRecord& task);

  std::vector<Candidate> candidates(Change& change, const ClaimRequest& request);
  std::vector<Candidate> candidate_of_key(Change& change, const ClaimRequest& request);
  std::size_t take_back_expired(Change& change);
  std::size_t take_back_from_dead(Change& change);
  bool settle_one(Change& change, const Settlement& settlement);
  bool renew_one(Change& change, const Settlement& claim, std::int64_t ends_us);
  std::int64_t owner(Change& change);

  static constexpr auto kLookForDeathsEvery = std::chrono::milliseconds(100);

  std::string path_;
  Durability durability_;
  WriterGate gate_;
  OwnerLocks owners_;
  ChangeSignal signal_;
  std::unique_ptr<Writer> writer_;  // none: only for reading
  std::mutex reading_;
  std::unique_ptr<Reader> reader_;

  // Of the thread inside the gate:
  std::int64_t owner_ = 0;  // none yet
  std::chrono::steady_clock::time_point looked_for_deaths_;
};

}  // namespace h5flume::persistent
