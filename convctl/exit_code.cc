#include "convctl/exit_code.h"

#include <algorithm>
#include <csignal>

namespace convctl {

using shared::ErrorCode;

Exit exit_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_request:
    case ErrorCode::invalid_json:
    case ErrorCode::invalid_filename:
    case ErrorCode::invalid_option:
    case ErrorCode::idempotency_mismatch:
    case ErrorCode::method_not_allowed:
    case ErrorCode::range_not_satisfiable:
    case ErrorCode::already_finished:
      return Exit::usage;
    case ErrorCode::unsupported_conversion:
    case ErrorCode::unsupported_media_type:
    case ErrorCode::body_too_large:
    case ErrorCode::input_invalid:
    case ErrorCode::input_encrypted:
    case ErrorCode::input_too_large:
      return Exit::input_rejected;
    case ErrorCode::document_not_found:
    case ErrorCode::conversion_not_found:
    case ErrorCode::not_found:
    case ErrorCode::result_gone:
    case ErrorCode::cursor_expired:
      return Exit::no_input;
    case ErrorCode::not_finished:
    case ErrorCode::document_busy:
    case ErrorCode::request_timeout:
    case ErrorCode::queue_full:
    case ErrorCode::rate_limited:
    case ErrorCode::too_many_connections:
    case ErrorCode::shutting_down:
    case ErrorCode::unavailable:
    case ErrorCode::disk_full:
      return Exit::try_later;
    case ErrorCode::length_required:
    case ErrorCode::expectation_failed:
    case ErrorCode::header_too_large:
    case ErrorCode::upgrade_required:
    case ErrorCode::not_implemented:
      return Exit::protocol;
    case ErrorCode::unauthorized:
    case ErrorCode::forbidden:
    case ErrorCode::misdirected_request:
    case ErrorCode::origin_not_allowed:
    case ErrorCode::quota_exceeded:
    case ErrorCode::realtime_disabled:
      return Exit::not_allowed;
    case ErrorCode::engine_failed:
    case ErrorCode::engine_crashed:
    case ErrorCode::timed_out:
    case ErrorCode::stalled:
    case ErrorCode::output_too_large:
    case ErrorCode::out_of_memory:
    case ErrorCode::interrupted:
      return Exit::failed;
    case ErrorCode::cancelled_by_user:
      return Exit::cancelled;
    case ErrorCode::result_damaged:
    case ErrorCode::internal:
      return Exit::internal;
  }
  return Exit::internal;
}

Exit exit_for(const shared::StatusObject& object) {
  if (object.status == shared::Status::cancelled) return Exit::cancelled;
  if (object.status != shared::Status::error) return Exit::ok;
  return object.error_info ? exit_for(object.error_info->code) : Exit::failed;
}

Exit exit_for_http(int status, const std::optional<ErrorCode>& code) {
  if (code) return exit_for(*code);
  if (status == 401 || status == 403) return Exit::not_allowed;
  if (status == 404 || status == 410) return Exit::no_input;
  if (status == 413 || status == 415 || status == 422) return Exit::input_rejected;
  if (status == 429 || status == 502 || status == 503 || status == 504 || status == 507) return Exit::try_later;
  if (status == 400) return Exit::usage;
  return status >= 500 ? Exit::internal : Exit::protocol;
}

Exit exit_for_signal(int number) {
  return number == SIGTERM ? Exit::terminated : Exit::interrupted;
}

Exit combine(const std::vector<Exit>& all) {
  if (all.empty()) return Exit::ok;
  const auto failures =
      static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](Exit code) { return code != Exit::ok; }));
  if (failures == 0) return Exit::ok;
  if (failures < all.size()) return Exit::some_failed;
  if (std::all_of(all.begin(), all.end(), [&](Exit code) { return code == all.front(); })) return all.front();
  constexpr Exit by_weight[] = {Exit::internal,  Exit::protocol,      Exit::unavailable, Exit::not_allowed,
                                Exit::try_later, Exit::io_error,      Exit::failed,      Exit::input_rejected,
                                Exit::no_input,  Exit::cannot_create, Exit::cancelled};
  for (const Exit code : by_weight) {
    if (std::find(all.begin(), all.end(), code) != all.end()) return code;
  }
  return all.front();
}

}  // namespace convctl
