#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "storage/persistent/tracker/tracker_schema_internal.h"
#include "storage/persistent/tracker/tracker_view_internal.h"

namespace h5flume::persistent {
namespace {

constexpr std::string_view kRecord =
    "select p.sequence, t.version, t.key, t.value, o.result, o.error, p.state, p.tries "
    "from progress p join task t using (sequence) left join outcome o using (sequence)";

// Rows that one read transaction looks at: the log can be begun anew between two.
constexpr std::uint64_t kRowsAtOnce = 1 << 16;

TaskRecord record_of(const sqlite::Statement& row) {
  return {.sequence = static_cast<std::uint64_t>(row.integer(0)),
          .version = static_cast<std::uint64_t>(row.integer(1)),
          .key = std::string(row.text(2)),
          .value = std::string(row.text(3)),
          .result = std::string(row.text(4)),
          .error = std::string(row.text(5)),
          .state = static_cast<TaskState>(row.integer(6)),
          .tries = static_cast<std::uint64_t>(row.integer(7))};
}

// One bit for each state; none stands for all.
std::int64_t bits_of(const ProgressTracker::States& states) {
  std::int64_t bits = states.empty() ? 0x1f : 0;
  for (const auto state : states) bits |= std::int64_t{1} << static_cast<unsigned>(state);
  return bits;
}

}  // namespace

TrackerView::TrackerView(sqlite::Database& database)
    : database_(database),
      status_(database.prepare(
          "select todo, leased, done, aborted, exhausted, tried, tries from tracker")),
      find_(database.prepare(fmt::format("{} where t.key=?", kRecord))),
      page_(database.prepare(fmt::format("{} where p.sequence>?1 and p.sequence<=?2 and "
                                         "(?3>>p.state)&1 order by p.sequence limit ?4",
                                         kRecord))),
      last_sequence_(database.prepare("select last_sequence from tracker")),
      next_lease_(database.prepare("select earliest_end_us from tracker")),
      next_due_(database.prepare(
          "select min(due) from (select min(due_us) as due from progress where state=0 union all "
          "select min(due_us) from progress where state=3 and due_us>?1)")) {}

TrackerStatus TrackerView::status() {
  const sqlite::Run row(status_);
  if (!row->step()) {
    throw Error(ErrorCode::kCorruptData,
                fmt::format("database {}: the tracker's counters are missing", database_.path()));
  }
  const auto count = [&](int column) { return static_cast<std::uint64_t>(row->integer(column)); };
  return {.total = count(0) + count(1) + count(2) + count(3) + count(4),
          .todo = count(0),
          .leased = count(1),
          .done = count(2),
          .aborted = count(3),
          .exhausted = count(4),
          .tried = count(5),
          .tries = count(6)};
}

TrackerSettings TrackerView::settings() { return read_tracker_settings(database_); }

std::optional<TaskRecord> TrackerView::find(const std::string& key) {
  const sqlite::Run row(find_);
  row->bind(1, key);
  if (!row->step()) return std::nullopt;
  return record_of(find_);
}

std::int64_t TrackerView::last_sequence() {
  const sqlite::Run row(last_sequence_);
  return row->step() ? row->integer(0) : 0;
}

std::vector<TaskRecord> TrackerView::page(std::uint64_t after, std::size_t limit,
                                          const ProgressTracker::States& states) {
  std::vector<TaskRecord> found;
  const auto last = static_cast<std::uint64_t>(last_sequence());
  for (auto from = after; from < last && found.size() < limit; from += kRowsAtOnce) {
    const sqlite::Run rows(page_);
    rows->bind(1, static_cast<std::int64_t>(from))
        .bind(2, static_cast<std::int64_t>(from + kRowsAtOnce))
        .bind(3, bits_of(states))
        .bind(4, static_cast<std::int64_t>(limit - found.size()));
    while (rows->step()) found.push_back(record_of(page_));
  }
  return found;
}

std::int64_t TrackerView::next_event_us(std::int64_t now_us) {
  auto next = std::numeric_limits<std::int64_t>::max();
  for (auto* const statement : {&next_lease_, &next_due_}) {
    const sqlite::Run row(*statement);
    if (statement == &next_due_) row->bind(1, now_us);
    if (row->step() && !row->is_null(0)) next = std::min(next, row->integer(0));
  }
  return next;
}

}  // namespace h5flume::persistent
