#pragma once
// Who may be believed: the keys and rules in force, and the tickets that wait to be used.

#include <string>
#include <string_view>

#include "convd/loop/loop.h"
#include "convd/trust/proxies.h"
#include "convd/trust/tickets.h"
#include "convd/trust/token.h"
#include "shared/result.h"

namespace convd::trust {

enum class Demand : std::uint8_t {
  none,   // who comes over TCP is "local"
  token,  // who comes over TCP has to show one
};

struct Policy {
  Demand demand = Demand::none;
  Keys keys;
  Expectations expected;
  Proxies proxies;
};

// Loop thread only.
class Authority {
 public:
  explicit Authority(loop::Loop& loop, Policy policy = {}) : loop_(loop), policy_(std::move(policy)) {}
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  // Holds from the next token on. Who is let in stays so until its token ends.
  void set(Policy policy) { policy_ = std::move(policy); }
  Demand demand() const { return policy_.demand; }
  const Proxies& proxies() const { return policy_.proxies; }

  // Errors: unauthorized.
  shared::Result<Identity> admit(std::string_view token) const;
  // The ticket stays good until spend_ticket().
  shared::Result<Identity> admit_ticket(std::string_view ticket) const;
  void spend_ticket(std::string_view ticket);
  // Errors: too_many_connections.
  shared::Result<std::string> issue_ticket(const Identity& who);

  struct Minted {
    std::string token;
    std::string key_id;
    std::int64_t expires_ms = 0;
  };
  // With the key of that id, or the first that can sign. Errors: invalid_option (no such key, names no token can have).
  shared::Result<Minted> mint(const Order& order, std::string_view key_id) const;

 private:
  loop::Loop& loop_;
  Policy policy_;
  Tickets tickets_;
};

}  // namespace convd::trust
