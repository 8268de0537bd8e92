#pragma once
// Who is refused again and again shall not fill a disk with it: the first refusals of a minute are told one by one, the
// rest by their number.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>

#include "convd/trust/audit.h"

namespace convd::trust {

// Pure. Loop thread only.
class RefusalFlood {
 public:
  static constexpr std::int64_t told_each = 20;       // of one address, account and action
  static constexpr std::size_t most_senders = 1'000;  // beyond them all others are one

  // Whether this one shall be told; else it is counted.
  bool admits(const AuditEntry& entry);
  // The minute is over: `tell` gets, for whom something was counted, the last such entry and how many.
  void end_of_minute(const std::function<void(const AuditEntry& last, std::int64_t omitted)>& tell);

 private:
  using Sender = std::tuple<std::string, std::string, std::string>;
  struct Seen {
    std::int64_t count = 0;
    AuditEntry last;
  };
  Seen& seen_of(const AuditEntry& entry);

  std::map<Sender, Seen> senders_;
};

}  // namespace convd::trust
