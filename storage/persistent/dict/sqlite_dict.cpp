#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "core/error.h"
#include "storage/persistent/dict/dict_engine_internal.h"
#include "storage/persistent/sqlite_internal.h"

namespace h5flume::persistent {
namespace {

using sqlite::Database;
using sqlite::Run;
using sqlite::Statement;
using sqlite::Transaction;

constexpr std::int64_t kApplicationId = 0x68356664;  // "h5fd"
constexpr std::int64_t kFormat = 1;

constexpr const char* kSchema = R"(
  create table entries(
    sequence integer primary key,
    key text not null unique,
    value text not null,
    version integer not null);
  create table dict(
    identity integer not null,
    generation integer not null,
    last_version integer not null,
    size integer not null);
  pragma user_version = 1;
)";

std::int64_t random_identity() {
  std::random_device device;
  return static_cast<std::int64_t>((std::uint64_t{device()} << 32U) | device());
}

// A page of entries by a prepared statement over (sequence, version, key, value).
std::vector<DictRow> read_page(Statement& statement, std::uint64_t after, std::size_t limit) {
  const Run run(statement);
  run->bind(1, static_cast<std::int64_t>(after)).bind(2, static_cast<std::int64_t>(limit));
  std::vector<DictRow> rows;
  while (run->step()) {
    rows.push_back({static_cast<std::uint64_t>(run->integer(0)),
                    static_cast<std::uint64_t>(run->integer(1)), std::string(run->text(2)),
                    std::string(run->text(3))});
  }
  return rows;
}

constexpr std::string_view kPage =
    "select sequence, version, key, value from entries where sequence > ?1 "
    "order by sequence limit ?2";

// What both looks at a file have in common.
template <class Base>
class SqliteView : public Base {
 public:
  SqliteView(const std::string& path, Database::Mode mode) : database_(path, mode) {}

  std::uint64_t generation() override { return number(generation_, "generation"); }

  std::vector<DictRow> page(std::uint64_t after, std::size_t limit) override {
    return read_page(page_, after, limit);
  }

 protected:
  // To be called once the tables are there.
  void prepare() {
    page_ = database_.prepare(kPage);
    generation_ = database_.prepare("select generation from dict");
  }

  std::uint64_t number(Statement& statement, std::string_view what) {
    const Run run(statement);
    if (run->step()) return static_cast<std::uint64_t>(run->integer(0));
    throw Error(ErrorCode::kCorruptData,
                fmt::format("database {}: it has no {}", database_.path(), what));
  }

  Database database_;
  Statement page_, generation_;
};

class SqliteSnapshot : public SqliteView<DictView> {
 public:
  explicit SqliteSnapshot(const std::string& path) : SqliteView(path, Database::Mode::kReadOnly) {
    prepare();
    database_.execute("begin");
    generation();  // the first read is what the transaction sees from then on
  }
};

class SqliteDict : public SqliteView<DictEngine> {
 public:
  SqliteDict(const std::string& path, bool read_only)
      : SqliteView(path, read_only ? Database::Mode::kReadOnly : Database::Mode::kCreate) {
    if (read_only || database_.query_integer("pragma user_version") != 0) {
      check_format();
    } else {
      create();
    }
    prepare();
    find_ = database_.prepare("select sequence, version, value from entries where key = ?1");
    find_sequence_ = database_.prepare("select sequence from entries where key = ?1");
    update_ = database_.prepare("update entries set value = ?2, version = ?3 where sequence = ?1");
    insert_ = database_.prepare("insert into entries(key, value, version) values(?1, ?2, ?3)");
    erase_ = database_.prepare("delete from entries where key = ?1");
    finish_ =
        database_.prepare("update dict set generation = ?1, last_version = ?2, size = size + ?3");
    identity_ = database_.prepare("select identity from dict");
    size_ = database_.prepare("select size from dict");
    last_version_ = database_.prepare("select last_version from dict");
    if (!read_only) database_.set_sync(Database::Sync::kYes);
  }

  std::uint64_t identity() override { return number(identity_, "identity"); }
  std::uint64_t size() override { return number(size_, "size"); }
  std::uint64_t last_version() override { return number(last_version_, "last version"); }

  std::optional<DictRow> find(std::string_view key) override {
    const Run run(find_);
    run->bind(1, key);
    if (!run->step()) return std::nullopt;
    return DictRow{static_cast<std::uint64_t>(run->integer(0)),
                   static_cast<std::uint64_t>(run->integer(1)), std::string(key),
                   std::string(run->text(2))};
  }

