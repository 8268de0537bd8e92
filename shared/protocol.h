#pragma once
// What convd and its clients say to each other: the status object and the words in it. Plain data. Any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/error_code.h"
#include "shared/json.h"
#include "shared/result.h"

namespace shared {

enum class Status : std::uint8_t { pending, processing, completed, error, cancelled };
std::string_view to_string(Status status);
std::optional<Status> status_from(std::string_view name);
constexpr bool is_terminal(Status status) {
  return status == Status::completed || status == Status::error || status == Status::cancelled;
}

// Where a progress figure comes from: the engine told us, it was learned from past runs, or there is none.
enum class ProgressKind : std::uint8_t { none, estimated, measured };
std::string_view to_string(ProgressKind kind);
std::optional<ProgressKind> progress_kind_from(std::string_view name);

// One step of a conversion. `index` counts from 1. `unit` is "page", "ms", "byte", ... or empty when nothing is
// counted.
struct Stage {
  std::string name;
  int index = 0;
  int count = 0;
  std::string unit;
  std::optional<std::int64_t> done;
  std::optional<std::int64_t> total;
  ProgressKind kind = ProgressKind::none;
};

struct ErrorInfo {
  ErrorCode code = ErrorCode::internal;
  bool retryable = false;
  std::string stage;
  std::string detail;
};

struct ResultFile {
  std::string name;
  std::string media_type;
  std::int64_t size_bytes = 0;
  std::string sha256;  // lower-case hex
};

// What a completed conversion delivers. `file` is what GET .../result serves: the one output, or a zip of `parts`. On
// the wire the fields of `file` stand beside `parts`.
struct ResultInfo {
  ResultFile file;
  std::vector<ResultFile> parts;       // empty when there is one output
  std::optional<std::string> gone_at;  // since when none of it is stored any more; written only when set
};

// The status object (SPEC "the status object, the same everywhere"). Times are RFC 3339 UTC with milliseconds.
struct StatusObject {
  std::string id;
  std::string filename;
  Status status = Status::pending;
  int progress = 0;  // 0-100
  std::string message;
  std::string created_at;
  std::optional<std::string> started_at;
  std::optional<std::string> completed_at;
  std::optional<std::string> error;
  std::int64_t rev = 0;
  std::string from;
  std::string to;
  int attempt = 0;
  std::optional<std::int64_t> position;  // computed when read
  std::optional<std::int64_t> eta_ms;    // computed when read
  std::optional<Stage> stage;
  std::optional<ResultInfo> result;
  std::optional<ErrorInfo> error_info;
  std::optional<std::string> batch;
  std::optional<std::string> retry_of;  // written only when set
  std::map<std::string, std::string> labels;
};

Json to_json(const StatusObject& object);
Json to_json(const ResultInfo& result);
Json to_json(const ErrorInfo& info);
// Fields it does not know are ignored. Errors: invalid_json with the path.
Result<StatusObject> status_object_from(const JsonReader& json);
Result<ResultInfo> result_info_from(const JsonReader& json);
Result<ErrorInfo> error_info_from(const JsonReader& json);

}  // namespace shared
