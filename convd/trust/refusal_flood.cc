#include "convd/trust/refusal_flood.h"

#include "convd/trust/account.h"

namespace convd::trust {

RefusalFlood::Seen& RefusalFlood::seen_of(const AuditEntry& entry) {
  const Sender sender{entry.address, account_of(entry.org, entry.principal), entry.action};
  const auto known = senders_.find(sender);
  if (known != senders_.end()) return known->second;
  return senders_.size() < most_senders ? senders_[sender] : senders_[Sender{}];
}

bool RefusalFlood::admits(const AuditEntry& entry) {
  Seen& seen = seen_of(entry);
  if (++seen.count <= told_each) return true;
  seen.last = entry;
  return false;
}

void RefusalFlood::end_of_minute(const std::function<void(const AuditEntry& last, std::int64_t omitted)>& tell) {
  for (const auto& [sender, seen] : senders_) {
    if (seen.count > told_each) tell(seen.last, seen.count - told_each);
  }
  senders_.clear();
}

}  // namespace convd::trust
