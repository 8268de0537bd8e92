#include "convd/api/audit_trail.h"

#include <string_view>

#include "convd/api/audit_actions.h"
#include "convd/api/trace.h"

namespace convd::api {
namespace {

using shared::ErrorCode;

std::string_view name_of(Role role) {
  return role == Role::operator_ ? "operator" : "user";
}

// A client chooses the method: without a row only that of a WebSocket is taken.
std::string route_of(const Request& request, const RouteTable::Match& match) {
  if (match.pattern.empty()) return "unmatched";
  return (match.route != nullptr || request.method == "GET" ? request.method : "other") + " " + match.pattern;
}

// A document and a file of it are one subject: "ID/page-1.png".
std::string subject_of(const std::vector<std::string>& params) {
  std::string subject;
  for (const std::string& param : params) subject += (subject.empty() ? "" : "/") + param;
  return subject;
}

// Who is kept out, whatever was asked for. A queue that is full and a stream that is off say nothing about the asker.
std::string_view kept_out_as(const Answered& answer) {
  if (!answer.code) return {};
  switch (answer.status) {
    case 401:
      return "token_refused";
    case 403:
      return answer.code == ErrorCode::realtime_disabled ? "" : "forbidden";
    case 421:
      return "forbidden";
    case 429:
      return answer.code == ErrorCode::queue_full || answer.code == ErrorCode::too_many_connections ? ""
                                                                                                    : "rate_limited";
    default:
      return {};
  }
}

}  // namespace

AuditTrail::AuditTrail(trust::Audit& audit, const Request& request, const RouteTable::Match& match) : audit_(audit) {
  entry_.role = name_of(Role::user);
  entry_.address = request.caller.address;
  entry_.action = audit_action(request.method, match.pattern);
  entry_.route = route_of(request, match);
  entry_.subject = subject_of(match.params);
  entry_.trace_id = trace_id_from(request.header("traceparent"));
}

void AuditTrail::asked_by(const Caller& caller) {
  entry_.principal = caller.principal;
  entry_.org = caller.org;
  entry_.role = name_of(caller.role);
  entry_.address = caller.address;
}

void AuditTrail::answered(const Answered& answer) const {
  trust::AuditEntry entry = entry_;
  if (const auto refusal = kept_out_as(answer); !refusal.empty()) {
    entry.kind = trust::AuditKind::refusal;
    entry.action = refusal;
  }
  if (entry.action.empty()) return;
  entry.status = answer.status;
  if (answer.code) entry.code = shared::to_string(*answer.code);
  if (answer.subjects.empty()) audit_.tell(entry);
  for (const std::string& subject : answer.subjects) {
    entry.subject = subject;
    audit_.tell(entry);
  }
}

void AuditTrail::refused(ErrorCode code) const {
  answered({.status = http_status(code), .code = code, .subjects = {}});
}

}  // namespace convd::api
