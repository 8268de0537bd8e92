#pragma once
// What really happened to a conversion: every attempt, every run of an engine in them, those that failed too. Plain
// data. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/json.h"
#include "shared/protocol.h"
#include "shared/result.h"

namespace shared {

// A step of the route as it was chosen.
struct ReceiptLeg {
  std::string engine;
  std::string from;
  std::string to;
};

struct ReceiptFont {
  std::string requested;
  std::optional<std::string> used;  // instead of it, where that is known
};

// One run of an engine.
struct ReceiptStep {
  int attempt = 0;  // from 1
  std::string engine;
  std::string version;  // empty when not known
  std::string from;
  std::string to;
  bool warm = false;    // by a process that was running already
  std::string outcome;  // "ok", "stopped", or the error code it ended with
  std::string ended;    // as process::End: "exited", "signalled", "killed", ...; empty in old receipts
  int exit_status = 0;  // the exit code, or the number of the signal
  std::int64_t wall_ms = 0;
  std::int64_t cpu_ms = 0;
  std::int64_t peak_rss_bytes = 0;
  std::optional<std::int64_t> pages_in;   // of the whole document it read
  std::optional<std::int64_t> pages_out;  // that it wrote
  std::vector<std::string> fonts_requested;
  std::vector<ReceiptFont> fonts_substituted;  // of those requested that are not installed
  std::vector<std::string> links_blocked;
  std::vector<std::string> warnings;  // the first ones
  std::int64_t warnings_total = 0;
};

struct ReceiptAttempt {
  int attempt = 0;                             // from 1
  std::string outcome;                         // "ok", "stopped", an error code ("interrupted" too), or "running"
  std::optional<std::int64_t> wall_ms;         // nothing when nobody was left to say
  std::optional<std::int64_t> input_check_ms;  // opening the document
  std::optional<std::int64_t> publish_ms;      // copying the results and bringing them to the disk
};

// What is stored of it.
struct ReceiptRecord {
  std::vector<ReceiptLeg> route;         // of the last attempt
  std::vector<ReceiptAttempt> attempts;  // those that came to an end while somebody watched
  std::vector<ReceiptStep> steps;        // in the order of their ends
};

struct ReceiptTimings {
  std::optional<std::int64_t> waited_ms;       // from acceptance to the first start
  std::optional<std::int64_t> input_check_ms;  // of the last attempt, as publish_ms
  std::optional<std::int64_t> publish_ms;
  std::optional<std::int64_t> total_ms;  // from acceptance to the end
};

struct ReceiptInput {
  std::int64_t size_bytes = 0;
  std::string sha256;
};

struct ReceiptOutput {
  std::int64_t size_bytes = 0;    // of all files
  std::vector<ResultFile> files;  // without the zip that several are served as
};

struct Receipt {
  std::string id;
  std::string filename;
  std::string from;
  std::string to;
  Status status = Status::pending;
  std::optional<std::string> reused;       // "cache" or "run": the attempts and steps are those of served_from
  std::optional<std::string> served_from;  // id of the conversion whose result this is
  ReceiptInput input;
  std::optional<ReceiptOutput> output;
  std::optional<std::int64_t> pages_in;   // of the document
  std::optional<std::int64_t> pages_out;  // of the result
  ReceiptTimings timings;
  int failures = 0;       // attempts that failed
  int interruptions = 0;  // attempts that ended without a fault of theirs
  std::vector<ReceiptLeg> route;
  std::vector<ReceiptAttempt> attempts;
  std::vector<ReceiptStep> steps;
};

Json to_json(const Receipt& receipt);
Json to_json(const ReceiptRecord& record);
// Fields they do not know are ignored. Errors: invalid_json with the path.
Result<Receipt> receipt_from(const JsonReader& json);
// Also from the array of steps that was stored before there were attempts in it.
Result<ReceiptRecord> receipt_record_from(const JsonReader& json);

}  // namespace shared
