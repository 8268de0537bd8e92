#pragma once
// Who a request is from: by its connection, or over TCP by the token or ticket it shows.

#include <optional>
#include <string>

#include "convd/api/exchange.h"
#include "convd/api/problem.h"
#include "convd/api/route.h"
#include "convd/trust/authority.h"

namespace convd::api {

// Loop thread only.
class Authentication {
 public:
  explicit Authentication(trust::Authority& authority) : authority_(authority) {}

  // For whom a trusted proxy asks.
  std::string address_of(const Request& request) const;
  bool is_proxy(const Caller& peer) const;
  // Sets the caller to the one its token names. Else the caller is nobody, and what is returned says why. A ticket is
  // not used up by this.
  std::optional<Problem> identify(Request& request, Credentials where) const;
  // For a request that got what it asked for.
  void spend_ticket(const Request& request) const;

 private:
  bool is_needed(const Request& request) const;

  trust::Authority& authority_;
};

// Whether a token or ticket is shown, be it good or not.
bool shows_credentials(const Request& request, Credentials where);

// What the caller may not do, and why.
std::optional<Problem> refusal_of(Permission permission, const Caller& caller);

// Takes tokens and tickets out of a request, so that nothing behind this can repeat them.
void forget_credentials(Request& request);

Caller caller_from(const trust::Identity& who, std::string address);
trust::Identity identity_of(const Caller& caller);

}  // namespace convd::api
