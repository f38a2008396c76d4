#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace h5flume::sqlite {

/// A prepared statement. Values are bound and read by position, from 1 and from 0 as SQLite counts.
///
///   auto row = select.reset().bind(1, key);
///   if (row.step()) use(row.text(0));
///
/// Text that is bound or read is not copied: what is bound must live until the statement has been
/// stepped through, what is read is good until the next step() or reset().
///
/// Lifetime: not beyond its Database. Threads: those of its Database.
class Statement {
 public:
  Statement() = default;

  /// Ready to run from the beginning. A statement that is left in the middle keeps a read
  /// transaction open: see Run.
  Statement& reset() noexcept;

  Statement& bind(int position, std::int64_t value);
  Statement& bind(int position, std::string_view text);
  Statement& bind_null(int position);

  /// The next row; false after the last. Throws as Database::execute() does.
  bool step();

  /// Steps to the end, for statements without rows, and resets.
  void run();

  std::int64_t integer(int column) const;
  std::string_view text(int column) const;
  bool is_null(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

/// Resets a statement when the scope ends, so that it does not keep a read transaction open.
class [[nodiscard]] Run {
 public:
  explicit Run(Statement& statement) : statement_(statement.reset()) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { statement_.reset(); }

  Statement* operator->() const noexcept { return &statement_; }

 private:
  Statement& statement_;
};

/// One connection to a database file, in write-ahead-log mode.
///
/// SQLite before 3.51.3 can corrupt a file when a checkpoint of the log meets a writer, so here
/// nothing happens by itself: checkpoints are made by checkpoint_if_due() alone, and opening,
/// writing, that, and closing belong inside the writer gate (writer_gate_internal.h). The file is
/// never mapped into memory, for the same reason.
///
/// Errors: kOutOfMemory for a full disk, kCorruptData for a damaged file, kIo and so on, naming the
/// file and what SQLite says.
/// Threads: for one at a time. A connection must not be used, nor closed, in a child by fork().
class Database {
 public:
  enum class Mode { kCreate, kReadWrite, kReadOnly };

  /// When a commit has reached the disk: kYes before it returns; kNo some time later, in order, so
  /// that a power failure loses the last commits but damages nothing.
  enum class Sync { kYes, kNo };

  /// Opens the file, with Sync::kNo. Throws kNotFound if it is not there and not to be created.
  /// `page_bytes`, a power of 2 from 512 on, is for a new one: a commit writes whole pages.
  Database(const std::string& path, Mode mode, int page_bytes = 4096);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void set_sync(Sync sync);

  /// Runs SQL without parameters and without rows.
  void execute(const char* sql);

  /// A statement that will be used again and again.
  Statement prepare(std::string_view sql);

  /// The first column of the first row, if there is one.
  std::optional<std::int64_t> query_integer(std::string_view sql);

  /// Rows that the last statement changed.
  std::int64_t changes() const noexcept;

  /// The `integer primary key` of the row that was inserted last.
  std::int64_t last_inserted() const noexcept;

  /// Writes what the log holds into the database once it has grown to 16 MiB, as far as readers
  /// allow; waits for none of them. Not sooner: a checkpoint waits for the disk twice, whatever the
  /// durability, and what changes often it writes once, however often the log has it.
  void checkpoint_if_due();

  const std::string& path() const noexcept { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept;
  };
  friend class Transaction;
  static int committed(void* self, sqlite3* handle, const char* name, int pages);

  std::string path_;
  int log_pages_ = 0;  // after the last commit of this connection
  int checkpoint_pages_ = 0;
  int pages_left_ = 0;  // by the last checkpoint, because a reader needs them
  std::unique_ptr<sqlite3, Close> handle_;
  Statement begin_, commit_, rollback_;
};

/// A transaction that writes: nothing of it is kept unless commit() is called.
class [[nodiscard]] Transaction {
 public:
  explicit Transaction(Database& database);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  /// Throws as Database::execute() does; nothing is kept then.
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace h5flume::sqlite
