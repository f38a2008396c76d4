#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/persistent/sqlite_internal.h"
#include "storage/persistent/tracker/standing_internal.h"

namespace h5flume::persistent {

/// Numbers that change with almost every transaction. They are kept in one row.
struct Counters {
  std::int64_t last_sequence = 0;
  std::int64_t last_version = 0;
  std::int64_t last_token = 0;
  std::int64_t last_owner = 0;
  std::int64_t earliest_end_us = 0;  ///< no lease ends sooner
  TrackerStatus status;
};

/// A task that a claim may take.
struct Candidate {
  Standing standing;
  std::string key;
  std::string value;
};

/// A task that somebody has.
struct Lease {
  Standing standing;
  std::int64_t owner = 0;
  std::int64_t ends_us = 0;
};

/// The rows of a tracker, for whoever is inside the gate and in a transaction.
///
/// Every change of where a task stands goes through put(), which keeps the counters and the leases
/// right.
///
/// Threads: those of its database.
class TrackerLedger {
 public:
  explicit TrackerLedger(sqlite::Database& database);

  Counters counters;
  TrackerSettings settings;
  void load();           // both
  void save_counters();  // those alone

  /// After a change of max_tries, which `settings` has already: todo and exhausted ones by it.
  void reclassify();
  /// All exhausted ones to todo, without tries; returns how many.
  std::uint64_t reset_exhausted();
  /// Nobody waits any more, and no lease will end.
  void end_waiting_times();

  // --- tasks ------------------------------------------------------------------------------------

  std::optional<Standing> find(std::string_view key);

  /// Where the new task stands; nothing if the key is there already.
  std::optional<Standing> insert(std::string_view key, std::string_view value);
  void remove(const Standing& task);
  void remove_all();

  /// Puts a task from where it stood to where it stands now. Not to kLeased: see lease_out().
  void put(const Standing& before, const Standing& after);

  /// False if the version is another or the task is not there.
  bool replace_value(std::string_view key, std::int64_t version, std::string_view value);
  void set_value(std::int64_t sequence, std::string_view value);
  void set_result(std::int64_t sequence, std::string_view result);
  void set_error(std::int64_t sequence, std::string_view error);
  void drop_outcome(std::int64_t sequence);
  void drop_result(std::int64_t sequence);

  // --- candidates, in the order in which they are to be handed out ------------------------------

  std::vector<Candidate> due(std::int64_t now_us, std::size_t limit);
  /// Aborted ones that have tries left.
  std::vector<Candidate> set_aside(std::int64_t now_us, std::uint64_t max_tries, std::size_t limit);
  /// Both, or the first kind alone, by their sequence.
  std::vector<Candidate> due_after(std::int64_t sequence, std::int64_t now_us,
                                   std::optional<std::uint64_t> max_tries_if_aborted,
                                   std::size_t limit);
  std::optional<Candidate> candidate(std::string_view key);

  // --- leases -----------------------------------------------------------------------------------

  /// Puts a task to kLeased, whose token `after` has.
  void lease_out(const Standing& before, const Standing& after, std::string_view key,
                 std::int64_t owner, std::int64_t ends_us);
  void extend(std::int64_t token, std::int64_t owner, std::int64_t ends_us);

  /// Where the task stands that is leased under a token.
  std::optional<Standing> find_lease(std::int64_t token, std::string_view key);
  std::vector<Lease> leases();

 private:
  void count(const Standing& task, std::int64_t by);
  void write(const Standing& task);

  sqlite::Database& database_;
  sqlite::Statement load_, save_;
  sqlite::Statement find_, insert_task_, insert_progress_, write_;
  sqlite::Statement replace_value_, set_value_, set_result_, set_error_, drop_outcome_,
      drop_result_;
  sqlite::Statement due_, set_aside_, due_after_, candidate_;
  sqlite::Statement insert_lease_, extend_, delete_lease_, find_lease_, leases_;
};

}  // namespace h5flume::persistent
