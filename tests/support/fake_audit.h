#pragma once
// An audit log that is read by the test.

#include <vector>

#include "convd/trust/audit.h"

namespace tests {

struct FakeAudit final : convd::trust::Audit {
  void tell(const convd::trust::AuditEntry& entry) override { told.push_back(entry); }
  convd::trust::AuditCounts counts() const override { return {static_cast<std::int64_t>(told.size()), 0, 0}; }

  std::vector<convd::trust::AuditEntry> told;
};

}  // namespace tests
