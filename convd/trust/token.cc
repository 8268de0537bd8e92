#include "convd/trust/token.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <vector>

#include "shared/base64url.h"
#include "shared/json.h"

namespace convd::trust {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Json;
using shared::JsonReader;
using shared::Result;

constexpr double last_second = 253'402'300'799;  // of the year 9999
constexpr shared::JsonLimits json_limits{.size_bytes = most_token_bytes, .depth = 8};

Error refused(std::string why) {
  return {ErrorCode::unauthorized, std::move(why), {}};
}

// The three parts of the compact form.
struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  // header and payload with the dot between
};

std::optional<Parts> parts_of(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1),
               token.substr(0, second)};
}

std::optional<Json> object_in(std::string_view part) {
  const auto text = shared::from_base64url(part);
  if (!text) return std::nullopt;
  auto json = Json::parse(*text, json_limits);
  if (!json || !json->read().is_object()) return std::nullopt;
  return *std::move(json);
}

std::optional<std::string> text_at(const JsonReader& json, std::string_view name) {
  const auto member = json.find(name);
  if (!member || !member->is_string()) return std::nullopt;
  return member->string().value();
}

// The key the header asks for, if it may. Whatever else a header offers ("jwk", "jku", "x5u") is not looked at.
Result<const Key*> key_for(const JsonReader& header, const Keys& keys) {
  const auto members = header.members().value();
  const auto has = [&](std::string_view name) {
    return std::any_of(members.begin(), members.end(), [&](const auto& member) { return member.first == name; });
  };
  if (has("crit")) return refused("the token asks for an extension that is not known here");
  const auto id = text_at(header, "kid");
  if (has("kid") && !id) return refused("the header of the token is malformed");
  const Key* key = keys.find(id ? &*id : nullptr);
  if (key == nullptr && !id) return refused("the token names no key");
  if (key == nullptr) return refused("the token names a key that is not known here");
  if (text_at(header, "alg") != std::string(to_string(key->algorithm())))
    return refused("the token has another algorithm than its key");
  return key;
}

// A NumericDate, in milliseconds; nothing when the claim is not there.
Result<std::optional<std::int64_t>> time_at(const JsonReader& claims, std::string_view name) {
  const auto member = claims.find(name);
  if (!member) return std::optional<std::int64_t>();
  const auto seconds = member->number();
  if (!seconds || !(*seconds >= 0) || *seconds > last_second)
    return refused("the claim \"" + std::string(name) + "\" is no time");
  return std::optional(static_cast<std::int64_t>(*seconds * 1000));
}

// Until when the token is good.
Result<std::int64_t> check_times(const JsonReader& claims, std::int64_t leeway_ms, std::int64_t now_ms) {
  const auto expires = time_at(claims, "exp");
  const auto not_before = time_at(claims, "nbf");
  const auto issued = time_at(claims, "iat");
  for (const auto* time : {&expires, &not_before, &issued}) {
    if (!*time) return time->error();
  }
  if (!*expires) return refused("the token has no \"exp\"");
  const std::int64_t end_ms = **expires + leeway_ms;
  if (now_ms >= end_ms) return refused("the token has expired");
  if (not_before->value_or(0) > now_ms + leeway_ms) return refused("the token is not valid yet");
  if (issued->value_or(0) > now_ms + leeway_ms) return refused("the token was issued in the future");
  return end_ms;
}

// A string or an array of strings (RFC 7519, 4.1.3).
bool names_audience(const JsonReader& claims, const std::string& audience) {
  const auto claim = claims.find("aud");
  if (!claim) return false;
  if (claim->is_string()) return claim->string().value() == audience;
  const auto items = claim->items();
  if (!items) return false;
  return std::any_of(items->begin(), items->end(),
                     [&](const JsonReader& item) { return item.is_string() && item.string().value() == audience; });
}

std::optional<Error> check_parties(const JsonReader& claims, const Expectations& expected) {
  if (!names_audience(claims, expected.audience)) return refused("the token is not for this audience");
  if (text_at(claims, "iss") != expected.issuer) return refused("the token is not from this issuer");
  return std::nullopt;
}

Result<Identity> identity_in(const JsonReader& claims, std::int64_t expires_ms) {
  Identity who;
  const auto subject = text_at(claims, "sub");
  if (!subject) return refused("the token has no \"sub\"");
  const auto org = claims.find("org");
  if (org && !org->is_string()) return refused("the claim \"org\" is no string");
  who.principal = *subject;
  who.org = org ? org->string().value() : *subject;
  if (!is_name_for_token(who.principal) || !is_name_for_token(who.org))
    return refused("\"sub\" or \"org\" is a name that no token can have");
  const auto scope = claims.find("scope");
  if (scope && !scope->is_string()) return refused("the claim \"scope\" is no string");
  if (scope) who.scopes = Scopes::parse(scope->string().value());
  who.expires_ms = expires_ms;
  return who;
}

}  // namespace

bool is_name_for_token(std::string_view name) {
  if (name.empty() || name.size() > most_name_bytes) return false;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(name.begin(), name.end(), is_control)) return false;
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower != "local" && !lower.starts_with("uid:");
}

Result<Identity> verify(std::string_view token, const Keys& keys, const Expectations& expected, std::int64_t now_ms) {
  if (token.size() > most_token_bytes) return refused("the token is too long");
  const auto parts = parts_of(token);
  if (!parts) return refused("this is no JSON Web Token");
  const auto header = object_in(parts->header);
  if (!header) return refused("the header of the token is malformed");
  const auto key = key_for(header->read(), keys);
  if (!key) return key.error();
  const auto signature = shared::from_base64url(parts->signature);
  if (!signature || !(*key)->verifies(parts->signed_text, *signature))
    return refused("the signature of the token is not right");
  // Nothing of what the token claims has been looked at before this.
  const auto payload = object_in(parts->payload);
  if (!payload) return refused("the claims of the token are malformed");
  const auto expires_ms = check_times(payload->read(), expected.leeway_ms, now_ms);
  if (!expires_ms) return expires_ms.error();
  if (auto wrong = check_parties(payload->read(), expected)) return *wrong;
  return identity_in(payload->read(), *expires_ms);
}

std::string mint(const Order& order, const Key& key, const Expectations& expected, std::int64_t now_ms) {
  Json header = Json::object();
  header.set("alg", to_string(key.algorithm())).set("typ", "JWT").set("kid", key.id());
  Json claims = Json::object();
  claims.set("sub", order.principal);
  if (!order.org.empty()) claims.set("org", order.org);
  claims.set("scope", order.scopes.text()).set("aud", expected.audience).set("iss", expected.issuer);
  claims.set("iat", now_ms / 1000).set("exp", now_ms / 1000 + order.lifetime_s);
  const std::string text = shared::to_base64url(header.dump()) + "." + shared::to_base64url(claims.dump());
  return text + "." + shared::to_base64url(key.sign(text));
}

}  // namespace convd::trust
