#pragma once

#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "storage/persistent/sqlite_internal.h"
#include "tests/storage/persistent/tracker_fixture.h"
#include "tests/support/child_role.h"

namespace h5flume::test {

// A child that plays `role` on a tracker: its arguments are address, kind and then `more`.
inline ChildProcess start_on(const TrackerPlace& place, const std::string& role,
                             const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{place.address(), place.kind()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return start_child(role, arguments);
}

inline ProgressTracker open_in_child(const std::vector<std::string>& arguments,
                                     const TrackerOptions& options = {}) {
  return TrackerPlace::open_tracker(arguments.at(0), arguments.at(1), options);
}

inline void kill_and_reap(ChildProcess& child) {
  child.kill();
  child.wait();
}

// Whether SQLite finds nothing wrong; true for a tracker that is not in a folder.
inline bool is_intact(const TrackerPlace& place) {
  if (place.kind() != "process" && place.kind() != "power") return true;
  sqlite::Database database(place.address() + "/tracker.sqlite",
                            sqlite::Database::Mode::kReadWrite);
  auto check = database.prepare("pragma integrity_check");
  return check.step() && check.text(0) == "ok";
}

}  // namespace h5flume::test
