#pragma once
// The stored records. They are not the live objects: jobs/ maps between the two.

#include <cstdint>
#include <optional>
#include <string>

#include "shared/stream.h"

namespace convd::store {

// Times are milliseconds since the Unix epoch, UTC.
using Millis = std::int64_t;

struct ConversionRow {
  std::string id;  // UUIDv7 text
  std::string org;
  std::string principal;
  std::string filename;
  std::string status;  // shared::to_string(Status)
  std::string from;
  std::string to;
  std::string options_json;  // validated options, "{}" when none. Passwords are in here until the conversion ends, then
                             // empty.
  std::string labels_json;
  std::string message;
  std::int64_t rev = 0;
  int attempt = 0;   // runs so far
  int failures = 0;  // failed runs, the ones that count towards the limit
  int priority = 5;
  Millis created_ms = 0;
  std::optional<Millis> started_ms;
  std::optional<Millis> completed_ms;
  std::optional<Millis> deadline_ms;  // queue deadline, wall time
  std::optional<std::int64_t> attempt_timeout_ms;
  std::optional<std::int64_t> stall_timeout_ms;
  std::string input_sha256;  // names the blob in files/
  std::int64_t input_bytes = 0;
  std::optional<std::string> error;
  std::optional<std::string> error_info_json;
  std::optional<std::string> result_json;  // shared::ResultInfo; file bytes in files/results/<id>/
  std::optional<std::string> retry_of;
  std::optional<std::string> prompt_mode;
  std::optional<std::string> receipt_json;     // shared::ReceiptRecord so far
  std::optional<std::string> reuse_key;        // of all conversions of an org that would give the same result
  std::optional<std::string> served_from;      // id of the conversion whose result this one was given
  std::int64_t result_bytes = 0;               // stored in files/results/<id>/
  std::optional<Millis> result_gone_ms;        // when retention has removed them
  std::optional<std::string> result_gone_why;  // "age" or "size"
};

struct DocumentRow {
  std::string org;
  std::string name;
  std::string media_type;
  std::string sha256;
  std::int64_t size_bytes = 0;
  Millis created_ms = 0;
  std::optional<std::string> last_conversion;  // id
  std::optional<std::string> last_status;
};

// What is stored of one org, or of all. Two documents of the same bytes count twice.
struct Usage {
  std::int64_t documents = 0;
  std::int64_t document_bytes = 0;
  std::int64_t results = 0;  // conversions that still have theirs
  std::int64_t result_bytes = 0;

  std::int64_t bytes() const { return document_bytes + result_bytes; }
};

// An org's log as it is stored.
struct LogRow {
  std::string org;
  std::string epoch;
  std::int64_t reserved = 0;  // no seq above it has been given out
  std::int64_t floor = 0;     // events up to it may be gone
};

// Where an org's log begins and ends.
struct LogHead {
  std::string epoch;        // names this log
  std::int64_t oldest = 1;  // the first seq that may still be there
  std::int64_t head = 0;    // the last seq given out
};

// One event of an org's log. A `state` event is a row, written in the transaction of the change it tells of; of
// `progress` only the seq is kept.
struct EventRow {
  std::string org;
  std::int64_t seq = 0;              // given by the store on append
  std::optional<std::int64_t> prev;  // the same: seq of the state event before it of the same service
  shared::EventClass event_class = shared::EventClass::state;
  Millis ts_ms = 0;
  std::string service;    // "conversion", "document"
  std::string type;       // "conversion.completed"
  std::string subject;    // conversion id, document name
  std::string data_json;  // the full status object
};

// What somebody has to say about a conversion.
struct NoteRow {
  std::string id;  // UUIDv7 text
  std::string org;
  std::string conversion;  // id
  std::string author;      // principal
  std::string text;
  Millis created_ms = 0;
};

// How often a document has brought an engine down.
struct PoisonRow {
  std::string sha256;  // of the document
  std::string engine;
  std::string version;  // of the engine, may be unknown
  int crashes = 0;
  Millis last_ms = 0;
};

// The name a client gave to a submission, so that saying it again starts nothing.
struct IdempotencyRow {
  std::string org;
  std::string key;
  std::string fingerprint;  // of what was asked for under it
  std::string conversion;   // id
  Millis created_ms = 0;
};

// How long one step took, for estimates.
struct RuntimeRow {
  std::string engine;
  std::string from;
  std::string to;
  std::int64_t input_bytes = 0;
  std::int64_t wall_ms = 0;
};

}  // namespace convd::store
