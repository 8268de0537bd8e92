#include "convd/trust/tickets.h"

#include <openssl/rand.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "convd/trust/account.h"
#include "shared/base64url.h"

namespace convd::trust {
namespace {

constexpr std::size_t random_bytes = 32;  // nobody finds one by asking, however the time of an answer may differ

std::string random_text() {
  std::string bytes(random_bytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("OpenSSL has no random bytes");
  return shared::to_base64url(bytes);
}

}  // namespace

shared::Result<std::string> Tickets::issue(const Identity& who, std::int64_t now_ms) {
  while (!by_age_.empty() && by_age_.front().end_ms <= now_ms) drop(by_age_.begin());
  const auto own = by_principal_.find(account_of(who.org, who.principal));
  if (by_age_.size() >= most || (own != by_principal_.end() && own->second >= most_of_principal)) {
    return shared::Error{
        shared::ErrorCode::too_many_connections, "too many tickets wait to be used; each is good for a minute", {}};
  }
  by_age_.push_back({random_text(), who, std::min(now_ms + lifetime_ms, who.expires_ms)});
  by_ticket_.emplace(by_age_.back().ticket, std::prev(by_age_.end()));
  ++by_principal_[account_of(who.org, who.principal)];
  return by_age_.back().ticket;
}

const Identity* Tickets::find(std::string_view ticket, std::int64_t now_ms) const {
  const auto found = by_ticket_.find(ticket);
  return found == by_ticket_.end() || found->second->end_ms <= now_ms ? nullptr : &found->second->who;
}

void Tickets::spend(std::string_view ticket) {
  const auto found = by_ticket_.find(ticket);
  if (found != by_ticket_.end()) drop(found->second);
}

void Tickets::drop(ByAge::iterator place) {
  by_ticket_.erase(place->ticket);
  const auto own = by_principal_.find(account_of(place->who.org, place->who.principal));
  if (--own->second == 0) by_principal_.erase(own);
  by_age_.erase(place);
}

}  // namespace convd::trust
