#include <fmt/format.h>

#include <charconv>

#include "core/error.h"
#include "storage/persistent/boot_clock_internal.h"
#include "storage/persistent/tracker/tracker_schema_internal.h"

namespace h5flume::persistent {
namespace {

constexpr std::int64_t kApplication = 0x68356674;  // "h5ft"
constexpr std::int64_t kVersion = 1;

// State numbers are those of TaskState.
constexpr const char* kTables = R"sql(
create table tracker (
  max_tries integer not null,
  backoff_first_ms integer not null,
  backoff_factor text not null,
  backoff_longest_ms integer not null,
  boot_id text not null,
  last_sequence integer not null,
  last_version integer not null,
  last_token integer not null,
  last_owner integer not null,
  earliest_end_us integer not null,
  todo integer not null,
  leased integer not null,
  done integer not null,
  aborted integer not null,
  exhausted integer not null,
  tried integer not null,
  tries integer not null
) strict;
create table task (
  sequence integer primary key,
  key text not null unique,
  value text not null,
  version integer not null
) strict;
create table progress (
  sequence integer primary key,
  state integer not null,
  tries integer not null,
  due_us integer not null,
  token integer not null,
  settled integer not null,
  was_aborted integer not null
) strict;
create index due on progress (due_us) where state = 0;
create index set_aside on progress (due_us) where state = 3;
create table lease (
  token integer primary key,
  sequence integer not null,
  key text not null,
  owner integer not null,
  ends_us integer not null
) strict;
create table outcome (
  sequence integer primary key,
  result text,
  error text
) strict;
insert into tracker values (0, 0, '2', 3600000, '', 0, 0, 0, 0, 9223372036854775807,
                            0, 0, 0, 0, 0, 0, 0);
)sql";

void make_tables(sqlite::Database& database) {
  sqlite::Transaction transaction(database);
  database.execute(kTables);
  database.execute(
      fmt::format("pragma application_id={}; pragma user_version={}", kApplication, kVersion)
          .c_str());
  write_tracker_boot(database, boot_id());
  transaction.commit();
}

}  // namespace

void open_tracker_schema(sqlite::Database& database, bool create) {
  const auto number = [&](const char* sql) { return database.query_integer(sql).value_or(0); };
  if (number("select count(*) from sqlite_schema") == 0) {
    if (!create) {
      throw Error(ErrorCode::kNotFound,
                  fmt::format("database {}: there is no tracker in it", database.path()));
    }
    return make_tables(database);
  }
  if (number("pragma application_id") != kApplication) {
    throw Error(ErrorCode::kCorruptData,
                fmt::format("database {}: it is no tracker of h5flume", database.path()));
  }
  if (const auto version = number("pragma user_version"); version != kVersion) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("database {}: it has version {} of the layout, and this h5flume knows "
                            "version {}",
                            database.path(), version, kVersion));
  }
}

TrackerSettings settings_of(const sqlite::Statement& row, int first) {
  double factor = 0;
  const auto text = row.text(first + 2);
  if (std::from_chars(text.data(), text.data() + text.size(), factor).ec != std::errc()) {
    throw Error(ErrorCode::kCorruptData, "tracker: its settings are damaged");
  }
  return {.max_tries = static_cast<std::uint64_t>(row.integer(first)),
          .backoff = {.first = std::chrono::milliseconds(row.integer(first + 1)),
                      .factor = factor,
                      .longest = std::chrono::milliseconds(row.integer(first + 3))}};
}

TrackerSettings read_tracker_settings(sqlite::Database& database) {
  auto row = database.prepare(fmt::format("select {} from tracker", kSettingsColumns));
  row.step();
  return settings_of(row, 0);
}

void write_tracker_settings(sqlite::Database& database, const TrackerSettings& settings) {
  const auto factor = fmt::format("{}", settings.backoff.factor);
  database
      .prepare(
          "update tracker set max_tries=?, backoff_first_ms=?, backoff_factor=?, "
          "backoff_longest_ms=?")
      .bind(1, static_cast<std::int64_t>(settings.max_tries))
      .bind(2, static_cast<std::int64_t>(settings.backoff.first.count()))
      .bind(3, factor)
      .bind(4, static_cast<std::int64_t>(settings.backoff.longest.count()))
      .run();
}

std::string read_tracker_boot(sqlite::Database& database) {
  auto row = database.prepare("select boot_id from tracker");
  return row.step() ? std::string(row.text(0)) : std::string();
}

void write_tracker_boot(sqlite::Database& database, const std::string& boot) {
  database.prepare("update tracker set boot_id=?").bind(1, boot).run();
}

}  // namespace h5flume::persistent
