#pragma once

#include <string>

#include "storage/persistent/sqlite_internal.h"
#include "storage/persistent/tracker/tracker_store_internal.h"

// The tables of a tracker: docs/progress-tracker.md describes them.
namespace h5flume::persistent {

/// Makes the tables if the database is empty and `create` allows it. Inside the gate.
///
/// Throws kNotFound if there are none and none are to be made, kCorruptData if the database is
/// something else, kUnsupported if a later version of h5flume has made it.
void open_tracker_schema(sqlite::Database& database, bool create);

/// The columns of the table tracker that make up TrackerSettings, and their values in a row
/// that has them from `first` on. Throws kCorruptData.
inline constexpr const char* kSettingsColumns =
    "max_tries, backoff_first_ms, backoff_factor, backoff_longest_ms";
TrackerSettings settings_of(const sqlite::Statement& row, int first);

TrackerSettings read_tracker_settings(sqlite::Database& database);
void write_tracker_settings(sqlite::Database& database, const TrackerSettings& settings);

/// The start of the machine that the times in the tracker belong to.
std::string read_tracker_boot(sqlite::Database& database);
void write_tracker_boot(sqlite::Database& database, const std::string& boot);

}  // namespace h5flume::persistent
