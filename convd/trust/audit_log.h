#pragma once
// The audit log of the daemon: entries become lines of a file, or go nowhere.

#include <optional>
#include <string>

#include "convd/loop/loop.h"
#include "convd/trust/audit.h"
#include "convd/trust/audit_file.h"
#include "convd/trust/refusal_flood.h"

namespace convd::trust {

// Loop thread only.
class AuditLog final : public Audit {
 public:
  // Without a file nothing is kept.
  AuditLog(loop::Loop& loop, std::optional<AuditFile> file);
  // Tells what was counted and not told yet.
  ~AuditLog() override;
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  void tell(const AuditEntry& entry) override;
  AuditCounts counts() const override { return counts_; }
  // For whoever has moved the file away. Logs what goes wrong.
  void reopen();

 private:
  void write(const AuditEntry& entry, std::int64_t omitted);
  void tell_omitted();

  loop::Loop& loop_;
  std::optional<AuditFile> file_;
  RefusalFlood flood_;
  AuditCounts counts_;
  bool failing_ = false;
  loop::Timer minute_;
};

}  // namespace convd::trust
