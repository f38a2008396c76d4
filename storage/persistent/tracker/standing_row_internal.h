#pragma once

#include <string_view>

#include "storage/persistent/sqlite_internal.h"
#include "storage/persistent/tracker/standing_internal.h"

namespace h5flume::persistent {

/// The columns of a Standing, of the table progress under the name p, to be selected first.
inline constexpr std::string_view kStanding =
    "p.sequence, p.state, p.tries, p.due_us, p.token, p.settled, p.was_aborted";
inline constexpr int kStandingColumns = 7;

inline Standing standing_of(const sqlite::Statement& row) {
  return {.sequence = row.integer(0),
          .state = static_cast<TaskState>(row.integer(1)),
          .tries = row.integer(2),
          .due_us = row.integer(3),
          .token = row.integer(4),
          .settled = static_cast<Settled>(row.integer(5)),
          .was_aborted = row.integer(6) != 0};
}

}  // namespace h5flume::persistent
