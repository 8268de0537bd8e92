#include "convd/store/reader.h"

#include <algorithm>

#include "convd/store/log.h"
#include "convd/store/row_sum.h"
#include "convd/store/rows.h"

namespace convd::store {
namespace {

constexpr int longest_list = 10'000;
// After every id: ids are hexadecimal digits and hyphens.
constexpr std::string_view after_every_id = "~";

std::int64_t bounded(int limit) {
  return std::clamp(limit, 0, longest_list);
}

// The last conversion of a document is looked up, not stored twice: one step in conversions_filename, one by id.
constexpr std::string_view document_select =
    "SELECT d.org, d.name, d.media_type, d.sha256, d.size_bytes, d.created_ms, c.id, c.status, d.sum FROM documents d"
    " LEFT JOIN conversions c ON c.id ="
    " (SELECT n.id FROM conversions n INDEXED BY conversions_filename WHERE n.org = d.org AND n.filename = d.name"
    " ORDER BY n.id DESC LIMIT 1)";

DocumentRow read_document(const Rows& rows) {
  DocumentRow row;
  rows.get(0, row.org);
  rows.get(1, row.name);
  rows.get(2, row.media_type);
  rows.get(3, row.sha256);
  rows.get(4, row.size_bytes);
  rows.get(5, row.created_ms);
  rows.get(6, row.last_conversion);
  rows.get(7, row.last_status);
  check_sum(rows, 8, row, "documents");
  return row;
}

constexpr std::string_view note_columns = "id, org, conversion, author, text, created_ms, sum";
constexpr std::string_view key_columns = "org, key, fingerprint, conversion, created_ms, sum";
constexpr std::string_view poison_columns = "sha256, engine, version, crashes, last_ms, sum";
constexpr std::string_view event_columns = "org, seq, prev, ts_ms, service, type, subject, data_json, sum";

EventRow read_event(const Rows& rows) {
  EventRow row;
  rows.get(0, row.org);
  rows.get(1, row.seq);
  rows.get(2, row.prev);
  rows.get(3, row.ts_ms);
  rows.get(4, row.service);
  rows.get(5, row.type);
  rows.get(6, row.subject);
  rows.get(7, row.data_json);
  check_sum(rows, 8, row, "events");
  return row;
}

NoteRow read_note(const Rows& rows) {
  NoteRow row;
  rows.get(0, row.id);
  rows.get(1, row.org);
  rows.get(2, row.conversion);
  rows.get(3, row.author);
  rows.get(4, row.text);
  rows.get(5, row.created_ms);
  check_sum(rows, 6, row, "notes");
  return row;
}

RuntimeRow read_runtime(const Rows& rows) {
  RuntimeRow row;
  rows.get(0, row.engine);
  rows.get(1, row.from);
  rows.get(2, row.to);
  rows.get(3, row.input_bytes);
  rows.get(4, row.wall_ms);
  return row;
}

PoisonRow read_poison(const Rows& rows) {
  PoisonRow row;
  rows.get(0, row.sha256);
  rows.get(1, row.engine);
  rows.get(2, row.version);
  rows.get(3, row.crashes);
  rows.get(4, row.last_ms);
  check_sum(rows, 5, row, "poisons");
  return row;
}

Usage read_usage(Rows& rows) {
  if (!rows.next()) return {};
  return {rows.number(0), rows.number(1), rows.number(2), rows.number(3)};
}

template <typename Read>
auto all(Rows& rows, Read read) {
  std::vector<decltype(read(rows))> found;
  while (rows.next()) found.push_back(read(rows));
  return found;
}

// Without those that are damaged.
template <typename Read>
auto sound(Rows& rows, Read read) {
  std::vector<decltype(read(rows))> found;
  while (rows.next()) {
    try {
      found.push_back(read(rows));
    } catch (const DamagedRow& error) {
      log()->error("ignored: {}", error.what());
    }
  }
  return found;
}

// Throws DamagedEvent.
std::vector<EventRow> events_of(Rows& rows) {
  try {
    return all(rows, read_event);
  } catch (const DamagedRow& error) {
    log()->error("an event cannot be told: {}", error.what());
    throw DamagedEvent(error.what());
  }
}

}  // namespace

std::string list_sql(Filter filter) {
  const bool by_status = filter == Filter::status || filter == Filter::both;
  const bool by_filename = filter == Filter::filename || filter == Filter::both;
  return "SELECT " + conversion_column_names() + " FROM conversions WHERE org = ?1" +
         (by_status ? " AND status = ?2" : "") + (by_filename ? " AND filename = ?3" : "") +
         " AND id < ?4 ORDER BY id DESC LIMIT ?5";
}

std::string unfinished_sql() {
  return "SELECT " + conversion_column_names() +
         " FROM conversions WHERE status IN ('pending', 'processing') ORDER BY id";
}

std::string reusable_sql() {
  return "SELECT " + conversion_column_names() +
         " FROM conversions WHERE org = ?1 AND reuse_key = ?2 AND result_gone_ms IS NULL AND status = 'completed'"
         " ORDER BY id DESC LIMIT 1";
}

std::string idempotency_key_sql() {
  return "SELECT " + std::string(key_columns) + " FROM idempotency_keys WHERE org = ?1 AND key = ?2";
}

std::string prune_keys_sql() {
  return "DELETE FROM idempotency_keys WHERE row IN"
         " (SELECT row FROM idempotency_keys WHERE created_ms < ?1 ORDER BY created_ms LIMIT ?2)";
}

std::string document_sql() {
  return std::string(document_select) + " WHERE d.org = ?1 AND d.name = ?2";
}

std::string documents_sql() {
  return std::string(document_select) + " WHERE d.org = ?1 AND d.name > ?2 ORDER BY d.name LIMIT ?3";
}

std::string notes_sql() {
  return "SELECT " + std::string(note_columns) + " FROM notes WHERE org = ?1 AND conversion = ?2 ORDER BY row";
}

std::string events_sql() {
  return "SELECT " + std::string(event_columns) +
         " FROM events WHERE org = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4";
}

std::string newest_events_sql() {
  return "SELECT " + std::string(event_columns) +
         " FROM events WHERE org = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT ?3";
}

std::string count_events_sql() {
  return "SELECT count(*) FROM events WHERE org = ?1 AND service = ?2 AND seq > ?3 AND seq <= ?4";
}

std::string count_events_of_subject_sql() {
  return "SELECT count(*) FROM events INDEXED BY events_subject WHERE org = ?1 AND subject = ?2 AND seq > ?3"
         " AND seq <= ?4 AND service = ?5";
}

std::string poisons_sql() {
  return "SELECT " + std::string(poison_columns) + " FROM poisons ORDER BY last_ms DESC LIMIT ?1";
}

std::string blob_in_use_sql() {
  return "SELECT EXISTS (SELECT 1 FROM documents WHERE sha256 = ?1) OR EXISTS"
         " (SELECT 1 FROM conversions WHERE input_sha256 = ?1 AND status IN ('pending', 'processing'))";
}

IdempotencyRow read_idempotency_key(const Rows& rows) {
  IdempotencyRow row;
  rows.get(0, row.org);
  rows.get(1, row.key);
  rows.get(2, row.fingerprint);
  rows.get(3, row.conversion);
  rows.get(4, row.created_ms);
  check_sum(rows, 5, row, "idempotency_keys");
  return row;
}

std::string log_sql() {
  return "SELECT org, epoch, reserved, floor, sum FROM logs WHERE org = ?1";
}

LogRow read_log(const Rows& rows) {
  LogRow row;
  rows.get(0, row.org);
  rows.get(1, row.epoch);
  rows.get(2, row.reserved);
  rows.get(3, row.floor);
  check_sum(rows, 4, row, "logs");
  return row;
}

std::string stored_results_sql() {
  return "SELECT " + conversion_column_names() +
         " FROM conversions WHERE status = 'completed' AND result_gone_ms IS NULL ORDER BY completed_ms, id LIMIT ?1";
}

std::string ended_sql() {
  return "SELECT " + conversion_column_names() +
         " FROM conversions WHERE completed_ms IS NOT NULL AND completed_ms < ?1 ORDER BY completed_ms, id LIMIT ?2";
}

// What a release from before used_ms has stored says 0 there.
std::string unused_documents_sql() {
  return std::string(document_select) +
         " WHERE d.used_ms < ?1 AND d.created_ms < ?1 ORDER BY d.used_ms, d.row LIMIT ?2";
}

std::string usage_sql() {
  return "SELECT documents, document_bytes, results, result_bytes FROM usage WHERE org = ?1";
}

Reader::Reader(Database database)
    : database_(std::move(database)),
      conversion_(database_, "SELECT " + conversion_column_names() + " FROM conversions WHERE id = ?1"),
      lists_{Statement(database_, list_sql(Filter::none)), Statement(database_, list_sql(Filter::status)),
             Statement(database_, list_sql(Filter::filename)), Statement(database_, list_sql(Filter::both))},
      unfinished_(database_, unfinished_sql()),
      reusable_(database_, reusable_sql()),
      idempotency_key_(database_, idempotency_key_sql()),
      document_(database_, document_sql()),
      documents_(database_, documents_sql()),
      notes_(database_, notes_sql()),
      runtimes_(
          database_,
          "SELECT engine, source_format, target_format, input_bytes, wall_ms FROM runtimes ORDER BY row DESC LIMIT ?1"),
      events_(database_, events_sql()),
      newest_events_(database_, newest_events_sql()),
      count_events_(database_, count_events_sql()),
      count_events_of_subject_(database_, count_events_of_subject_sql()),
      log_(database_, log_sql()),
      poisons_(database_, poisons_sql()),
      has_result_(database_,
                  "SELECT 1 FROM conversions WHERE id = ?1 AND status = 'completed' AND result_gone_ms IS NULL"),
      blob_in_use_(database_, blob_in_use_sql()),
      stored_results_(database_, stored_results_sql()),
      ended_(database_, ended_sql()),
      unused_documents_(database_, unused_documents_sql()),
      usage_(database_, usage_sql()),
      usage_of_all_(database_,
                    "SELECT sum(documents), sum(document_bytes), sum(results), sum(result_bytes) FROM usage") {}

void read_all(Database& database) {
  const auto read = [&](const std::string& sql, auto row_of) {
    Statement statement(database, sql);
    Rows rows(statement);
    while (rows.next()) row_of(rows);
  };
  read("SELECT " + conversion_column_names() + " FROM conversions", read_conversion);
  read(std::string(document_select), read_document);
  read("SELECT " + std::string(note_columns) + " FROM notes", read_note);
  read("SELECT " + std::string(key_columns) + " FROM idempotency_keys", read_idempotency_key);
}

std::optional<ConversionRow> Reader::conversion(const std::string& id) {
  Rows rows(conversion_, id);
  if (!rows.next()) return std::nullopt;
  return read_conversion(rows);
}

std::vector<ConversionRow> Reader::conversions(const ListQuery& query) {
  const std::size_t filter = (query.status ? 1U : 0U) + (query.filename ? 2U : 0U);
  const std::string_view before = query.before.empty() ? after_every_id : std::string_view(query.before);
  Rows rows(lists_[filter], query.org, query.status, query.filename, before, bounded(query.limit));
  return all(rows, read_conversion);
}

std::vector<ConversionRow> Reader::unfinished() {
  Rows rows(unfinished_);
  return all(rows, read_conversion);
}

std::optional<ConversionRow> Reader::reusable(const std::string& org, const std::string& reuse_key) {
  Rows rows(reusable_, org, reuse_key);
  if (!rows.next()) return std::nullopt;
  return read_conversion(rows);
}

std::optional<IdempotencyRow> Reader::idempotency_key(const std::string& org, const std::string& key) {
  Rows rows(idempotency_key_, org, key);
  if (!rows.next()) return std::nullopt;
  return read_idempotency_key(rows);
}

std::optional<DocumentRow> Reader::document(const std::string& org, const std::string& name) {
  Rows rows(document_, org, name);
  if (!rows.next()) return std::nullopt;
  return read_document(rows);
}

std::vector<DocumentRow> Reader::documents(const DocumentQuery& query) {
  Rows rows(documents_, query.org, query.after, bounded(query.limit));
  return all(rows, read_document);
}

std::vector<NoteRow> Reader::notes(const std::string& org, const std::string& conversion) {
  Rows rows(notes_, org, conversion);
  return all(rows, read_note);
}

std::vector<RuntimeRow> Reader::recent_runtimes(int limit) {
  Rows rows(runtimes_, bounded(limit));
  return all(rows, read_runtime);
}

// After a pruning that has not removed everything yet, what is left below the floor does not count.
std::vector<EventRow> Reader::events(const std::string& org, std::int64_t after, std::int64_t through, int limit) {
  Rows rows(events_, org, std::max(after, oldest_event(org) - 1), through, bounded(limit));
  return events_of(rows);
}

std::vector<EventRow> Reader::newest_events(const std::string& org, std::int64_t through, int limit) {
  Rows rows(newest_events_, org, through, bounded(limit));
  auto found = events_of(rows);
  const std::int64_t oldest = oldest_event(org);
  std::erase_if(found, [oldest](const EventRow& row) { return row.seq < oldest; });
  std::reverse(found.begin(), found.end());
  return found;
}

std::int64_t Reader::count_events(const EventCount& query) {
  const std::int64_t after = std::max(query.after, oldest_event(query.org) - 1);
  if (query.subject.empty()) {
    Rows rows(count_events_, query.org, query.service, after, query.through);
    return rows.next() ? rows.number(0) : 0;
  }
  Rows rows(count_events_of_subject_, query.org, query.subject, after, query.through, query.service);
  return rows.next() ? rows.number(0) : 0;
}

std::int64_t Reader::oldest_event(const std::string& org) {
  Rows rows(log_, org);
  return rows.next() ? read_log(rows).floor + 1 : 1;
}

std::vector<PoisonRow> Reader::poisons(int limit) {
  Rows rows(poisons_, bounded(limit));
  return sound(rows, read_poison);
}

bool Reader::has_result(const std::string& id) {
  Rows rows(has_result_, id);
  return rows.next();
}

bool Reader::blob_in_use(const std::string& sha256) {
  Rows rows(blob_in_use_, sha256);
  return rows.next() && rows.number(0) != 0;
}

std::vector<ConversionRow> Reader::stored_results(int limit) {
  Rows rows(stored_results_, bounded(limit));
  return all(rows, read_conversion);
}

std::vector<ConversionRow> Reader::ended(Millis before_ms, int limit) {
  Rows rows(ended_, before_ms, bounded(limit));
  return all(rows, read_conversion);
}

std::vector<DocumentRow> Reader::unused_documents(Millis before_ms, int limit) {
  Rows rows(unused_documents_, before_ms, bounded(limit));
  return all(rows, read_document);
}

Usage Reader::usage(const std::string& org) {
  Rows rows(usage_, org);
  return read_usage(rows);
}

Usage Reader::usage_of_all() {
  Rows rows(usage_of_all_);
  return read_usage(rows);
}

}  // namespace convd::store
