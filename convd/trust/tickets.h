#pragma once
// Tickets: what a browser shows instead of its token where it can set no header. Good once, for a minute.

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "convd/trust/token.h"
#include "shared/result.h"

namespace convd::trust {

// Loop thread only.
class Tickets {
 public:
  static constexpr std::int64_t lifetime_ms = 60'000;
  static constexpr std::size_t most = 10'000;
  static constexpr int most_of_principal = 100;

  // A new ticket for `who`. Errors: too_many_connections when too many wait to be used.
  shared::Result<std::string> issue(const Identity& who, std::int64_t now_ms);
  // Null when there is none, or its minute or its token is over. Valid until the next call.
  const Identity* find(std::string_view ticket, std::int64_t now_ms) const;
  void spend(std::string_view ticket);
  std::size_t count() const { return by_age_.size(); }

 private:
  struct Waiting {
    std::string ticket;
    Identity who;
    std::int64_t end_ms = 0;
  };
  using ByAge = std::list<Waiting>;
  void drop(ByAge::iterator place);

  ByAge by_age_;  // the oldest first
  std::unordered_map<std::string_view, ByAge::iterator> by_ticket_;
  std::unordered_map<std::string, int> by_principal_;  // never 0
};

}  // namespace convd::trust
