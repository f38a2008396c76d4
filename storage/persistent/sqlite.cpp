#include <fmt/format.h>
#include <sqlite3.h>

#include "core/error.h"
#include "storage/persistent/sqlite_internal.h"

namespace h5flume::sqlite {
namespace {

ErrorCode code_of(int result) noexcept {
  switch (result & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ErrorCode::kOutOfMemory;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorruptData;
    case SQLITE_CANTOPEN:
      return ErrorCode::kNotFound;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return ErrorCode::kRefused;
    case SQLITE_TOOBIG:
      return ErrorCode::kInvalidArgument;
    case SQLITE_BUSY:
      return ErrorCode::kTimeout;
    default:
      return ErrorCode::kIo;
  }
}

[[noreturn]] void fail(sqlite3* handle, int result) {
  const char* name = handle ? sqlite3_db_filename(handle, "main") : nullptr;
  const int system = handle ? sqlite3_system_errno(handle) : 0;
  const std::string cause = (result & 0xff) == SQLITE_IOERR && system != 0
                                ? fmt::format(" (errno {})", system)
                                : std::string();
  throw Error(code_of(result),
              fmt::format("database {}: {}{}", name ? name : "",
                          handle ? sqlite3_errmsg(handle) : sqlite3_errstr(result), cause));
}

void check(sqlite3* handle, int result) {
  if (result != SQLITE_OK) fail(handle, result);
}

void check(sqlite3_stmt* statement, int result) { check(sqlite3_db_handle(statement), result); }

// Readers meet a lock only while a process recovers the log of one that was killed.
constexpr int kBusyMilliseconds = 10'000;
constexpr std::int64_t kCheckpointBytes = std::int64_t{16} << 20U;
constexpr const char* kSettings =
    "pragma journal_mode=wal;"
    "pragma synchronous=normal;"
    "pragma wal_autocheckpoint=0;"
    "pragma mmap_size=0;"
    "pragma cache_size=-65536;"  // KiB
    "pragma foreign_keys=off;"
    "pragma trusted_schema=off;";

}  // namespace

// --- Statement ----------------------------------------------------------------------------------

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Statement& Statement::reset() noexcept {
  sqlite3_reset(handle_.get());
  return *this;
}

Statement& Statement::bind(int position, std::int64_t value) {
  check(handle_.get(), sqlite3_bind_int64(handle_.get(), position, value));
  return *this;
}

Statement& Statement::bind(int position, std::string_view text) {
  check(handle_.get(), sqlite3_bind_text64(handle_.get(), position, text.data() ? text.data() : "",
                                           text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_null(int position) {
  check(handle_.get(), sqlite3_bind_null(handle_.get(), position));
  return *this;
}

bool Statement::step() {
  const int result = sqlite3_step(handle_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  fail(sqlite3_db_handle(handle_.get()), result);
}

void Statement::run() {
  const Run run(*this);
  while (step()) {
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

std::string_view Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  return {text ? text : "", static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

// --- Database -----------------------------------------------------------------------------------

void Database::Close::operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }

Database::Database(const std::string& path, Mode mode, int page_bytes) : path_(path) {
  const int access = mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  const int create = mode == Mode::kCreate ? SQLITE_OPEN_CREATE : 0;
  sqlite3* handle = nullptr;
  const int result =
      sqlite3_open_v2(path.c_str(), &handle, access | create | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);
  check(handle, result);
  check(handle, sqlite3_extended_result_codes(handle, 1));
  check(handle, sqlite3_busy_timeout(handle, kBusyMilliseconds));
  // Closing is no moment of its own choosing either: see the class.
  check(handle, sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr));
  execute(fmt::format("pragma page_size={}", page_bytes).c_str());
  execute(kSettings);
  const auto kept_page_bytes = query_integer("pragma page_size").value_or(page_bytes);
  checkpoint_pages_ = static_cast<int>(kCheckpointBytes / kept_page_bytes);
  sqlite3_wal_hook(handle, &Database::committed, this);
  begin_ = prepare("begin immediate");
  commit_ = prepare("commit");
  rollback_ = prepare("rollback");
}

int Database::committed(void* self, sqlite3* /*handle*/, const char* /*name*/, int pages) {
  static_cast<Database*>(self)->log_pages_ = pages;
  return SQLITE_OK;
}

void Database::set_sync(Sync sync) {
  execute(sync == Sync::kYes ? "pragma synchronous=full" : "pragma synchronous=normal");
}

void Database::execute(const char* sql) {
  check(handle_.get(), sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr));
}

Statement Database::prepare(std::string_view sql) {
  Statement statement;
  sqlite3_stmt* handle = nullptr;
  check(handle_.get(), sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                          SQLITE_PREPARE_PERSISTENT, &handle, nullptr));
  statement.handle_.reset(handle);
  return statement;
}

std::optional<std::int64_t> Database::query_integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement.step()) return std::nullopt;
  return statement.integer(0);
}

std::int64_t Database::changes() const noexcept { return sqlite3_changes(handle_.get()); }

std::int64_t Database::last_inserted() const noexcept {
  return sqlite3_last_insert_rowid(handle_.get());
}

void Database::checkpoint_if_due() {
  if (log_pages_ < checkpoint_pages_ + pages_left_) return;
  int in_log = 0;
  int written = 0;
  const int result = sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                               &in_log, &written);
  if (result != SQLITE_BUSY) check(handle_.get(), result);
  // A log that is written out is begun anew by the next commit; one that a reader needs grows on.
  pages_left_ = written < in_log ? log_pages_ : 0;
}

// --- Transaction --------------------------------------------------------------------------------

Transaction::Transaction(Database& database) : database_(database) { database_.begin_.run(); }

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.rollback_.run();
  } catch (const Error&) {  // SQLite has rolled back by itself
  }
}

void Transaction::commit() {
  database_.commit_.run();
  open_ = false;
}

}  // namespace h5flume::sqlite
