#include "convd/store/schema.h"

#include <array>
#include <filesystem>

#include "convd/loop/crash_point.h"
#include "convd/store/health.h"
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
constexpr std::array<std::string_view, 6> steps_of_convd{
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
    // conversions_reuse and conversions_results hold only what still has its results, conversions_ended what has ended.
    // usage is kept by triggers: exact after every commit, whoever wrote it. A sum is forgotten when a row is changed
    // by one who does not know of it: the release before, on the way back from an upgrade.
    R"sql(
ALTER TABLE conversions ADD COLUMN reuse_key TEXT;
ALTER TABLE conversions ADD COLUMN served_from TEXT;
ALTER TABLE conversions ADD COLUMN result_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversions ADD COLUMN result_gone_ms INTEGER;
ALTER TABLE conversions ADD COLUMN result_gone_why TEXT;
UPDATE conversions SET result_bytes = ifnull(json_extract(result_json, '$.size'), 0) + ifnull(
    (SELECT sum(json_extract(value, '$.size')) FROM json_each(result_json, '$.parts')), 0)
  WHERE status = 'completed' AND json_valid(result_json);
CREATE INDEX conversions_reuse ON conversions (org, reuse_key, id)
  WHERE reuse_key IS NOT NULL AND result_gone_ms IS NULL AND status = 'completed';
CREATE INDEX conversions_results ON conversions (completed_ms, id)
  WHERE result_gone_ms IS NULL AND status = 'completed';
CREATE INDEX conversions_ended ON conversions (completed_ms, id) WHERE completed_ms IS NOT NULL;
ALTER TABLE documents ADD COLUMN used_ms INTEGER NOT NULL DEFAULT 0;
UPDATE documents SET used_ms = ifnull((SELECT c.created_ms FROM conversions c INDEXED BY conversions_filename
  WHERE c.org = documents.org AND c.filename = documents.name ORDER BY c.id DESC LIMIT 1), 0);
CREATE INDEX documents_used ON documents (used_ms);
CREATE TABLE usage (
  row INTEGER PRIMARY KEY,
  org TEXT NOT NULL UNIQUE,
  documents INTEGER NOT NULL DEFAULT 0,
  document_bytes INTEGER NOT NULL DEFAULT 0,
  results INTEGER NOT NULL DEFAULT 0,
  result_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO usage (org) SELECT org FROM documents UNION SELECT org FROM conversions WHERE status = 'completed';
UPDATE usage SET
  documents = (SELECT count(*) FROM documents d WHERE d.org = usage.org),
  document_bytes = (SELECT ifnull(sum(d.size_bytes), 0) FROM documents d WHERE d.org = usage.org),
  results = (SELECT count(*) FROM conversions c WHERE c.org = usage.org AND c.status = 'completed'),
  result_bytes = (SELECT ifnull(sum(c.result_bytes), 0) FROM conversions c
    WHERE c.org = usage.org AND c.status = 'completed');
ALTER TABLE conversions ADD COLUMN sum INTEGER;
ALTER TABLE documents ADD COLUMN sum INTEGER;
ALTER TABLE events ADD COLUMN sum INTEGER;
ALTER TABLE notes ADD COLUMN sum INTEGER;
CREATE TRIGGER sum_of_conversion AFTER UPDATE ON conversions WHEN new.sum IS NOT NULL AND new.sum = old.sum BEGIN
  UPDATE conversions SET sum = NULL WHERE row = new.row;
END;
CREATE TRIGGER sum_of_document AFTER UPDATE OF media_type, sha256, size_bytes, created_ms ON documents
  WHEN new.sum IS NOT NULL AND new.sum = old.sum BEGIN
  UPDATE documents SET sum = NULL WHERE row = new.row;
END;
CREATE TRIGGER usage_document_added AFTER INSERT ON documents BEGIN
  INSERT INTO usage (org) VALUES (new.org) ON CONFLICT (org) DO NOTHING;
  UPDATE usage SET documents = documents + 1, document_bytes = document_bytes + new.size_bytes WHERE org = new.org;
END;
CREATE TRIGGER usage_document_replaced AFTER UPDATE OF size_bytes ON documents BEGIN
  UPDATE usage SET document_bytes = document_bytes + new.size_bytes - old.size_bytes WHERE org = new.org;
END;
CREATE TRIGGER usage_document_removed AFTER DELETE ON documents BEGIN
  UPDATE usage SET documents = documents - 1, document_bytes = document_bytes - old.size_bytes WHERE org = old.org;
END;
CREATE TRIGGER usage_result_inserted AFTER INSERT ON conversions
  WHEN new.status = 'completed' AND new.result_gone_ms IS NULL BEGIN
  INSERT INTO usage (org) VALUES (new.org) ON CONFLICT (org) DO NOTHING;
  UPDATE usage SET results = results + 1, result_bytes = result_bytes + new.result_bytes WHERE org = new.org;
END;
CREATE TRIGGER usage_result_added AFTER UPDATE OF status ON conversions
  WHEN new.status = 'completed' AND old.status <> 'completed' AND new.result_gone_ms IS NULL BEGIN
  INSERT INTO usage (org) VALUES (new.org) ON CONFLICT (org) DO NOTHING;
  UPDATE usage SET results = results + 1, result_bytes = result_bytes + new.result_bytes WHERE org = new.org;
END;
CREATE TRIGGER usage_result_gone AFTER UPDATE OF result_gone_ms ON conversions
  WHEN old.status = 'completed' AND old.result_gone_ms IS NULL AND new.result_gone_ms IS NOT NULL BEGIN
  UPDATE usage SET results = results - 1, result_bytes = result_bytes - old.result_bytes WHERE org = old.org;
END;
CREATE TRIGGER usage_result_removed AFTER DELETE ON conversions
  WHEN old.status = 'completed' AND old.result_gone_ms IS NULL BEGIN
  UPDATE usage SET results = results - 1, result_bytes = result_bytes - old.result_bytes WHERE org = old.org;
END;
CREATE TABLE idempotency_keys (
  row INTEGER PRIMARY KEY,
  org TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  conversion TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX idempotency_keys_key ON idempotency_keys (org, key);
CREATE INDEX idempotency_keys_conversion ON idempotency_keys (conversion);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_ms);
CREATE TABLE poisons (
  row INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL,
  engine TEXT NOT NULL,
  version TEXT NOT NULL,
  crashes INTEGER NOT NULL,
  last_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX poisons_key ON poisons (sha256, engine);
CREATE INDEX poisons_age ON poisons (last_ms);
)sql",
    R"sql(
ALTER TABLE logs ADD COLUMN sum INTEGER;
ALTER TABLE idempotency_keys ADD COLUMN sum INTEGER;
ALTER TABLE poisons ADD COLUMN sum INTEGER;
CREATE TRIGGER sum_of_log AFTER UPDATE ON logs WHEN new.sum IS NOT NULL AND new.sum = old.sum BEGIN
  UPDATE logs SET sum = NULL WHERE row = new.row;
END;
CREATE TRIGGER sum_of_key AFTER UPDATE ON idempotency_keys WHEN new.sum IS NOT NULL AND new.sum = old.sum BEGIN
  UPDATE idempotency_keys SET sum = NULL WHERE row = new.row;
END;
CREATE TRIGGER sum_of_poison AFTER UPDATE ON poisons WHEN new.sum IS NOT NULL AND new.sum = old.sum BEGIN
  UPDATE poisons SET sum = NULL WHERE row = new.row;
END;
)sql",
};

shared::Error refusal(std::string message) {
  return {shared::ErrorCode::unavailable, std::move(message), ""};
}

shared::Error damaged(const std::string& path, const std::string& evidence) {
  log()->error("{}: {}", path, evidence);
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
    loop::crash_point("migration.before_commit");
    database.execute("COMMIT");
  } catch (...) {
    if (database.in_transaction()) database.execute("ROLLBACK");
    throw;
  }
}

shared::Result<void> bring_up(Database& database, const std::string& path, std::span<const std::string_view> steps) {
  const auto newest = static_cast<std::int64_t>(steps.size());
  if (auto identity = check_identity(database, path, newest); !identity) return identity;
  check_pages(database);
  const std::int64_t found = database.number("PRAGMA user_version");
  loop::crash_point("migration.before_copy");
  if (found > 0 && found < newest) keep_copy(database, path, found);
  loop::crash_point("migration.copied");
  for (std::int64_t version = found; version < newest; ++version) {
    apply(database, steps[static_cast<std::size_t>(version)], version + 1);
    loop::crash_point("migration.stepped");
    log()->info("schema {} -> {}", version, version + 1);
  }
  if (steps.data() == migrations().data() && steps.size() == migrations().size()) check_rows(database);
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
