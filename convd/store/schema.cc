#include "convd/store/schema.h"

#include <array>
#include <filesystem>

#include "convd/store/log.h"

namespace convd::store {
namespace {

// How to change the schema:
//   1. Append a step below; never edit one that has been released. The number of steps is the schema's number
//   (user_version).
//   2. Only add: tables, indexes, columns with a default. Code of the release before must be able to read the result,
//   because
//      the way back from an upgrade is to start the old release on the copy that migrate() leaves behind.
//   3. Add the new column to rows.h, and to store_test a case that opens a file of the schema before.
//
// Tables have a rowid and a unique index on their key: ids are ordered by time, so both grow at their right edge.
// `from` and `to` are words of SQL, hence source_format and target_format. Statuses are those of shared/protocol.h.
// conversions_unfinished and conversions_input hold only what has not ended: as small as the queue, however long the
// history.
constexpr std::array<std::string_view, 4> steps_of_convd{
    R"sql(
CREATE TABLE conversions (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  org TEXT NOT NULL,
  filename TEXT NOT NULL,
  input_sha256 TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  principal TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'error', 'cancelled')),
  source_format TEXT NOT NULL,
  target_format TEXT NOT NULL,
  options_json TEXT NOT NULL,
  labels_json TEXT NOT NULL,
  message TEXT NOT NULL,
  rev INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  started_ms INTEGER,
  completed_ms INTEGER,
  deadline_ms INTEGER,
  attempt_timeout_ms INTEGER,
  stall_timeout_ms INTEGER,
  input_bytes INTEGER NOT NULL,
  error TEXT,
  error_info_json TEXT,
  result_json TEXT,
  retry_of TEXT,
  prompt_mode TEXT
) STRICT;
CREATE UNIQUE INDEX conversions_id ON conversions (id);
CREATE INDEX conversions_unfinished ON conversions (id) WHERE status IN ('pending', 'processing');
CREATE INDEX conversions_input ON conversions (input_sha256) WHERE status IN ('pending', 'processing');
CREATE INDEX conversions_org ON conversions (org, id);
CREATE INDEX conversions_status ON conversions (org, status, id);
CREATE INDEX conversions_filename ON conversions (org, filename, id);
CREATE INDEX conversions_filename_status ON conversions (org, filename, status, id);

CREATE TABLE documents (
  row INTEGER PRIMARY KEY,
  org TEXT NOT NULL,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX documents_name ON documents (org, name);
CREATE INDEX documents_sha256 ON documents (sha256);

CREATE TABLE logs (
  row INTEGER PRIMARY KEY,
  org TEXT NOT NULL UNIQUE,
  epoch TEXT NOT NULL
) STRICT;
CREATE TABLE events (
  row INTEGER PRIMARY KEY,
  org TEXT NOT NULL REFERENCES logs (org),
  seq INTEGER NOT NULL,
  ts_ms INTEGER NOT NULL,
  service TEXT NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  data_json TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_seq ON events (org, seq);
CREATE INDEX events_subject ON events (org, subject, seq);

CREATE TABLE runtimes (
  row INTEGER PRIMARY KEY,
  engine TEXT NOT NULL,
  source_format TEXT NOT NULL,
  target_format TEXT NOT NULL,
  input_bytes INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL
) STRICT;
)sql",
    R"sql(
ALTER TABLE conversions ADD COLUMN receipt_json TEXT;
)sql",
    // No seq above `reserved` has been given out; events up to `floor` may be gone.
    R"sql(
ALTER TABLE logs ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE logs ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN prev INTEGER;
CREATE INDEX events_service ON events (org, service, seq);
CREATE INDEX events_age ON events (org, ts_ms, seq);
UPDATE logs SET reserved = (SELECT ifnull(max(seq), 0) FROM events WHERE org = logs.org);
UPDATE events SET prev =
  (SELECT max(e.seq) FROM events e WHERE e.org = events.org AND e.service = events.service AND e.seq < events.seq);
)sql",
    // The rowid is the last column of every index: the notes of a conversion come in the order they were written.
    R"sql(
