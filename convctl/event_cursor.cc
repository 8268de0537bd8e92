#include "convctl/event_cursor.h"

#include <charconv>
#include <utility>

#include "convctl/failure.h"
#include "convctl/http_message.h"
#include "shared/json.h"

namespace convctl {

Since since_from(const std::string& text) {
  if (text == "all") return {Since::Kind::oldest};
  shared::Position position;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), position.seq);
  if (error == std::errc() && end == text.data() + text.size() && position.seq >= 0)
    return {Since::Kind::position, position};
  if (auto full = shared::position_from(text)) return {Since::Kind::position, *std::move(full)};
  throw Failure{Exit::usage, "--since " + text + ": expected a number, EPOCH:SEQ or all", ""};
}

std::vector<std::string> services_from(const std::vector<std::string>& arguments) {
  std::vector<std::string> services;
  for (const std::string& argument : arguments) {
    for (std::size_t at = 0; at <= argument.size();) {
      const std::size_t comma = std::min(argument.find(',', at), argument.size());
      if (comma == at)
        throw Failure{Exit::usage, "--service \"" + argument + "\": expected names with commas between", ""};
      services.push_back(argument.substr(at, comma - at));
      at = comma + 1;
    }
  }
  return services;
}

EventCursor::EventCursor(std::vector<std::string> services, Since since, int progress_ms)
    : services_(std::move(services)), since_(std::move(since)), progress_ms_(progress_ms) {}

// 0 as lastSeq would mean "from now", and what has happened since the log was empty would be missed.
bool EventCursor::from_oldest() const {
  return since_.kind == Since::Kind::oldest || (since_.kind == Since::Kind::position && since_.position.seq == 0);
}

std::string EventCursor::handshake() const {
  shared::Json names = shared::Json::array();
  for (const std::string& service : services_) names.push(service);
  shared::Json message = shared::Json::object();
  message.set("services", std::move(names)).set("version", shared::stream_version);
  if (from_oldest()) {
    message.set("since", "oldest");
  } else if (since_.kind == Since::Kind::position) {
    message.set("lastSeq", since_.position.seq);
    if (!since_.position.epoch.empty()) message.set("epoch", since_.position.epoch);
  }
  if (progress_ms_ > 0) message.set("progressMs", progress_ms_);
  return message.dump();
}

std::string EventCursor::poll_target(int wait_s) const {
  std::string target = "/v2/realtime/poll?services=";
  for (std::size_t i = 0; i < services_.size(); ++i) target += (i == 0 ? "" : ",") + url_encode(services_[i]);
  if (from_oldest()) {
    target += "&since=oldest";
  } else if (since_.kind == Since::Kind::position) {
    target += "&lastSeq=" + std::to_string(since_.position.seq);
    if (!since_.position.epoch.empty()) target += "&epoch=" + url_encode(since_.position.epoch);
  }
  return target + "&wait=" + std::to_string(wait_s) + "&limit=1000";
}

void EventCursor::acknowledged(const std::string& epoch, std::int64_t head, bool recovered) {
  epoch_ = epoch;
  behind_gap_.reset();
  if (since_.kind == Since::Kind::now)
    since_ = {Since::Kind::position, {epoch, head}};
  else if (recovered)
    paged(epoch);
}

void EventCursor::paged(const std::string& epoch) {
  epoch_ = epoch;
  const bool same =
      since_.kind == Since::Kind::position && (since_.position.epoch.empty() || since_.position.epoch == epoch);
  since_ = {Since::Kind::position, {epoch, same ? since_.position.seq : 0}};
}

void EventCursor::gap(std::int64_t head) {
  behind_gap_ = head;
}

void EventCursor::start_over() {
  since_ = {Since::Kind::oldest};
  behind_gap_.reset();
}

bool EventCursor::advance(std::int64_t seq) {
  if (behind_gap_) {
    since_ = {Since::Kind::position, {epoch_, *behind_gap_}};
    behind_gap_.reset();
  }
  if (seq <= since_.position.seq) return false;
  since_.position.seq = seq;
  return true;
}

std::optional<shared::Position> EventCursor::position() const {
  if (since_.kind != Since::Kind::position || since_.position.epoch.empty()) return std::nullopt;
  return since_.position;
}

}  // namespace convctl
