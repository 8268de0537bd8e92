#pragma once
// The closed list of error codes, the same for requests, jobs and convctl. Documented in convd(8).

#include <cstdint>
#include <optional>
#include <string_view>

namespace shared {

enum class ErrorCode : std::uint8_t {
  // What is wrong with a request. Answered by an HTTP status.
  invalid_request,         // malformed HTTP, form or parameter
  invalid_json,            // the message names the JSON path
  invalid_filename,        // path separator, "..", NUL, control characters, empty or over 255 bytes
  invalid_option,          // unknown option, or a value outside its range
  unsupported_conversion,  // no route from this format to that one; also a job code
  document_not_found,
  conversion_not_found,
  not_found,             // no such route or result file
  method_not_allowed,    // the route exists, not with this method
  not_finished,          // the result of a conversion that still runs
  already_finished,      // cancel of a conversion that has ended
  document_busy,         // reserved for documents that cannot be removed now
  result_gone,           // retention or DELETE has removed it
  result_damaged,        // what is stored is not what was published
  idempotency_mismatch,  // the key was used for another request
  cursor_expired,        // the position in the log cannot be gone on from; the message says why
  body_too_large,
  length_required,
  header_too_large,
  unsupported_media_type,
  range_not_satisfiable,
  expectation_failed,  // an Expect other than 100-continue
  upgrade_required,    // a WebSocket route asked for without Upgrade
  not_implemented,     // a transfer coding or HTTP version we do not speak
  request_timeout,     // a sender that stalls
  queue_full,
  too_many_connections,
  shutting_down,
  unavailable,  // the store does not answer
  disk_full,
  quota_exceeded,  // the org stores as much as it may
  unauthorized,    // no token, or one that is not accepted
  forbidden,
  realtime_disabled,    // the stream is not switched on for this principal: poll instead
  rate_limited,         // over a limit.* of the configuration; the answer says which
  misdirected_request,  // sent to a name that is not known to be ours
  origin_not_allowed,   // from a page that may not do this
  // What goes wrong with a job. Ends in the status `error`.
  input_invalid,
  input_encrypted,
  input_too_large,
  engine_failed,
  engine_crashed,
  timed_out,
  stalled,
  output_too_large,
  out_of_memory,
  cancelled_by_user,
  interrupted,
  internal,
};

inline constexpr int error_code_count = static_cast<int>(ErrorCode::internal) + 1;

// The name on the wire, for example "input_encrypted".
std::string_view to_string(ErrorCode code);
std::optional<ErrorCode> error_code_from(std::string_view name);

// Whether trying the same again later can help.
bool is_retryable(ErrorCode code);

}  // namespace shared
