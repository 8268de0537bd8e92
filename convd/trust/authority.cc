#include "convd/trust/authority.h"

#include "convd/loop/wall_clock.h"

namespace convd::trust {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

Result<Identity> Authority::admit(std::string_view token) const {
  return verify(token, policy_.keys, policy_.expected, loop::wall_ms(loop_));
}

Result<Identity> Authority::admit_ticket(std::string_view ticket) const {
  const Identity* who = tickets_.find(ticket, loop::wall_ms(loop_));
  if (who == nullptr) return Error{ErrorCode::unauthorized, "the ticket is unknown, used or over", {}};
  return *who;
}

void Authority::spend_ticket(std::string_view ticket) {
  tickets_.spend(ticket);
}

Result<std::string> Authority::issue_ticket(const Identity& who) {
  return tickets_.issue(who, loop::wall_ms(loop_));
}

Result<Authority::Minted> Authority::mint(const Order& order, std::string_view key_id) const {
  const bool is_named = is_name_for_token(order.principal) && (order.org.empty() || is_name_for_token(order.org));
  if (!is_named)
    return Error{
        ErrorCode::invalid_option, "sub and org have 1 to 255 bytes, are not \"local\" and no \"uid:...\"", {}};
  const Key* key = policy_.keys.signer(key_id);
  if (key == nullptr) {
    const std::string what = key_id.empty() ? "no key can sign" : "there is no key of that name that can sign";
    return Error{ErrorCode::invalid_option, what + ": auth.key needs a secret or a private key for that", {}};
  }
  const std::int64_t now_ms = loop::wall_ms(loop_);
  return Minted{trust::mint(order, *key, policy_.expected, now_ms), key->id(),
                (now_ms / 1000 + order.lifetime_s) * 1000};
}

}  // namespace convd::trust
