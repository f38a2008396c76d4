// A persistent dict of 100,000 entries of 99 bytes of JSON, beside SQLite and LMDB used by hand:
// reads and writes of random keys, in one process.
//
//   dict_bench [--benchmark_...]

#include <benchmark/benchmark.h>
#include <lmdb.h>
#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "storage/persistent/persistent_dict.h"

namespace h5flume {
namespace {

constexpr int kEntries = 100'000;

// A folder of its own, gone at the end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "h5flume-bench-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string name_of(std::uint32_t number) { return "key" + std::to_string(number); }

// Another one every time: SQLite does not write what is there already.
Json value_of(std::uint32_t number, std::uint32_t time = 0) {
  return {{"file", "train/" + std::to_string(number) + ".png"},
          {"time", 1'000'000 + time},
          {"width", 640},
          {"height", 480},
          {"label", number % 1000},
          {"mean", 0.4375},
          {"ok", true}};
}

std::uint32_t next(std::mt19937& random) { return random() % kEntries; }

// --- the dict
// -------------------------------------------------------------------------------------

PersistentDict filled_dict(const std::string& path, const DictOptions& options) {
  {
    PersistentDict dict(path);
    std::vector<DictItem> items;
    for (int number = 0; number < kEntries; ++number) {
      items.push_back({name_of(number), value_of(number)});
    }
    dict.update(items);
  }
  return PersistentDict(path, options);
}

void dict_get(benchmark::State& state, std::size_t cache_bytes) {
  const Folder folder;
  const auto dict = filled_dict(folder.file("dict"), {.cache_bytes = cache_bytes});
  if (cache_bytes > 0) {
    for (int number = 0; number < kEntries; ++number) dict.find(name_of(number));
  }
  std::mt19937 random(1);
  for (auto _ : state) benchmark::DoNotOptimize(dict.find(name_of(next(random))));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(dict_get, cached, std::size_t{64} << 20U);
BENCHMARK_CAPTURE(dict_get, not_cached, std::size_t{0});

void dict_put(benchmark::State& state, Durability durability) {
  const Folder folder;
  auto dict = filled_dict(folder.file("dict"), {.durability = durability});
  std::mt19937 random(1);
  std::uint32_t puts = 0;
  for (auto _ : state) {
    const auto number = next(random);
    dict.set(name_of(number), value_of(number, ++puts));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(dict_put, process, Durability::kProcess);
BENCHMARK_CAPTURE(dict_put, power, Durability::kPower);
BENCHMARK_CAPTURE(dict_put, batched, Durability::kBatched);

// What the benchmarks of puts spend on making a value, and any store has to on its text.
void value_alone(benchmark::State& state) {
  std::mt19937 random(1);
  for (auto _ : state) benchmark::DoNotOptimize(value_of(next(random), 1).dump());
}
BENCHMARK(value_alone);

// --- SQLite by hand
// -------------------------------------------------------------------------------

class RawSqlite {
 public:
  explicit RawSqlite(const std::string& path, bool sync) {
    check(sqlite3_open(path.c_str(), &handle_));
    run("pragma journal_mode=wal");
    run(sync ? "pragma synchronous=full" : "pragma synchronous=normal");
    run("pragma wal_autocheckpoint=0");
    run("pragma mmap_size=0");
    run("pragma cache_size=-65536");
    run("create table entries(sequence integer primary key, key text not null unique, "
        "value text not null)");
    put_ = prepare(
        "insert into entries(key, value) values(?1, ?2) "
        "on conflict(key) do update set value = excluded.value");
    get_ = prepare("select value from entries where key = ?1");
    run("begin");
    for (int number = 0; number < kEntries; ++number) put(name_of(number), value_of(number).dump());
    run("commit");
    checkpoint();
  }
  ~RawSqlite() {
    sqlite3_finalize(put_);
    sqlite3_finalize(get_);
    sqlite3_close(handle_);
  }

  void run(const char* sql) { check(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr)); }
  void checkpoint() {
    sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  }
  void put(const std::string& key, const std::string& value) {
    bind(put_, 1, key);
    bind(put_, 2, value);
    if (sqlite3_step(put_) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(handle_));
    sqlite3_reset(put_);
  }
  std::string get(const std::string& key) {
    bind(get_, 1, key);
    if (sqlite3_step(get_) != SQLITE_ROW) throw std::runtime_error(sqlite3_errmsg(handle_));
    std::string value(reinterpret_cast<const char*>(sqlite3_column_text(get_, 0)),
                      static_cast<std::size_t>(sqlite3_column_bytes(get_, 0)));
    sqlite3_reset(get_);
    return value;
  }

 private:
  void check(int result) {
    if (result != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(handle_));
  }
  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr));
    return statement;
  }
  static void bind(sqlite3_stmt* statement, int position, const std::string& text) {
    sqlite3_bind_text(statement, position, text.data(), static_cast<int>(text.size()),
                      SQLITE_STATIC);
  }

