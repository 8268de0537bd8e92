#pragma once
// The one place that turns errors into HTTP: application/problem+json (RFC 9457). Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "convd/api/exchange.h"
#include "shared/json.h"
#include "shared/result.h"

namespace convd::api {

// An error with what an answer may add to it.
struct Problem {
  shared::Error error;
  Headers headers;                               // Allow, Content-Range, Upgrade
  std::optional<std::int64_t> retry_after_s;     // for 429 and 503; a default by code when nothing is given
  shared::Json extras = shared::Json::object();  // further members: "targets"
};

int http_status(shared::ErrorCode code);
std::string_view http_reason(int status);  // "Not Found"

// A WebSocket route asked for by plain HTTP.
Problem websocket_wanted();

Response problem_response(const Problem& problem, const std::string& trace_id);

}  // namespace convd::api
