#include "convd/api/stream_frames.h"

#include "shared/json.h"
#include "shared/stream.h"
#include "shared/time.h"

namespace convd::api {
namespace {

using shared::Json;

// Everybody comes back within this time, not at once.
constexpr int reconnect_spread_ms = 15'000;

Json frame(std::string_view type) {
  Json json = Json::object();
  json.set("type", type);
  return json;
}

}  // namespace

std::string ack_frame(const StreamRequest& request, const events::Opened& opened, const std::string& connection_id,
                      std::int64_t now_ms) {
  Json rejected = Json::array();
  for (const std::string& name : request.rejected) rejected.push(name);
  Json json = frame("ack");
  json.set("seq", 0)
      .set("timestamp", shared::to_rfc3339(now_ms))
      .set("connectionId", connection_id)
      .set("epoch", opened.log.epoch)
      .set("head", opened.log.head)
      .set("oldest", opened.log.oldest)
      .set("recovered", request.resumes() && !opened.gap)
      .set("replaying", opened.replaying)
      .set("rejected", std::move(rejected))
      .set("heartbeatMs", heartbeat_ms)
      .set("compress", request.compress ? Json(shared::compression_name) : Json());
  return json.dump();
}

std::string ping_frame(std::int64_t seq, std::int64_t now_ms) {
  Json json = frame("ping");
  json.set("timestamp", shared::to_rfc3339(now_ms)).set("seq", seq);
  return json.dump();
}

std::string pong_frame(std::int64_t now_ms) {
  Json json = frame("pong");
  json.set("timestamp", shared::to_rfc3339(now_ms));
  return json.dump();
}

std::string error_frame(std::string_view code, const std::string& message, bool is_temporary) {
  Json json = frame("error");
  json.set("code", code).set("message", message).set("temporary", is_temporary);
  return json.dump();
}

std::string goodbye_frame() {
  Json json = frame("goodbye");
  json.set("reason", "shutdown").set("reconnectMs", std::move(Json::array().push(0).push(reconnect_spread_ms)));
  return json.dump();
}

std::string token_expiring_frame(std::int64_t ends_ms, std::int64_t now_ms) {
  Json json = frame("token_expiring");
  json.set("timestamp", shared::to_rfc3339(now_ms)).set("expires", shared::to_rfc3339(ends_ms));
  return json.dump();
}

std::string refreshed_frame(std::int64_t ends_ms, std::int64_t now_ms) {
  Json json = frame("refreshed");
  json.set("timestamp", shared::to_rfc3339(now_ms)).set("expires", shared::to_rfc3339(ends_ms));
  return json.dump();
}

}  // namespace convd::api
