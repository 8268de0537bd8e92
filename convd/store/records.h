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
  std::optional<std::string> receipt_json;  // shared::ReceiptStep of every run so far
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

// How long one step took, for estimates.
struct RuntimeRow {
  std::string engine;
  std::string from;
  std::string to;
  std::int64_t input_bytes = 0;
  std::int64_t wall_ms = 0;
};

}  // namespace convd::store
