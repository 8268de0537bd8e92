#include "convd/store/reader.h"
#include "convd/store/rows.h"
#include "convd/store/writer.h"

namespace convd::store {
namespace {

// Enough for estimates, small enough to be read at every start.
constexpr std::int64_t runtimes_kept = 10'000;

}  // namespace

WriteTransaction::WriteTransaction(Database& database)
    : begin_(database, "BEGIN IMMEDIATE"),
      commit_(database, "COMMIT"),
      rollback_(database, "ROLLBACK"),
      savepoint_(database, "SAVEPOINT operation"),
      release_(database, "RELEASE operation"),
      rollback_to_(database, "ROLLBACK TO operation"),
      insert_(database, insert_conversion_sql()),
      update_(database, update_conversion_sql()),
      remove_conversion_(database, "DELETE FROM conversions WHERE id = ?1"),
      remove_notes_(database, "DELETE FROM notes WHERE conversion = ?1"),
      may_note_(database,
                "SELECT EXISTS (SELECT 1 FROM conversions WHERE id = ?1 AND org = ?2),"
                " (SELECT count(*) FROM notes WHERE conversion = ?1)"),
      add_note_(database,
                "INSERT INTO notes (id, org, conversion, author, text, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
      put_(database,
           "INSERT INTO documents (org, name, media_type, sha256, size_bytes, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, "
           "?6)"
           " ON CONFLICT (org, name) DO UPDATE SET media_type = excluded.media_type, sha256 = excluded.sha256,"
           " size_bytes = excluded.size_bytes, created_ms = excluded.created_ms"),
      remove_document_(database, "DELETE FROM documents WHERE org = ?1 AND name = ?2"),
      record_(database,
              "INSERT INTO runtimes (engine, source_format, target_format, input_bytes, wall_ms) VALUES (?1, ?2, ?3, "
              "?4, ?5)"),
      forget_(database, "DELETE FROM runtimes WHERE row <= (SELECT max(row) FROM runtimes) - ?1"),
      blob_in_use_(database, blob_in_use_sql()),
      log_(database) {}

void WriteTransaction::insert(const ConversionRow& row) {
  columns(Binder(insert_), row);
  insert_.execute();
}

bool WriteTransaction::update(const ConversionRow& row) {
  Binder bind(update_);
  changing_columns(bind, row);
  bind("id", row.id);
  return update_.execute() > 0;
}

void WriteTransaction::remove_conversion(const std::string& id) {
  remove_conversion_.execute(id);
  remove_notes_.execute(id);
}

Noted WriteTransaction::add_note(const NoteRow& row, int most) {
  {
    Rows rows(may_note_, row.conversion, row.org);
    rows.next();
    if (rows.number(0) == 0) return Noted::no_conversion;
    if (rows.number(1) >= most) return Noted::too_many;
  }
  add_note_.execute(row.id, row.org, row.conversion, row.author, row.text, row.created_ms);
  return Noted::written;
}

void WriteTransaction::put(const DocumentRow& row) {
  put_.execute(row.org, row.name, row.media_type, row.sha256, row.size_bytes, row.created_ms);
}

bool WriteTransaction::remove_document(const std::string& org, const std::string& name) {
  return remove_document_.execute(org, name) > 0;
}

void WriteTransaction::record(const RuntimeRow& row) {
  record_.execute(row.engine, row.from, row.to, row.input_bytes, row.wall_ms);
  forget_.execute(runtimes_kept);
}

void WriteTransaction::maybe_drop_blob(const std::string& sha256) {
  drops_.push_back(sha256);
}

void WriteTransaction::begin() {
  begin_.execute();
}

void WriteTransaction::commit() {
  commit_.execute();
}

void WriteTransaction::rollback(Database& database) {
  drops_.clear();
  log_.rollback();
  // SQLite has rolled back by itself when the disk was full or failed in the middle.
  if (database.in_transaction()) rollback_.execute();
}

void WriteTransaction::begin_operation() {
  drops_before_operation_ = drops_.size();
  log_.begin_operation();
  savepoint_.execute();
}

void WriteTransaction::keep_operation() {
  release_.execute();
}

void WriteTransaction::undo_operation() {
  drops_.resize(drops_before_operation_);
  log_.undo_operation();
  rollback_to_.execute();
  release_.execute();
}

bool WriteTransaction::blob_in_use(const std::string& sha256) {
  Rows rows(blob_in_use_, sha256);
  return rows.next() && rows.number(0) != 0;
}

std::vector<std::string> WriteTransaction::take_drops() {
  return std::exchange(drops_, {});
}

}  // namespace convd::store
