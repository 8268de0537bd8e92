// The stream by every transport, who gets it, and how it fares.

#include <utility>

#include "convd/api/realtime_metrics.h"
#include "convd/api/services.h"
#include "convd/api/stream_frames.h"
#include "convd/api/stream_poll.h"
#include "convd/api/stream_socket.h"
#include "convd/api/stream_sse.h"
#include "shared/stream.h"

namespace convd::api {
namespace {

using shared::ErrorCode;
using shared::Json;
using shared::Result;

// The position of a client that comes back by itself: an EventSource says where it was in a header.
Result<StreamRequest> sse_request(const Request& request) {
  auto wanted = stream_query(request);
  const std::string_view last = request.header("last-event-id");
  if (!wanted || last.empty()) return wanted;
  auto position = shared::position_from(last);
  if (!position) return position.error();
  wanted->start = {events::Start::From::position, position->epoch, position->seq};
  return wanted;
}

void refuse(shared::CloseCode code, const Reply& reply) {
  Problem problem;
  if (code == shared::CloseCode::realtime_disabled) {
    problem.error = {ErrorCode::realtime_disabled, "the stream is not switched on for you: poll instead", {}};
    problem.extras.set("fallback", "poll");
  } else {
    problem.error = {ErrorCode::too_many_connections, "you have too many connections open", {}};
  }
  reply.fail(problem);
}

void sse(Services& services, const Call& call) {
  auto wanted = sse_request(call.request);
  if (!wanted) return call.reply.fail(wanted.error());
  const Caller& caller = call.request.caller;
  auto entry =
      services.realtime.connections.enter(caller.org, caller.principal, realtime::Connections::Admission::rollout);
  if (!entry.stay) return refuse(entry.refusal, call.reply);
  Response response;
  response.headers = {
      {"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  response.body =
      std::make_unique<StreamSse>(services.realtime, services.loop, caller, *std::move(wanted), std::move(entry.stay));
  call.reply.send(std::move(response));
}

Json service_names() {
  Json names = Json::array();
  for (int i = 0; i < shared::service_count; ++i) names.push(to_string(static_cast<shared::Service>(i)));
  return names;
}

Result<Response> config(const Services& services, const Call& call) {
  const realtime::RolloutSettings& rollout = services.realtime.settings.rollout;
  const bool is_in = realtime::admits(rollout, call.request.caller.principal);
  Json json = Json::object();
  json.set("enabled", rollout.enabled)
      .set("rollout_percent", rollout.percent)
      .set("transport", is_in ? "stream" : "poll")
      .set("fallback", is_in ? Json() : Json("poll"))
      .set("version", shared::stream_version)
      .set("services", service_names())
      .set("compress", std::move(Json::array().push(shared::compression_name)))
      .set("heartbeat_ms", heartbeat_ms)
      .set("stream", "/v2/realtime/stream")
      .set("sse", "/v2/realtime/sse")
      .set("poll", "/v2/realtime/poll")
      .set("ticket", "/v2/realtime/ticket");
  return json_response(200, json);
}

Result<Response> metrics(const Services& services, const Call&) {
  return json_response(200, realtime_json(services.realtime));
}

}  // namespace

std::vector<Route> realtime_routes(Services& services) {
  const auto get = [&services](std::string_view pattern, auto handler) {
    return read_get(pattern, [&services, handler](const Call& call) { return handler(services, call); });
  };
  const Start poll = [&services](Call call) {
    return std::make_shared<StreamPoll>(services.realtime, services.loop, std::move(call));
  };
  const Start events = answer_later([&services](const Call& call) { sse(services, call); });
  return {
      {"GET", "/v2/realtime/poll", Permission::read, Body::ignored, ignored_body_bytes, poll},
      {"GET", "/v2/realtime/sse", Permission::read, Body::ignored, ignored_body_bytes, events,
       Credentials::header_or_url, trust::Errand::stream},
      {"GET", "/v2/realtime/stream", Permission::read, Body::ignored, ignored_body_bytes,
       answer_later([](const Call& call) { call.reply.fail(websocket_wanted()); }), Credentials::header_or_url},
      get("/v2/realtime/config", config),
      get("/v2/realtime/metrics", metrics),
  };
}

std::vector<SocketRoute> realtime_sockets(Services& services) {
  constexpr std::string_view pattern = "/v2/realtime/stream";
  const auto open = [&services, pattern](const Request& request, const std::vector<std::string>&) {
    AuditTrail trail(services.audit, request,
                     {.route = nullptr, .params = {}, .pattern = std::string(pattern), .allow = {}});
    trail.asked_by(request.caller);
    return std::make_unique<StreamSocket>(services.realtime, services.loop, services.authority, request.caller,
                                          std::move(trail));
  };
  return {{pattern, open, Permission::read, Refusal::by_close}};
}

}  // namespace convd::api
