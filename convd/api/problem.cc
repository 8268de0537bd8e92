#include "convd/api/problem.h"

#include <array>
#include <utility>

#include "shared/enum_names.h"

namespace convd::api {
namespace {

using shared::ErrorCode;
using shared::Json;

struct Row {
  ErrorCode code;
  int status;
  int retry_after_s;  // 0: no such header
};

constexpr std::array<Row, shared::error_code_count> rows{{
    {ErrorCode::invalid_request, 400, 0},
    {ErrorCode::invalid_json, 400, 0},
    {ErrorCode::invalid_filename, 400, 0},
    {ErrorCode::invalid_option, 422, 0},
    {ErrorCode::unsupported_conversion, 422, 0},
    {ErrorCode::document_not_found, 404, 0},
    {ErrorCode::conversion_not_found, 404, 0},
    {ErrorCode::not_found, 404, 0},
    {ErrorCode::method_not_allowed, 405, 0},
    {ErrorCode::not_finished, 409, 0},
    {ErrorCode::already_finished, 409, 0},
    {ErrorCode::document_busy, 409, 0},
    {ErrorCode::result_gone, 410, 0},
    {ErrorCode::result_damaged, 500, 0},
    {ErrorCode::idempotency_mismatch, 422, 0},
    {ErrorCode::cursor_expired, 410, 0},
    {ErrorCode::body_too_large, 413, 0},
    {ErrorCode::length_required, 411, 0},
    {ErrorCode::header_too_large, 431, 0},
    {ErrorCode::unsupported_media_type, 415, 0},
    {ErrorCode::range_not_satisfiable, 416, 0},
    {ErrorCode::expectation_failed, 417, 0},
    {ErrorCode::upgrade_required, 426, 0},
    {ErrorCode::not_implemented, 501, 0},
    {ErrorCode::request_timeout, 408, 0},
    {ErrorCode::queue_full, 429, 10},
    {ErrorCode::too_many_connections, 429, 10},
    {ErrorCode::shutting_down, 503, 10},
    {ErrorCode::unavailable, 503, 5},
    {ErrorCode::disk_full, 507, 0},
    {ErrorCode::quota_exceeded, 507, 0},
    {ErrorCode::unauthorized, 401, 0},
    {ErrorCode::forbidden, 403, 0},
    {ErrorCode::realtime_disabled, 403, 0},
    {ErrorCode::rate_limited, 429, 1},
    {ErrorCode::misdirected_request, 421, 0},
    {ErrorCode::origin_not_allowed, 403, 0},
    // How a job ended is said in its status object; these are answered only where a request itself meets the same wall.
    {ErrorCode::input_invalid, 422, 0},
    {ErrorCode::input_encrypted, 422, 0},
    {ErrorCode::input_too_large, 413, 0},
    {ErrorCode::engine_failed, 500, 0},
    {ErrorCode::engine_crashed, 500, 0},
    {ErrorCode::timed_out, 504, 0},
    {ErrorCode::stalled, 504, 0},
    {ErrorCode::output_too_large, 500, 0},
    {ErrorCode::out_of_memory, 500, 0},
    {ErrorCode::cancelled_by_user, 409, 0},
    {ErrorCode::interrupted, 503, 5},
    {ErrorCode::internal, 500, 0},
}};

static_assert(shared::in_enum_order<&Row::code>(rows), "the table is indexed by the enum");

constexpr std::array<std::pair<int, std::string_view>, 23> reasons{{
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {507, "Insufficient Storage"},
}};

}  // namespace

int http_status(ErrorCode code) {
  return rows[static_cast<std::size_t>(code)].status;
}

std::string_view http_reason(int status) {
  for (const auto& [known, reason] : reasons) {
    if (known == status) return reason;
  }
  return "Unknown";
}

Problem websocket_wanted() {
  Problem problem;
  problem.error = {
      ErrorCode::upgrade_required, "this route speaks WebSocket (RFC 6455): ask with Upgrade: websocket", {}};
  problem.headers.emplace_back("Upgrade", "websocket");
  return problem;
}

Response problem_response(const Problem& problem, const std::string& trace_id) {
  const ErrorCode code = problem.error.code;
  const Row& row = rows[static_cast<std::size_t>(code)];
  Json json = Json::object();
  json.set("type", "about:blank")
      .set("title", http_reason(row.status))
      .set("status", row.status)
      .set("detail", problem.error.message)
      .set("code", shared::to_string(code))
      .set("retryable", shared::is_retryable(code))
      .set("trace_id", trace_id);
  if (!problem.error.detail.empty()) json.set("evidence", problem.error.detail);
  if (auto extras = problem.extras.read().members()) {
    for (const auto& [name, member] : *extras) json.set(name, member.clone());
  }
  Response response{row.status, problem.headers, json.dump() + "\n"};
  response.headers.emplace_back("Content-Type", "application/problem+json");
  response.headers.emplace_back("Cache-Control", "no-store");
  if (row.retry_after_s > 0) {
    response.headers.emplace_back("Retry-After", std::to_string(problem.retry_after_s.value_or(row.retry_after_s)));
  }
  return response;
}

}  // namespace convd::api
