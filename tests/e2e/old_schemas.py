"""The schemas of the database as they were released. Never to be changed: this is what stands on disks."""

APPLICATION_ID = 0x636E7664  # "cnvd"

# The steps in their order; schema N is the first N of them.
STEPS = [
    """
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
""",
    """
ALTER TABLE conversions ADD COLUMN receipt_json TEXT;
""",
    """
ALTER TABLE logs ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE logs ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN prev INTEGER;
CREATE INDEX events_service ON events (org, service, seq);
CREATE INDEX events_age ON events (org, ts_ms, seq);
UPDATE logs SET reserved = (SELECT ifnull(max(seq), 0) FROM events WHERE org = logs.org);
UPDATE events SET prev =
  (SELECT max(e.seq) FROM events e WHERE e.org = events.org AND e.service = events.service AND e.seq < events.seq);
""",
    """
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
""",
    """
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
""",
]