  void apply(std::span<DictChange> changes, std::uint64_t generation,
             std::uint64_t last_version) override {
    Transaction transaction(database_);
    find_sequences(changes);
    update(changes);
    const auto added = erase_and_insert(changes);
    finish_.reset()
        .bind(1, static_cast<std::int64_t>(generation))
        .bind(2, static_cast<std::int64_t>(last_version))
        .bind(3, added)
        .run();
    transaction.commit();
    database_.checkpoint_if_due();
  }

  void clear(std::uint64_t generation, std::uint64_t last_version) override {
    Transaction transaction(database_);
    const auto size = static_cast<std::int64_t>(this->size());
    database_.execute("delete from entries");
    finish_.reset()
        .bind(1, static_cast<std::int64_t>(generation))
        .bind(2, static_cast<std::int64_t>(last_version))
        .bind(3, -size)
        .run();
    transaction.commit();
    database_.checkpoint_if_due();
  }

  std::unique_ptr<DictView> snapshot() override {
    return std::make_unique<SqliteSnapshot>(database_.path());
  }

  std::vector<std::string> check() override {
    std::vector<std::string> wrong;
    auto integrity = database_.prepare("pragma integrity_check");
    while (integrity.step()) {
      if (integrity.text(0) != "ok") wrong.emplace_back(integrity.text(0));
    }
    const auto counted = database_.query_integer("select count(*) from entries").value_or(0);
    if (static_cast<std::uint64_t>(counted) != size()) {
      wrong.push_back(fmt::format("there are {} entries, not {}", counted, size()));
    }
    return wrong;
  }

 private:
  void create() {
    Transaction transaction(database_);
    database_.execute(kSchema);
    database_.execute(fmt::format("pragma application_id = {}", kApplicationId).c_str());
    database_.execute(
        fmt::format("insert into dict values({}, 1, 0, 0)", random_identity()).c_str());
    transaction.commit();
  }

  void check_format() {
    if (database_.query_integer("pragma application_id") != kApplicationId) {
      throw Error(ErrorCode::kCorruptData,
                  fmt::format("database {}: it is not that of a dict", database_.path()));
    }
    const auto format = database_.query_integer("pragma user_version").value_or(0);
    if (format != kFormat) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("database {}: it has format {}, and this version of h5flume reads {}",
                              database_.path(), format, kFormat));
    }
  }

  // Whether the entry is there and keeps its place.
  static bool stays(const DictChange& change) { return change.value && !change.goes_last; }

  void find_sequences(std::span<DictChange> changes) {
    for (auto& change : changes) {
      if (!stays(change) || change.sequence != 0) continue;
      const Run run(find_sequence_);
      run->bind(1, change.key);
      if (run->step()) change.sequence = static_cast<std::uint64_t>(run->integer(0));
    }
  }

  // From one end of the file to the other.
  void update(std::span<const DictChange> changes) {
    std::vector<std::pair<std::uint64_t, const DictChange*>> known;  // by sequence
    known.reserve(changes.size());
    for (const auto& change : changes) {
      if (stays(change) && change.sequence != 0) known.emplace_back(change.sequence, &change);
    }
    std::sort(known.begin(), known.end());
    for (const auto& [sequence, change] : known) {
      update_.bind(1, static_cast<std::int64_t>(sequence))
          .bind(2, *change->value)
          .bind(3, static_cast<std::int64_t>(change->version))
          .run();
      if (database_.changes() == 1) continue;
      throw Error(ErrorCode::kCorruptData,
                  fmt::format("database {}: entry {} is missing", database_.path(), change->key));
    }
  }

  // Entries that go or come; returns how many there are more than before.
  std::int64_t erase_and_insert(std::span<DictChange> changes) {
    std::int64_t added = 0;
    for (auto& change : changes) {
      if (stays(change) && change.sequence != 0) continue;
      if (!stays(change)) {
        erase_.bind(1, change.key).run();
        added -= database_.changes();
      }
      if (!change.value) continue;
      insert_.bind(1, change.key)
          .bind(2, *change.value)
          .bind(3, static_cast<std::int64_t>(change.version))
          .run();
      change.sequence = static_cast<std::uint64_t>(database_.last_inserted());
      ++added;
    }
    return added;
  }

  Statement find_, find_sequence_, update_, insert_, erase_, finish_, identity_, size_,
      last_version_;
};

}  // namespace

std::unique_ptr<DictEngine> open_sqlite_dict(const std::string& path, bool read_only) {
  return std::make_unique<SqliteDict>(path, read_only);
}

}  // namespace h5flume::persistent
