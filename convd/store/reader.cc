#include "convd/store/reader.h"

#include <algorithm>

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
    "SELECT d.org, d.name, d.media_type, d.sha256, d.size_bytes, d.created_ms, c.id, c.status FROM documents d"
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
  return row;
}

constexpr std::string_view event_columns = "org, seq, prev, ts_ms, service, type, subject, data_json";

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

template <typename Read>
auto all(Rows& rows, Read read) {
  std::vector<decltype(read(rows))> found;
  while (rows.next()) found.push_back(read(rows));
  return found;
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

std::string document_sql() {
  return std::string(document_select) + " WHERE d.org = ?1 AND d.name = ?2";
}

std::string documents_sql() {
  return std::string(document_select) + " WHERE d.org = ?1 AND d.name > ?2 ORDER BY d.name LIMIT ?3";
}

std::string notes_sql() {
  return "SELECT id, org, conversion, author, text, created_ms FROM notes WHERE org = ?1 AND conversion = ?2 ORDER BY "
         "row";
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

std::string blob_in_use_sql() {
  return "SELECT EXISTS (SELECT 1 FROM documents WHERE sha256 = ?1) OR EXISTS"
         " (SELECT 1 FROM conversions WHERE input_sha256 = ?1 AND status IN ('pending', 'processing'))";
}

Reader::Reader(Database database)
    : database_(std::move(database)),
      conversion_(database_, "SELECT " + conversion_column_names() + " FROM conversions WHERE id = ?1"),
      lists_{Statement(database_, list_sql(Filter::none)), Statement(database_, list_sql(Filter::status)),
             Statement(database_, list_sql(Filter::filename)), Statement(database_, list_sql(Filter::both))},
      unfinished_(database_, unfinished_sql()),
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
      floor_(database_, "SELECT floor FROM logs WHERE org = ?1"),
      has_result_(database_, "SELECT 1 FROM conversions WHERE id = ?1 AND status = 'completed'"),
      blob_in_use_(database_, blob_in_use_sql()) {}

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
  return all(rows, read_event);
}

std::vector<EventRow> Reader::newest_events(const std::string& org, std::int64_t through, int limit) {
  Rows rows(newest_events_, org, through, bounded(limit));
  auto found = all(rows, read_event);
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
  Rows rows(floor_, org);
  return rows.next() ? rows.number(0) + 1 : 1;
}

bool Reader::has_result(const std::string& id) {
  Rows rows(has_result_, id);
  return rows.next();
}

bool Reader::blob_in_use(const std::string& sha256) {
  Rows rows(blob_in_use_, sha256);
  return rows.next() && rows.number(0) != 0;
}

}  // namespace convd::store