CREATE TABLE notes (
  row INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  org TEXT NOT NULL,
  conversion TEXT NOT NULL,
  author TEXT NOT NULL,
  text TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX notes_conversion ON notes (conversion);
)sql",
};

// Larger files are not read through at start: their damage shows where it is met.
constexpr std::int64_t checked_at_start_bytes = 64 << 20;

shared::Error refusal(std::string message) {
  return {shared::ErrorCode::unavailable, std::move(message), ""};
}

shared::Error damaged(const std::string& path, const std::string& evidence) {
  return {shared::ErrorCode::unavailable,
          path + " is damaged: stop convd and restore it from a backup, or move it away to start with an empty one",
          evidence};
}

shared::Result<void> check_identity(Database& database, const std::string& path, std::int64_t newest) {
  const std::int64_t owner = database.number("PRAGMA application_id");
  const bool empty = database.number("SELECT count(*) FROM sqlite_schema") == 0;
  if (owner != application_id && !(owner == 0 && empty)) {
    return refusal(path + " is the database of another program: move it away, or give convd another state directory");
  }
  const std::int64_t version = database.number("PRAGMA user_version");
  if (version > newest) {
    return refusal(path + " was written by a newer convd (schema " + std::to_string(version) + ", this one knows " +
                   std::to_string(newest) + "): start that version, or restore the copy made before the upgrade");
  }
  return {};
}

shared::Result<void> check_health(Database& database, const std::string& path) {
  const std::int64_t size_bytes = database.number("PRAGMA page_count") * database.number("PRAGMA page_size");
  if (size_bytes > checked_at_start_bytes) return {};
  const std::string verdict = database.text("PRAGMA quick_check(1)");
  if (verdict != "ok") return damaged(path, verdict);
  return {};
}

void keep_copy(Database& database, const std::string& path, std::int64_t version) {
  const std::string copy = path + ".schema-" + std::to_string(version);
  // A copy under this name is from an upgrade that was cut short; VACUUM INTO refuses a file that exists.
  std::filesystem::remove(copy);
  Statement statement(database, "VACUUM INTO ?1");
  statement.execute(copy);
  std::filesystem::permissions(copy, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  log()->info("schema {}: copy kept as {}", version, copy);
}

void apply(Database& database, std::string_view step, std::int64_t version) {
  database.execute("BEGIN IMMEDIATE");
  try {
    database.execute(std::string(step));
    database.execute("PRAGMA application_id = " + std::to_string(application_id));
    database.execute("PRAGMA user_version = " + std::to_string(version));
    database.execute("COMMIT");
  } catch (...) {
    if (database.in_transaction()) database.execute("ROLLBACK");
    throw;
  }
}

shared::Result<void> bring_up(Database& database, const std::string& path, std::span<const std::string_view> steps) {
  const auto newest = static_cast<std::int64_t>(steps.size());
  if (auto identity = check_identity(database, path, newest); !identity) return identity;
  if (auto health = check_health(database, path); !health) return health;
  const std::int64_t found = database.number("PRAGMA user_version");
  if (found > 0 && found < newest) keep_copy(database, path, found);
  for (std::int64_t version = found; version < newest; ++version) {
    apply(database, steps[static_cast<std::size_t>(version)], version + 1);
    log()->info("schema {} -> {}", version, version + 1);
  }
  return {};
}

}  // namespace

std::span<const std::string_view> migrations() {
  return steps_of_convd;
}

shared::Result<void> migrate(Database& database, const std::string& path, std::span<const std::string_view> steps) {
  try {
    return bring_up(database, path, steps);
  } catch (const SqliteError& error) {
    if (error.not_a_database()) {
      return refusal(path + " is not a database: move it away, or give convd another state directory");
    }
    if (error.corrupt()) return damaged(path, error.what());
    return shared::Error{shared::ErrorCode::unavailable, path + " cannot be used: " + error.what(), ""};
  } catch (const std::filesystem::filesystem_error& error) {
    return refusal(path + " cannot be copied before the upgrade: " + error.code().message());
  }
}

}  // namespace convd::store
