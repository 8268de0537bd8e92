#include "convd/events/frames.h"

#include "shared/json.h"
#include "shared/time.h"

namespace convd::events {
namespace {

using shared::Json;

std::string number_or_null(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "null";
}

std::string head_of(shared::Service service) {
  return R"({"type":"event","service":")" + std::string(shared::to_string(service)) + R"(","events":[)";
}

}  // namespace

// Put together by hand: `data` is JSON already, and an event is written once but read by thousands.
std::string event_json(const Event& event) {
  std::string json = R"({"seq":)" + std::to_string(event.seq);
  json += R"(,"ts":")" + shared::to_rfc3339(event.ts_ms);
  json += R"(","type":)" + Json(event.type).dump();
  json += R"(,"subject":)" + Json(event.subject).dump();
  json += R"(,"class":")" + std::string(shared::to_string(event.event_class));
  json += R"(","data":)" + event.data_json + "}";
  return json;
}

EventFrame event_frame(const Event& event) {
  const std::string json = event_json(event);
  EventFrame frame;
  frame.text = head_of(event.service);
  frame.event_at = frame.text.size();
  frame.event_size = json.size();
  frame.text += json + R"(],"seq":)" + std::to_string(event.seq) + R"(,"prev":)" + number_or_null(event.prev) + "}";
  return frame;
}

std::string snapshot_frame(const std::vector<Event>& events, std::int64_t seq) {
  std::string text = head_of(events.front().service);
  for (const Event& event : events) {
    if (&event != &events.front()) text += ',';
    text += event_json(event);
  }
  return text + R"(],"seq":)" + std::to_string(seq) + R"(,"prev":null,"snapshot":true})";
}

std::string gap_frame(shared::GapReason reason, const LogHead& log) {
  Json json = Json::object();
  json.set("type", "gap").set("reason", shared::to_string(reason)).set("oldest", log.oldest).set("head", log.head);
  return json.dump();
}

}  // namespace convd::events
