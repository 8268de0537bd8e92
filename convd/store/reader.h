#pragma once
// The reads of the store, each one prepared statement over one connection. All throw SqliteError. The connection's
// thread only.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "convd/store/records.h"
#include "convd/store/sqlite.h"
#include "convd/store/store.h"

namespace convd::store {

class Reader {
 public:
  explicit Reader(Database database);

  std::optional<ConversionRow> conversion(const std::string& id);
  std::vector<ConversionRow> conversions(const ListQuery& query);
  std::vector<ConversionRow> unfinished();
  std::optional<DocumentRow> document(const std::string& org, const std::string& name);
  std::vector<DocumentRow> documents(const DocumentQuery& query);
  std::vector<NoteRow> notes(const std::string& org, const std::string& conversion);
  std::vector<RuntimeRow> recent_runtimes(int limit);
  std::vector<EventRow> events(const std::string& org, std::int64_t after, std::int64_t through, int limit);
  std::vector<EventRow> newest_events(const std::string& org, std::int64_t through, int limit);
  std::int64_t count_events(const EventCount& query);
  std::int64_t oldest_event(const std::string& org);
  bool has_result(const std::string& id);
  bool blob_in_use(const std::string& sha256);

 private:
  Database database_;
  Statement conversion_;
  std::array<Statement, 4> lists_;  // by filter: none, status, filename, both
  Statement unfinished_;
  Statement document_;
  Statement documents_;
  Statement notes_;
  Statement runtimes_;
  Statement events_;
  Statement newest_events_;
  Statement count_events_;
  Statement count_events_of_subject_;
  Statement floor_;
  Statement has_result_;
  Statement blob_in_use_;
};

// What the reader asks, also for the writer's own check and for the tests of the query plans.
enum class Filter : std::uint8_t { none = 0, status = 1, filename = 2, both = 3 };
std::string list_sql(Filter filter);  // org, status, filename, before, limit
std::string unfinished_sql();
std::string document_sql();                 // org, name
std::string documents_sql();                // org, after, limit
std::string notes_sql();                    // org, conversion
std::string events_sql();                   // org, after, through, limit
std::string newest_events_sql();            // org, through, limit
std::string count_events_sql();             // org, service, after, through
std::string count_events_of_subject_sql();  // org, subject, after, through, service
std::string blob_in_use_sql();

}  // namespace convd::store
