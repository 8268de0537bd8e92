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
  std::optional<ConversionRow> reusable(const std::string& org, const std::string& reuse_key);
  std::optional<IdempotencyRow> idempotency_key(const std::string& org, const std::string& key);
  std::optional<DocumentRow> document(const std::string& org, const std::string& name);
  std::vector<DocumentRow> documents(const DocumentQuery& query);
  std::vector<NoteRow> notes(const std::string& org, const std::string& conversion);
  std::vector<RuntimeRow> recent_runtimes(int limit);
  std::vector<EventRow> events(const std::string& org, std::int64_t after, std::int64_t through, int limit);
  std::vector<EventRow> newest_events(const std::string& org, std::int64_t through, int limit);
  std::int64_t count_events(const EventCount& query);
  std::int64_t oldest_event(const std::string& org);
  std::vector<PoisonRow> poisons(int limit);
  bool has_result(const std::string& id);
  bool blob_in_use(const std::string& sha256);
  std::vector<ConversionRow> stored_results(int limit);
  std::vector<ConversionRow> ended(Millis before_ms, int limit);
  std::vector<DocumentRow> unused_documents(Millis before_ms, int limit);
  Usage usage(const std::string& org);
  Usage usage_of_all();

 private:
  Database database_;
  Statement conversion_;
  std::array<Statement, 4> lists_;  // by filter: none, status, filename, both
  Statement unfinished_;
  Statement reusable_;
  Statement idempotency_key_;
  Statement document_;
  Statement documents_;
  Statement notes_;
  Statement runtimes_;
  Statement events_;
  Statement newest_events_;
  Statement count_events_;
  Statement count_events_of_subject_;
  Statement log_;
  Statement poisons_;
  Statement has_result_;
  Statement blob_in_use_;
  Statement stored_results_;
  Statement ended_;
  Statement unused_documents_;
  Statement usage_;
  Statement usage_of_all_;
};

// Reads every row without which nothing can go on. Throws DamagedRow at the first that does not match its sum. Events,
// logs and poisons are not among them: what is made of a damaged one is decided where it is met.
void read_all(Database& database);

// What the reader asks, also for the writer's own check and for the tests of the query plans.
enum class Filter : std::uint8_t { none = 0, status = 1, filename = 2, both = 3 };
std::string list_sql(Filter filter);  // org, status, filename, before, limit
std::string unfinished_sql();
std::string reusable_sql();                 // org, reuse_key
std::string idempotency_key_sql();          // org, key
std::string log_sql();                      // org
std::string prune_keys_sql();               // before_ms, limit
std::string document_sql();                 // org, name
std::string documents_sql();                // org, after, limit
std::string notes_sql();                    // org, conversion
std::string events_sql();                   // org, after, through, limit
std::string newest_events_sql();            // org, through, limit
std::string count_events_sql();             // org, service, after, through
std::string count_events_of_subject_sql();  // org, subject, after, through, service
std::string poisons_sql();                  // limit
std::string blob_in_use_sql();
std::string stored_results_sql();    // limit
std::string ended_sql();             // before, limit
std::string unused_documents_sql();  // before, limit
std::string usage_sql();             // org

// Throw DamagedRow.
IdempotencyRow read_idempotency_key(const Rows& rows);
LogRow read_log(const Rows& rows);

}  // namespace convd::store
