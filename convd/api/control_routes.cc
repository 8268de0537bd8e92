// What only operators may do: hold work back, read the configuration again, log more or less.

#include <utility>

#include "convd/api/header_value.h"
#include "convd/api/operation_view.h"
#include "convd/api/services.h"

namespace convd::api {
namespace {

using jobs::Operation;
using shared::Error;
using shared::ErrorCode;
using shared::Json;
using shared::Result;

constexpr std::int64_t level_body_bytes = 1 << 10;

Result<Response> state(const Services& services) {
  return json_response(200, control_json(services));
}

Error about_to_end() {
  return {ErrorCode::shutting_down, "the daemon is about to end", {}};
}

Start ask_for(Services& services, Operation operation) {
  return answer([&services, operation](const Call&) -> Result<Response> {
    if (services.manager.operation().stopping && operation != Operation::draining) return about_to_end();
    services.control.ask_for(operation);
    return state(services);
  });
}

Result<Response> reload(const Services& services) {
  if (services.manager.operation().stopping) return about_to_end();
  const auto changes = services.control.reload();
  if (!changes) return changes.error();
  Json changed = Json::array();
  Json restart = Json::array();
  for (const KeyChange& change : *changes) {
    Json row = Json::object();
    row.set("key", change.key).set("from", change.from).set("to", change.to);
    (change.effect == KeyChange::Effect::now ? changed : restart).push(std::move(row));
  }
  Json json = Json::object();
  json.set("changed", std::move(changed)).set("needs_restart", std::move(restart));
  return json_response(200, json);
}

class SetLogLevel final : public Handler {
 public:
  SetLogLevel(Services& services, Call call) : services_(services), call_(std::move(call)) {}

  void on_body(std::string_view bytes) override { body_.append(bytes); }
  void on_body_end() override {
    const auto level = read();
    if (!level) return call_.reply.fail(level.error());
    if (auto set = services_.control.set_log_level(*level); !set) return call_.reply.fail(set.error());
    call_.reply.send(json_response(200, control_json(services_)));
  }

 private:
  Result<std::string> read() const {
    if (body_type(call_.request.header("content-type")) != BodyType::json)
      return Error{ErrorCode::unsupported_media_type, "Content-Type must be application/json", {}};
    const auto json = Json::parse(body_);
    if (!json) return json.error();
    if (auto known = json->read().only({"level"}); !known) return known.error();
    const auto level = json->read().at("level");
    if (!level) return level.error();
    return level->string();
  }

  Services& services_;
  Call call_;
  std::string body_;
};

}  // namespace

std::vector<Route> control_routes(Services& services) {
  const auto post = [](std::string_view pattern, Start start) {
    return Route{"POST", pattern, Permission::operators, Body::ignored, ignored_body_bytes, std::move(start)};
  };
  const auto now = [&services](auto handler) {
    return answer([&services, handler](const Call&) { return handler(services); });
  };
  const Start set_log_level = [&services](Call call) {
    return std::make_shared<SetLogLevel>(services, std::move(call));
  };
  return {
      {"GET", "/v1/control", Permission::operators, Body::ignored, ignored_body_bytes, now(state)},
      post("/v1/control/pause", ask_for(services, Operation::paused)),
      post("/v1/control/drain", ask_for(services, Operation::draining)),
      post("/v1/control/resume", ask_for(services, Operation::running)),
      post("/v1/control/reload", now(reload)),
      {"POST", "/v1/control/log-level", Permission::operators, Body::taken, level_body_bytes, set_log_level},
      read_get("/v1/activity",
               [&services](const Call& call) -> Result<Response> {
                 return json_response(200, activity_json(services, call.request.caller));
               }),
  };
}

}  // namespace convd::api
