#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/persistent/sqlite_internal.h"
#include "storage/persistent/tracker/tracker_store_internal.h"

namespace h5flume::persistent {

/// What may be read of a tracker by anybody at any time: each member is a short read transaction.
///
/// Threads: those of its database.
class TrackerView {
 public:
  explicit TrackerView(sqlite::Database& database);

  TrackerStatus status();
  TrackerSettings settings();
  std::optional<TaskRecord> find(const std::string& key);
  std::vector<TaskRecord> page(std::uint64_t after, std::size_t limit,
                               const ProgressTracker::States& states);

  /// The first time, by boot_time_us(), at which a lease ends or a waiting time does; one in the
  /// past if a task is due. Aborted tasks that are due are left out, as most claims do.
  std::int64_t next_event_us(std::int64_t now_us);

 private:
  std::int64_t last_sequence();

  sqlite::Database& database_;
  sqlite::Statement status_, find_, page_, last_sequence_, next_lease_, next_due_;
};

}  // namespace h5flume::persistent
