#include "convd/trust/audit_log.h"

#include <chrono>
#include <utility>

#include "convd/trust/log.h"

namespace convd::trust {
namespace {

constexpr loop::milliseconds minute{60'000};

std::int64_t epoch_ms(loop::WallTime time) {
  return std::chrono::duration_cast<loop::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

AuditLog::AuditLog(loop::Loop& loop, std::optional<AuditFile> file) : loop_(loop), file_(std::move(file)) {
  if (file_) minute_ = loop.every(minute, [this] { tell_omitted(); });
}

AuditLog::~AuditLog() {
  tell_omitted();
}

void AuditLog::tell(const AuditEntry& entry) {
  if (!file_) return;
  if (entry.kind == AuditKind::refusal && !flood_.admits(entry)) {
    ++counts_.omitted;
    return;
  }
  write(entry, 0);
}

void AuditLog::tell_omitted() {
  flood_.end_of_minute([this](const AuditEntry& last, std::int64_t omitted) { write(last, omitted); });
}

void AuditLog::write(const AuditEntry& entry, std::int64_t omitted) {
  const auto written = file_->append(to_line(entry, epoch_ms(loop_.wall()), omitted));
  ++(written ? counts_.written : counts_.lost);
  // Said when it begins and when it ends: there are as many lines as requests.
  if (std::exchange(failing_, !written) == !written) return;
  if (written)
    log()->info("audit_log: {} is written again", file_->path());
  else
    log()->error("{}; lines are lost until it can be written", written.error().message);
}

void AuditLog::reopen() {
  if (!file_) return;
  if (const auto opened = file_->reopen(); !opened) log()->error("{}; going on as before", opened.error().message);
}

}  // namespace convd::trust
