#include "shared/error_code.h"

#include <array>

#include "shared/enum_names.h"

namespace shared {
namespace {

enum class Retry : std::uint8_t { no, yes };

struct Row {
  ErrorCode code;
  std::string_view name;
  Retry retry;
};

constexpr std::array<Row, error_code_count> rows{{
    {ErrorCode::invalid_request, "invalid_request", Retry::no},
    {ErrorCode::invalid_json, "invalid_json", Retry::no},
    {ErrorCode::invalid_filename, "invalid_filename", Retry::no},
    {ErrorCode::invalid_option, "invalid_option", Retry::no},
    {ErrorCode::unsupported_conversion, "unsupported_conversion", Retry::no},
    {ErrorCode::document_not_found, "document_not_found", Retry::no},
    {ErrorCode::conversion_not_found, "conversion_not_found", Retry::no},
    {ErrorCode::not_found, "not_found", Retry::no},
    {ErrorCode::method_not_allowed, "method_not_allowed", Retry::no},
    {ErrorCode::not_finished, "not_finished", Retry::yes},
    {ErrorCode::already_finished, "already_finished", Retry::no},
    {ErrorCode::document_busy, "document_busy", Retry::yes},
    {ErrorCode::result_gone, "result_gone", Retry::no},
    {ErrorCode::result_damaged, "result_damaged", Retry::no},
    {ErrorCode::idempotency_mismatch, "idempotency_mismatch", Retry::no},
    {ErrorCode::cursor_expired, "cursor_expired", Retry::no},
    {ErrorCode::body_too_large, "body_too_large", Retry::no},
    {ErrorCode::length_required, "length_required", Retry::no},
    {ErrorCode::header_too_large, "header_too_large", Retry::no},
    {ErrorCode::unsupported_media_type, "unsupported_media_type", Retry::no},
    {ErrorCode::range_not_satisfiable, "range_not_satisfiable", Retry::no},
    {ErrorCode::expectation_failed, "expectation_failed", Retry::no},
    {ErrorCode::upgrade_required, "upgrade_required", Retry::no},
    {ErrorCode::not_implemented, "not_implemented", Retry::no},
    {ErrorCode::request_timeout, "request_timeout", Retry::yes},
    {ErrorCode::queue_full, "queue_full", Retry::yes},
    {ErrorCode::too_many_connections, "too_many_connections", Retry::yes},
    {ErrorCode::shutting_down, "shutting_down", Retry::yes},
    {ErrorCode::unavailable, "unavailable", Retry::yes},
    {ErrorCode::disk_full, "disk_full", Retry::yes},
    {ErrorCode::quota_exceeded, "quota_exceeded", Retry::no},
    {ErrorCode::unauthorized, "unauthorized", Retry::no},
    {ErrorCode::forbidden, "forbidden", Retry::no},
    {ErrorCode::realtime_disabled, "realtime_disabled", Retry::no},
    {ErrorCode::rate_limited, "rate_limited", Retry::yes},
    {ErrorCode::misdirected_request, "misdirected_request", Retry::no},
    {ErrorCode::origin_not_allowed, "origin_not_allowed", Retry::no},
    {ErrorCode::input_invalid, "input_invalid", Retry::no},
    {ErrorCode::input_encrypted, "input_encrypted", Retry::no},
    {ErrorCode::input_too_large, "input_too_large", Retry::no},
    {ErrorCode::engine_failed, "engine_failed", Retry::no},
    {ErrorCode::engine_crashed, "engine_crashed", Retry::yes},
    {ErrorCode::timed_out, "timed_out", Retry::no},
    {ErrorCode::stalled, "stalled", Retry::yes},
    {ErrorCode::output_too_large, "output_too_large", Retry::no},
    {ErrorCode::out_of_memory, "out_of_memory", Retry::yes},
    {ErrorCode::cancelled_by_user, "cancelled_by_user", Retry::yes},
    {ErrorCode::interrupted, "interrupted", Retry::yes},
    {ErrorCode::internal, "internal", Retry::yes},
}};

static_assert(in_enum_order<&Row::code>(rows), "the table is indexed by the enum");

}  // namespace

std::string_view to_string(ErrorCode code) {
  return rows[static_cast<std::size_t>(code)].name;
}

std::optional<ErrorCode> error_code_from(std::string_view name) {
  for (const Row& row : rows) {
    if (row.name == name) return row.code;
  }
  return std::nullopt;
}

bool is_retryable(ErrorCode code) {
  return rows[static_cast<std::size_t>(code)].retry == Retry::yes;
}

}  // namespace shared
