// Tokens that operators make, and tickets for those who cannot show theirs.

#include <utility>

#include "convd/api/authentication.h"
#include "convd/api/header_value.h"
#include "convd/api/services.h"
#include "shared/time.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Json;
using shared::JsonReader;
using shared::Result;

constexpr std::int64_t order_body_bytes = 4 << 10;
constexpr std::int64_t longest_life_s = 366LL * 86'400;

Response no_store(Response response) {
  for (auto& [name, value] : response.headers) {
    if (name == "Cache-Control") value = "no-store";
  }
  return response;
}

Result<trust::Scopes> scopes_from(const std::string& words) {
  trust::Scopes scopes;
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    const std::string word = words.substr(at, end - at);
    const auto scope = trust::scope_from(word);
    if (!scope) return Error{ErrorCode::invalid_option, "$.scope: expected words of: convert read admin", {}};
    scopes = scopes.with(*scope);
    at = end + 1;
  }
  return scopes;
}

struct Wish {
  trust::Order order;
  std::string key_id;
};

Result<void> read_text(const JsonReader& json, std::string_view name, std::string& to) {
  const auto member = json.find(name);
  if (!member) return {};
  auto text = member->string();
  if (!text) return text.error();
  to = *std::move(text);
  return {};
}

Result<Wish> wish_from(const JsonReader& json) {
  if (auto known = json.only({"sub", "org", "scope", "expires_s", "kid"}); !known) return known.error();
  Wish wish;
  std::string scope = trust::Scopes::of_peers().text();
  const auto subject = json.at("sub");
  if (!subject) return subject.error();
  for (auto read : {read_text(json, "sub", wish.order.principal), read_text(json, "org", wish.order.org),
                    read_text(json, "scope", scope), read_text(json, "kid", wish.key_id)}) {
    if (!read) return read.error();
  }
  const auto scopes = scopes_from(scope);
  if (!scopes) return scopes.error();
  wish.order.scopes = *scopes;
  if (const auto member = json.find("expires_s")) {
    const auto seconds = member->integer(1, longest_life_s);
    if (!seconds) return seconds.error();
    wish.order.lifetime_s = *seconds;
  }
  return wish;
}

class CreateToken final : public Handler {
 public:
  CreateToken(Services& services, Call call) : services_(services), call_(std::move(call)) {}

  void on_body(std::string_view bytes) override { body_.append(bytes); }
  void on_body_end() override {
    const auto minted = mint();
    if (!minted) return call_.reply.fail(minted.error());
    Json json = Json::object();
    json.set("token", minted->token)
        .set("kid", minted->key_id)
        .set("expires_at", shared::to_rfc3339(minted->expires_ms));
    call_.reply.send(no_store(json_response(201, json)));
  }

 private:
  Result<trust::Authority::Minted> mint() const {
    if (body_type(call_.request.header("content-type")) != BodyType::json)
      return Error{ErrorCode::unsupported_media_type, "Content-Type must be application/json", {}};
    const auto json = Json::parse(body_);
    if (!json) return json.error();
    const auto wish = wish_from(json->read());
    if (!wish) return wish.error();
    call_.reply.about(wish->order.principal);
    return services_.authority.mint(wish->order, wish->key_id);
  }

  Services& services_;
  Call call_;
  std::string body_;
};

Result<Response> ticket(const Services& services, const Call& call) {
  const Caller& caller = call.request.caller;
  if (caller.token_ends_ms == 0)
    return Error{ErrorCode::forbidden, "only who has come with a token needs a ticket", {}};
  const auto ticket = services.authority.issue_ticket(identity_of(caller));
  if (!ticket) return ticket.error();
  Json json = Json::object();
  json.set("ticket", *ticket).set("expires_in", trust::Tickets::lifetime_ms / 1000);
  return no_store(json_response(201, json));
}

}  // namespace

std::vector<Route> token_routes(Services& services) {
  const auto create = [&services](Call call) { return std::make_shared<CreateToken>(services, std::move(call)); };
  const auto give = answer([&services](const Call& call) { return ticket(services, call); });
  return {
      {"POST", "/v1/tokens", Permission::local_operators, Body::taken, order_body_bytes, create},
      {"POST", "/v2/realtime/ticket", Permission::read, Body::ignored, ignored_body_bytes, give},
  };
}

}  // namespace convd::api
