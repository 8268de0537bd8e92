#include "convd/store/reader.h"
#include "convd/store/row_sum.h"
#include "convd/store/rows.h"
#include "convd/store/writer.h"

namespace convd::store {
namespace {

// Enough for estimates, small enough to be read at every start.
constexpr std::int64_t runtimes_kept = 10'000;
constexpr std::int64_t use_known_to_ms = 60'000;

}  // namespace

WriteTransaction::WriteTransaction(Database& database)
    : database_(database),
      begin_(database, "BEGIN IMMEDIATE"),
      commit_(database, "COMMIT"),
      rollback_(database, "ROLLBACK"),
      savepoint_(database, "SAVEPOINT operation"),
      release_(database, "RELEASE operation"),
      rollback_to_(database, "ROLLBACK TO operation"),
      insert_(database, insert_conversion_sql()),
      update_(database, update_conversion_sql()),
      remove_conversion_(database, "DELETE FROM conversions WHERE id = ?1"),
      find_result_(database, "SELECT " + conversion_column_names() +
                                 " FROM conversions WHERE id = ?1 AND status = 'completed' AND result_gone_ms IS NULL"),
      remove_result_(database,
                     "UPDATE conversions SET result_gone_ms = ?2, result_gone_why = ?3, rev = ?4, sum = ?5"
                     " WHERE id = ?1"),
      remove_notes_(database, "DELETE FROM notes WHERE conversion = ?1"),
      remove_keys_(database, "DELETE FROM idempotency_keys WHERE conversion = ?1"),
      expire_key_(database, "DELETE FROM idempotency_keys WHERE org = ?1 AND key = ?2 AND created_ms < ?3"),
      claim_key_(database,
                 "INSERT INTO idempotency_keys (org, key, fingerprint, conversion, created_ms, sum)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (org, key) DO NOTHING"),
      find_key_(database, idempotency_key_sql()),
      prune_keys_(database, prune_keys_sql()),
      may_note_(database,
                "SELECT EXISTS (SELECT 1 FROM conversions WHERE id = ?1 AND org = ?2),"
                " (SELECT count(*) FROM notes WHERE conversion = ?1)"),
      add_note_(database,
                "INSERT INTO notes (id, org, conversion, author, text, created_ms, sum)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
      put_(database,
           "INSERT INTO documents (org, name, media_type, sha256, size_bytes, created_ms, used_ms, sum)"
           " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)"
           " ON CONFLICT (org, name) DO UPDATE SET media_type = excluded.media_type, sha256 = excluded.sha256,"
           " size_bytes = excluded.size_bytes, created_ms = excluded.created_ms, used_ms = excluded.used_ms,"
           " sum = excluded.sum"),
      remove_document_(database, "DELETE FROM documents WHERE org = ?1 AND name = ?2"),
      use_document_(database,
                    "UPDATE documents SET used_ms = ?3 WHERE org = ?1 AND name = ?2 AND abs(?3 - used_ms) > " +
                        std::to_string(use_known_to_ms)),
      remove_unused_document_(
          database, "DELETE FROM documents WHERE org = ?1 AND name = ?2 AND used_ms < ?3 AND created_ms < ?3"),
      record_(database,
              "INSERT INTO runtimes (engine, source_format, target_format, input_bytes, wall_ms) VALUES (?1, ?2, ?3, "
              "?4, ?5)"),
      forget_(database, "DELETE FROM runtimes WHERE row <= (SELECT max(row) FROM runtimes) - ?1"),
      put_poison_(database,
                  "INSERT INTO poisons (sha256, engine, version, crashes, last_ms, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                  " ON CONFLICT (sha256, engine) DO UPDATE SET version = excluded.version, crashes = excluded.crashes,"
                  " last_ms = excluded.last_ms, sum = excluded.sum"),
      remove_poison_(database, "DELETE FROM poisons WHERE sha256 = ?1 AND engine = ?2"),
      blob_in_use_(database, blob_in_use_sql()),
      touch_(database, "PRAGMA user_version = " + std::to_string(database.number("PRAGMA user_version"))),
      log_(database) {}

void WriteTransaction::insert(const ConversionRow& row) {
  Binder bind(insert_);
  columns(bind, row);
  bind("sum", sum_of(row));
  insert_.execute();
}

bool WriteTransaction::update(const ConversionRow& row) {
  Binder bind(update_);
  changing_columns(bind, row);
  bind("sum", sum_of(row));
  bind("id", row.id);
  bind("attempt", row.attempt);
  bind("rev", row.rev);
  return update_.execute() > 0;
}

bool WriteTransaction::remove_conversion(const std::string& id) {
  const bool was_there = remove_conversion_.execute(id) > 0;
  remove_notes_.execute(id);
  remove_keys_.execute(id);
  return was_there;
}

std::optional<IdempotencyRow> WriteTransaction::claim_key(const IdempotencyRow& row, Millis live_since_ms) {
  expire_key_.execute(row.org, row.key, live_since_ms);
  if (claim_key_.execute(row.org, row.key, row.fingerprint, row.conversion, row.created_ms, sum_of(row)) > 0)
    return std::nullopt;
  Rows rows(find_key_, row.org, row.key);
  rows.next();
  return read_idempotency_key(rows);
}

std::int64_t WriteTransaction::prune_keys(Millis before_ms, int limit) {
  return prune_keys_.execute(before_ms, static_cast<std::int64_t>(limit));
}

bool WriteTransaction::remove_result(const std::string& id, Millis now_ms, const std::string& why) {
  const auto found = [&]() -> std::optional<ConversionRow> {
    Rows rows(find_result_, id);
    if (!rows.next()) return std::nullopt;
    return read_conversion(rows);
  }();
  if (!found) return false;
  ConversionRow row = *found;
  row.result_gone_ms = now_ms;
  row.result_gone_why = why;
  ++row.rev;
  remove_result_.execute(id, now_ms, why, row.rev, sum_of(row));
  return true;
}

Noted WriteTransaction::add_note(const NoteRow& row, int most) {
  {
    Rows rows(may_note_, row.conversion, row.org);
    rows.next();
    if (rows.number(0) == 0) return Noted::no_conversion;
    if (rows.number(1) >= most) return Noted::too_many;
  }
  add_note_.execute(row.id, row.org, row.conversion, row.author, row.text, row.created_ms, sum_of(row));
  return Noted::written;
}

void WriteTransaction::put(const DocumentRow& row) {
  put_.execute(row.org, row.name, row.media_type, row.sha256, row.size_bytes, row.created_ms, sum_of(row));
}

bool WriteTransaction::remove_document(const std::string& org, const std::string& name) {
  return remove_document_.execute(org, name) > 0;
}

void WriteTransaction::use_document(const std::string& org, const std::string& name, Millis now_ms) {
  use_document_.execute(org, name, now_ms);
}

bool WriteTransaction::remove_unused_document(const std::string& org, const std::string& name, Millis before_ms) {
  return remove_unused_document_.execute(org, name, before_ms) > 0;
}

void WriteTransaction::record(const RuntimeRow& row) {
  record_.execute(row.engine, row.from, row.to, row.input_bytes, row.wall_ms);
  forget_.execute(runtimes_kept);
}

void WriteTransaction::put(const PoisonRow& row) {
  if (row.crashes == 0) {
    remove_poison_.execute(row.sha256, row.engine);
    return;
  }
  put_poison_.execute(row.sha256, row.engine, row.version, row.crashes, row.last_ms, sum_of(row));
}

// SQLite writes the page of this number even where it stays the same, unlike that of a row.
void WriteTransaction::touch() {
  touch_.execute();
  ++touches_;
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
