#include "convd/store/sqlite.h"

#include <sqlite3.h>

#include <cerrno>

namespace convd::store {
namespace {

constexpr int primary(int code) {
  return code & 0xff;
}

[[noreturn]] void fail(sqlite3* handle, int code) {
  if (handle == nullptr) throw SqliteError(code, 0, sqlite3_errstr(code));
  throw SqliteError(sqlite3_extended_errcode(handle), sqlite3_system_errno(handle), sqlite3_errmsg(handle));
}

}  // namespace

SqliteError::SqliteError(int code, int error_number, const std::string& message)
    : std::runtime_error("sqlite: " + message), code_(code), error_number_(error_number) {}

bool SqliteError::disk_full() const {
  const bool from_disk = primary(code_) == SQLITE_IOERR || primary(code_) == SQLITE_CANTOPEN;
  return primary(code_) == SQLITE_FULL || (from_disk && (error_number_ == ENOSPC || error_number_ == EDQUOT));
}

bool SqliteError::not_a_database() const {
  return primary(code_) == SQLITE_NOTADB;
}

bool SqliteError::corrupt() const {
  return primary(code_) == SQLITE_CORRUPT;
}

bool SqliteError::constraint() const {
  return primary(code_) == SQLITE_CONSTRAINT;
}

bool SqliteError::broken() const {
  switch (primary(code_)) {
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_MISUSE:
      return true;
    default:
      return false;
  }
}

SqliteError damaged_database(const std::string& what) {
  return {SQLITE_CORRUPT, 0, what};
}

Database::Database(const std::string& path, Access access) {
  const int mode = access == Access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail(handle, code);
  sqlite3_busy_timeout(handle, 5000);
}

void Database::Close::operator()(sqlite3* handle) const noexcept {
  sqlite3_close_v2(handle);
}

void Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(handle_.get(), code);
}

std::int64_t Database::number(std::string_view sql) {
  Statement statement(*this, sql);
  Rows rows(statement);
  return rows.next() ? rows.number(0) : 0;
}

std::string Database::text(std::string_view sql) {
  Statement statement(*this, sql);
  Rows rows(statement);
  std::string value;
  if (rows.next()) rows.get(0, value);
  return value;
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_.get()) == 0;
}

std::int64_t Database::changes() const {
  return sqlite3_total_changes64(handle_.get());
}

Statement::Statement(Database& database, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  handle_.reset(statement);
  if (code != SQLITE_OK) fail(database.handle(), code);
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

void Statement::bind(int index, std::string_view value) {
  // An empty view may have no data at all, which SQLite would take for NULL.
  const char* data = value.data() == nullptr ? "" : value.data();
  const int code = sqlite3_bind_text64(handle_.get(), index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) fail(sqlite3_db_handle(handle_.get()), code);
}

void Statement::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_.get(), index, value);
  if (code != SQLITE_OK) fail(sqlite3_db_handle(handle_.get()), code);
}

Rows::~Rows() {
  sqlite3_reset(statement_.handle_.get());
  sqlite3_clear_bindings(statement_.handle_.get());
}

bool Rows::next() {
  const int code = sqlite3_step(statement_.handle_.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) fail(sqlite3_db_handle(statement_.handle_.get()), code);
  return code == SQLITE_ROW;
}

std::int64_t Rows::changes() const {
  return sqlite3_changes64(sqlite3_db_handle(statement_.handle_.get()));
}

void Rows::get(int column, std::string& value) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.handle_.get(), column));
  const int size = sqlite3_column_bytes(statement_.handle_.get(), column);
  if (bytes == nullptr) {
    value.clear();
  } else {
    value.assign(bytes, static_cast<std::size_t>(size));
  }
}

void Rows::get(int column, std::int64_t& value) const {
  value = number(column);
}

void Rows::get(int column, int& value) const {
  value = static_cast<int>(number(column));
}

std::int64_t Rows::number(int column) const {
  return sqlite3_column_int64(statement_.handle_.get(), column);
}

bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_.handle_.get(), column) == SQLITE_NULL;
}

}  // namespace convd::store
