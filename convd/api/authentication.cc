#include "convd/api/authentication.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "convd/api/text.h"
#include "shared/stream.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

constexpr std::string_view authorization = "authorization";
constexpr std::string_view subprotocols = "sec-websocket-protocol";

enum class Kind : std::uint8_t { token, ticket, unknown };
struct Credential {
  Kind kind = Kind::token;
  std::string text;
};

bool is_secret_param(std::string_view name) {
  return name == "access_token" || name == "token" || name == "ticket";
}

Credential from_authorization(std::string_view value) {
  const std::size_t blank = std::min(value.find(' '), value.size());
  if (lower(value.substr(0, blank)) != "bearer") return {Kind::unknown, {}};
  return {Kind::token, std::string(trim(value.substr(blank)))};
}

// Every one there is: who shows two must not have the choice left to us.
std::vector<Credential> credentials_in(const Request& request, Credentials where) {
  std::vector<Credential> found;
  for (const auto& [name, value] : request.headers) {
    if (name == authorization) found.push_back(from_authorization(value));
    if (name != subprotocols || where != Credentials::header_or_url) continue;
    for (const std::string_view item : list_items(value)) {
      if (item.starts_with(shared::bearer_subprotocol))
        found.push_back({Kind::token, std::string(item.substr(shared::bearer_subprotocol.size()))});
    }
  }
  if (where != Credentials::header_or_url) return found;
  for (const auto& [name, value] : request.query) {
    if (is_secret_param(name)) found.push_back({name == "ticket" ? Kind::ticket : Kind::token, value});
  }
  return found;
}

Problem challenge(Error error, std::string_view parameters) {
  Problem problem;
  problem.error = std::move(error);
  problem.headers.emplace_back("WWW-Authenticate", "Bearer" + std::string(parameters));
  return problem;
}

Problem bad_token(std::string why) {
  return challenge({ErrorCode::unauthorized, std::move(why), {}}, " error=\"invalid_token\"");
}

Problem no_token(const Request& request, Credentials where) {
  const bool in_url =
      where == Credentials::header && std::any_of(request.query.begin(), request.query.end(),
                                                  [](const auto& pair) { return is_secret_param(pair.first); });
  return challenge({ErrorCode::unauthorized,
                    in_url ? "here a token has to be in the Authorization header, not in the URL"
                           : "a token is needed here: Authorization: Bearer TOKEN",
                    {}},
                   "");
}

std::optional<trust::Scope> scope_of(Permission permission) {
  if (permission == Permission::convert) return trust::Scope::convert;
  if (permission == Permission::read) return trust::Scope::read;
  if (permission == Permission::operators) return trust::Scope::admin;
  return std::nullopt;
}

std::string forwarded_list(const Request& request, std::string_view header) {
  std::string list;
  for (const auto& [name, value] : request.headers) {
    if (name == header) list += (list.empty() ? "" : ",") + value;
  }
  return list;
}

}  // namespace

std::string Authentication::address_of(const Request& request) const {
  const std::string& peer = request.caller.address;
  if (peer.empty()) return peer;
  return authority_.proxies().client_behind(
      peer, {forwarded_list(request, "x-forwarded-for"), forwarded_list(request, "forwarded")});
}

bool Authentication::is_proxy(const Caller& peer) const {
  return authority_.proxies().trusts(peer.address);
}

// The kernel vouches for who comes over the Unix socket.
bool Authentication::is_needed(const Request& request) const {
  return !request.caller.address.empty() && authority_.demand() == trust::Demand::token;
}

std::optional<Problem> Authentication::identify(Request& request, Credentials where) const {
  if (!is_needed(request)) return std::nullopt;
  const std::string address = std::move(request.caller.address);
  request.caller = {.principal = {}, .org = {}, .role = Role::user, .address = address, .scopes = {}};
  const auto found = credentials_in(request, where);
  if (found.empty()) return no_token(request, where);
  if (found.size() > 1) return bad_token("more than one token is given");
  if (found[0].kind == Kind::unknown) return bad_token("the Authorization header has to be: Bearer TOKEN");
  const auto who =
      found[0].kind == Kind::ticket ? authority_.admit_ticket(found[0].text) : authority_.admit(found[0].text);
  if (!who) return bad_token(who.error().message);
  request.caller = caller_from(*who, address);
  return std::nullopt;
}

void Authentication::spend_ticket(const Request& request) const {
  if (!is_needed(request)) return;
  if (const auto ticket = request.param("ticket")) authority_.spend_ticket(*ticket);
}

bool shows_credentials(const Request& request, Credentials where) {
  return !credentials_in(request, where).empty();
}

std::optional<Problem> refusal_of(Permission permission, const Caller& caller) {
  if (permission == Permission::anyone) return std::nullopt;
  if (permission == Permission::local_operators) {
    if (caller.role == Role::operator_ && caller.address.empty()) return std::nullopt;
    return Problem{.error = {ErrorCode::forbidden, "only operators may do this, over the local socket", {}},
                   .headers = {},
                   .retry_after_s = {}};
  }
  const trust::Scope scope = *scope_of(permission);
  if (scope == trust::Scope::admin ? caller.role == Role::operator_ : caller.scopes.has(scope)) return std::nullopt;
  const std::string name(to_string(scope));
  if (caller.token_ends_ms == 0)
    return Problem{.error = {ErrorCode::forbidden, "only operators may do this, over the local socket", {}},
                   .headers = {},
                   .retry_after_s = {}};
  return challenge({ErrorCode::forbidden, "the token has not the scope \"" + name + "\"", {}},
                   " error=\"insufficient_scope\", scope=\"" + name + "\"");
}

void forget_credentials(Request& request) {
  std::erase_if(request.headers,
                [](const auto& header) { return header.first == authorization || header.first == subprotocols; });
  std::erase_if(request.query, [](const auto& pair) { return is_secret_param(pair.first); });
}

Caller caller_from(const trust::Identity& who, std::string address) {
  const bool operates = who.scopes.has(trust::Scope::admin);
  return {.principal = who.principal,
          .org = who.org,
          .role = operates ? Role::operator_ : Role::user,
          .address = std::move(address),
          .scopes = who.scopes,
          .token_ends_ms = who.expires_ms};
}

trust::Identity identity_of(const Caller& caller) {
  return {caller.principal, caller.org, caller.scopes, caller.token_ends_ms};
}

}  // namespace convd::api
