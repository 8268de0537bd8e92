#include "convctl/event_intake.h"

#include <algorithm>

#include "convctl/client.h"
#include "convctl/json_text.h"

namespace convctl {
namespace {

[[noreturn]] void not_understood(const std::string& why) {
  throw Failure{Exit::protocol, "convd's events are not what was expected: " + why,
                "is it another version? `convctl version`"};
}

std::int64_t number_at(const shared::JsonReader& json, std::string_view key) {
  const auto member = json.at(key);
  if (!member) not_understood(member.error().message);
  const auto number = member->integer(0, std::int64_t{1} << 53);
  if (!number) not_understood(number.error().message);
  return *number;
}

std::string word_at(const shared::JsonReader& json, std::string_view key) {
  const auto member = json.at(key);
  if (!member) not_understood(member.error().message);
  const auto text = member->string();
  if (!text) not_understood(text.error().message);
  return *text;
}

std::string epoch_at(const shared::JsonReader& json) {
  std::string epoch = word_at(json, "epoch");
  if (epoch.empty()) not_understood("an empty epoch");
  return epoch;
}

Gap gap_from(const shared::JsonReader& json) {
  return {word_at(json, "reason"), number_at(json, "oldest"), number_at(json, "head")};
}

}  // namespace

Failure no_stream() {
  return Failure{Exit::protocol, "this convd has no event stream",
                 "`convctl version` shows its version; `convctl watch ID` follows a conversion with any"};
}

EventIntake::Frame EventIntake::take_frame(const std::string& text) {
  const shared::Json json = json_from(text);
  const shared::JsonReader frame = json.read();
  const std::string type = word_at(frame, "type");
  if (type == "ack") {
    take_ack(frame);
    return Frame::ack;
  }
  if (type == "event") {
    take_events(frame);
    return Frame::event;
  }
  if (type == "ping") {
    cursor_.advance(number_at(frame, "seq"));
    return Frame::ping;
  }
  if (type == "gap") {
    const Gap gap = gap_from(frame);
    cursor_.gap(gap.head);
    sink_.gap(cursor_.epoch(), gap);
  }
  if (type == "goodbye") take_goodbye(frame);
  if (type == "error") sink_.warn(text_at(frame, "message") + " (" + text_at(frame, "code") + ")");
  return Frame::other;
}

void EventIntake::take_ack(const shared::JsonReader& frame) {
  cursor_.acknowledged(epoch_at(frame), number_at(frame, "head"), flag_at(frame, "recovered"));
  heartbeat_ = std::chrono::milliseconds(std::max<std::int64_t>(1, number_at(frame, "heartbeatMs")));
  take_rejected(texts_at(frame, "rejected"));
}

void EventIntake::take_goodbye(const shared::JsonReader& frame) {
  const auto range = items_at(frame, "reconnectMs");
  if (range.size() != 2) return;
  constexpr std::int64_t longest_ms = 60'000;
  const auto least = range[0].integer(0, longest_ms);
  const auto most = range[1].integer(0, longest_ms);
  const std::int64_t from = least ? *least : 0;
  pause_ = Pause{std::chrono::milliseconds(from), std::chrono::milliseconds(std::max(from, most ? *most : longest_ms))};
}

bool EventIntake::take_events(const shared::JsonReader& frame) {
  const auto events = items_at(frame, "events");
  for (const shared::JsonReader& event : events) {
    const std::int64_t seq = number_at(event, "seq");
    const bool snapshot = text_at(event, "class") == to_string(shared::EventClass::snapshot);
    if (snapshot || cursor_.advance(seq)) sink_.event(cursor_.epoch(), event);
  }
  return !events.empty();
}

void EventIntake::take_rejected(const std::vector<std::string>& rejected) {
  if (rejected.empty() || std::exchange(rejected_told_, true)) return;
  std::string names;
  for (const std::string& name : rejected) names += (names.empty() ? "" : ", ") + name;
  if (rejected.size() >= cursor_.services().size())
    throw Failure{Exit::usage, "convd has no such service: " + names, "`convctl events --help` names them"};
  sink_.warn("convd has no such service: " + names);
}

// An answer without a body cannot say what the daemon does not know: what this program does not know is probably it.
void EventIntake::doubt_services() {
  for (const std::string& name : cursor_.services()) {
    if (shared::service_from(name.substr(0, name.find(':')))) continue;
    if (!std::exchange(rejected_told_, true)) sink_.warn("nothing has come, and no service is known as " + name);
  }
}

EventIntake::Page EventIntake::take_page(const HttpResponse& response) {
  if (response.status == 404) throw no_stream();
  if (response.status == 410) return take_expired(response);
  if (!is_success(response)) throw failure_from(response);
  Page page;
  std::int64_t seq = 0;
  if (response.status == 204) {
    const auto bookmark = shared::position_from(response.header("convd-epoch").value_or("") + ":" +
                                                response.header("convd-seq").value_or(""));
    if (!bookmark) not_understood("204 without Convd-Epoch and Convd-Seq");
    cursor_.paged(bookmark->epoch);
    page.head = seq = bookmark->seq;
    doubt_services();
  } else {
    const shared::Json json = json_from(response.body);
    cursor_.paged(epoch_at(json.read()));
    take_rejected(texts_at(json.read(), "rejected"));
    page.has_events = take_events(json.read());
    page.head = number_at(json.read(), "head");
    seq = number_at(json.read(), "seq");
  }
  cursor_.advance(seq);
  return page;
}

// A page has no snapshots: the oldest that is still there is the next best.
EventIntake::Page EventIntake::take_expired(const HttpResponse& response) {
  if (cursor_.starts_over()) throw failure_from(response);
  const shared::Json json = json_from(response.body);
  const Gap gap = gap_from(json.read());
  cursor_.start_over();
  sink_.gap(text_at(json.read(), "epoch"), gap);
  return {true, gap.head};
}

}  // namespace convctl
