#pragma once
// One request on its way into the audit log.

#include <string>
#include <vector>

#include "convd/api/reply.h"
#include "convd/api/route.h"
#include "convd/trust/audit.h"

namespace convd::api {

// Loop thread only.
class AuditTrail {
 public:
  // Takes what it needs; only `audit` has to outlive it. Of the caller the address alone: who it is has to be shown
  // still.
  AuditTrail(trust::Audit& audit, const Request& request, const RouteTable::Match& match);

  // It is known now who asks; nobody when nothing has been shown.
  void asked_by(const Caller& caller);
  const std::string& trace_id() const { return entry_.trace_id; }
  // Tells of it when the table of actions wants that, or when it is a refusal.
  void answered(const Answered& answer) const;
  // The same, by a problem. Also for what is refused on the way to an answer that does not say so.
  void refused(shared::ErrorCode code) const;

 private:
  trust::Audit& audit_;
  trust::AuditEntry entry_;
};

}  // namespace convd::api
