#pragma once
// What really happened to a conversion: one entry for every run of an engine, those that failed too. Plain data. Any
// thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/json.h"
#include "shared/protocol.h"
#include "shared/result.h"

namespace shared {

struct ReceiptStep {
  int attempt = 0;  // from 1
  std::string engine;
  std::string version;  // empty when not known
  std::string from;
  std::string to;
  bool warm = false;    // by a process that was running already
  std::string outcome;  // "ok", "stopped", or the error code it ended with
  std::int64_t wall_ms = 0;
  std::int64_t cpu_ms = 0;
  std::int64_t peak_rss_bytes = 0;
  std::optional<std::int64_t> pages;
  std::vector<std::string> fonts_missing;
  std::vector<std::string> links_blocked;
  std::vector<std::string> warnings;
};

struct Receipt {
  std::string id;
  std::string filename;
  std::string from;
  std::string to;
  Status status = Status::pending;
  std::vector<ReceiptStep> steps;  // in the order of their ends
};

Json to_json(const Receipt& receipt);
Json to_json(const std::vector<ReceiptStep>& steps);
// Fields they do not know are ignored. Errors: invalid_json with the path.
Result<Receipt> receipt_from(const JsonReader& json);
Result<std::vector<ReceiptStep>> receipt_steps_from(const JsonReader& json);

}  // namespace shared
