#pragma once
// SQLite, wrapped once: a connection, a prepared statement, the rows of one run of it. Everything here throws
// SqliteError; the catch sites are Store::open and the store thread. One thread at a time per connection (opened
// without SQLite's own mutex).

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace convd::store {

class SqliteError : public std::runtime_error {
 public:
  // `code` is SQLite's extended result code, `error_number` the errno behind it or 0.
  SqliteError(int code, int error_number, const std::string& message);

  int error_number() const { return error_number_; }
  bool disk_full() const;
  bool not_a_database() const;
  bool corrupt() const;
  bool constraint() const;
  // The connection cannot be trusted any more: close it and open another.
  bool broken() const;

 private:
  int code_;
  int error_number_;
};

// What was read is not what was written: `what` says how that shows.
SqliteError damaged_database(const std::string& what);

// The same of one row: the rest of the database, and the connection, are as good as before.
class DamagedRow : public SqliteError {
 public:
  explicit DamagedRow(const std::string& what) : SqliteError(damaged_database(what)) {}
};

class Database {
 public:
  enum class Access : std::uint8_t { read_write, read_only };

  // read_write creates the file when it is absent.
  Database(const std::string& path, Access access);

  // One or more statements without parameters or rows.
  void execute(const std::string& sql);
  // The first column of the first row of a statement such as "PRAGMA user_version".
  std::int64_t number(std::string_view sql);
  std::string text(std::string_view sql);

  bool in_transaction() const;
  std::int64_t changes() const;  // rows changed over this connection so far
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

class Statement {
 public:
  Statement(Database& database, std::string_view sql);

  void bind(int index, std::string_view value);
  void bind(int index, std::int64_t value);
  void bind(int index, int value) { bind(index, static_cast<std::int64_t>(value)); }
  template <typename T>
  void bind(int index, const std::optional<T>& value) {
    if (value) bind(index, *value);  // an unbound parameter is NULL
  }

  // Binds the arguments to ?1, ?2, ..., runs to the end and returns how many rows were changed.
  template <typename... Args>
  std::int64_t execute(const Args&... args);

 private:
  friend class Rows;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// One run of a statement. Its end resets the statement: a forgotten one would hold a read transaction open and with it
// the write-ahead log.
class Rows {
 public:
  template <typename... Args>
  explicit Rows(Statement& statement, const Args&... args) : statement_(statement) {
    int index = 0;
    (statement.bind(++index, args), ...);
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  bool next();
  std::int64_t changes() const;

  // Columns of the current row, counted from 0.
  void get(int column, std::string& value) const;
  void get(int column, std::int64_t& value) const;
  void get(int column, int& value) const;
  template <typename T>
  void get(int column, std::optional<T>& value) const {
    if (!is_null(column)) get(column, value.emplace());
  }
  std::int64_t number(int column) const;

 private:
  bool is_null(int column) const;
  Statement& statement_;
};

template <typename... Args>
std::int64_t Statement::execute(const Args&... args) {
  Rows rows(*this, args...);
  while (rows.next()) {
  }
  return rows.changes();
}

}  // namespace convd::store