  sqlite3* handle_ = nullptr;
  sqlite3_stmt* put_ = nullptr;
  sqlite3_stmt* get_ = nullptr;
};

void sqlite_get(benchmark::State& state) {
  const Folder folder;
  RawSqlite database(folder.file("db"), false);
  std::mt19937 random(1);
  for (auto _ : state) benchmark::DoNotOptimize(database.get(name_of(next(random))));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(sqlite_get);

void sqlite_put(benchmark::State& state, bool sync, std::uint32_t batch) {
  const Folder folder;
  RawSqlite database(folder.file("db"), sync);
  std::mt19937 random(1);
  std::uint32_t puts = 0;
  for (auto _ : state) {
    if (puts % batch == 0) database.run("begin immediate");
    const auto number = next(random);
    database.put(name_of(number), value_of(number, puts).dump());
    if (++puts % batch == 0) database.run("commit");
    if (puts % 1000 == 0) database.checkpoint();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(sqlite_put, one_no_fsync, false, 1);
BENCHMARK_CAPTURE(sqlite_put, one_fsync, true, 1);
BENCHMARK_CAPTURE(sqlite_put, thousand_fsync, true, 1000);

// --- LMDB by hand
// ---------------------------------------------------------------------------------

class RawLmdb {
 public:
  RawLmdb(const std::string& path, unsigned flags) {
    check(mdb_env_create(&environment_));
    check(mdb_env_set_mapsize(environment_, std::size_t{1} << 30U));
    check(mdb_env_open(environment_, path.c_str(), MDB_NOSUBDIR | flags, 0600));
    begin(0);
    check(mdb_dbi_open(transaction_, nullptr, 0, &database_));
    for (int number = 0; number < kEntries; ++number) put(name_of(number), value_of(number).dump());
    commit();
  }
  ~RawLmdb() { mdb_env_close(environment_); }

  void begin(unsigned flags) { check(mdb_txn_begin(environment_, nullptr, flags, &transaction_)); }
  void commit() { check(mdb_txn_commit(transaction_)); }
  void put(const std::string& key, const std::string& value) {
    MDB_val stored_key = of(key);
    MDB_val stored_value = of(value);
    check(mdb_put(transaction_, database_, &stored_key, &stored_value, 0));
  }
  std::string get(const std::string& key) {
    MDB_val stored_key = of(key);
    MDB_val stored_value{};
    check(mdb_get(transaction_, database_, &stored_key, &stored_value));
    return {static_cast<const char*>(stored_value.mv_data), stored_value.mv_size};
  }

 private:
  static MDB_val of(const std::string& text) {
    return {text.size(), const_cast<char*>(text.data())};
  }
  static void check(int result) {
    if (result != 0) throw std::runtime_error(mdb_strerror(result));
  }

  MDB_env* environment_ = nullptr;
  MDB_txn* transaction_ = nullptr;
  MDB_dbi database_ = 0;
};

void lmdb_get(benchmark::State& state) {
  const Folder folder;
  RawLmdb database(folder.file("db"), MDB_NOSYNC);
  std::mt19937 random(1);
  for (auto _ : state) {
    database.begin(MDB_RDONLY);
    benchmark::DoNotOptimize(database.get(name_of(next(random))));
    database.commit();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(lmdb_get);

void lmdb_put(benchmark::State& state, unsigned flags, std::uint32_t batch) {
  const Folder folder;
  RawLmdb database(folder.file("db"), flags);
  std::mt19937 random(1);
  std::uint32_t puts = 0;
  for (auto _ : state) {
    if (puts % batch == 0) database.begin(0);
    const auto number = next(random);
    database.put(name_of(number), value_of(number, puts).dump());
    if (++puts % batch == 0) database.commit();
  }
  if (puts % batch != 0) database.commit();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(lmdb_put, one_no_fsync, MDB_NOSYNC, 1);
BENCHMARK_CAPTURE(lmdb_put, one_fsync, 0, 1);
BENCHMARK_CAPTURE(lmdb_put, thousand_fsync, 0, 1000);

}  // namespace
}  // namespace h5flume

BENCHMARK_MAIN();
