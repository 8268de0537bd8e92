#include "convd/api/stream_poll.h"

#include <algorithm>
#include <utility>

#include "convd/api/expiry.h"
#include "convd/api/query.h"
#include "convd/api/reply.h"

namespace convd::api {
namespace {

using shared::Json;
using shared::Result;

constexpr std::size_t most_bytes = 256 << 10;  // of one answer
constexpr std::int64_t longest_wait_s = 60;
constexpr std::int64_t most_events = 1'000;

std::string_view without_comma(std::string_view events) {
  return events.substr(0, events.size() - 1);
}

}  // namespace

Result<StreamPoll::Wishes> StreamPoll::wishes() const {
  auto request = stream_query(call_.request);
  if (!request) return request.error();
  const auto wait_s = integer_param(call_.request, "wait", 0, longest_wait_s);
  if (!wait_s) return wait_s.error();
  const auto limit = integer_param(call_.request, "limit", 1, most_events);
  if (!limit) return limit.error();
  Wishes wishes;
  wishes.request = *std::move(request);
  const std::chrono::seconds wanted(wait_s->value_or(0));
  wishes.wait = within_token(call_.request.caller.token_ends_ms, wanted, loop_);
  wishes.most_events = static_cast<int>(limit->value_or(most_events));
  return wishes;
}

void StreamPoll::on_body_end() {
  auto wanted = wishes();
  if (!wanted) return call_.reply.fail(wanted.error());
  wishes_ = *std::move(wanted);
  const Caller& caller = call_.request.caller;
  entry_ = realtime_.connections.enter(caller.org, caller.principal, realtime::Connections::Admission::everyone);
  if (!entry_.stay)
    return call_.reply.fail(
        shared::Error{shared::ErrorCode::too_many_connections, "too many connections wait already", {}});
  entry_.stay->on_leaving([this] { in_a_later_turn([this] { answer_without(); }); });
  reader_ = realtime_.log.hub().attach(caller.org, wishes_.request.filter, wishes_.request.start,
                                       events::Encoding::json, *this);
}

void StreamPoll::on_opened(const events::Opened& opened) {
  opened_ = opened;
  in_a_later_turn([this] { begin_waiting(); });
}

// Answering ends this object, which the hub may be in the middle of calling.
void StreamPoll::in_a_later_turn(std::function<void()> task) {
  timer_ = loop_.after(loop::milliseconds(0), std::move(task));
}

void StreamPoll::begin_waiting() {
  if (opened_.gap) return refuse(*opened_.gap);
  if (answer_with_events()) return;
  waits_ = true;
  timer_ = loop_.after(wishes_.wait, [this] { answer_without(); });
}

void StreamPoll::on_events() {
  if (!std::exchange(waits_, false)) return;
  in_a_later_turn([this] {
    if (!answer_with_events()) answer_without();
  });
}

bool StreamPoll::answer_with_events() {
  const std::string_view events = reader_->take({.bytes = most_bytes, .events = wishes_.most_events});
  // Come to on the way from where it began: there is no room for one among the events of an answer.
  if (const auto gap = reader_->gap()) {
    refuse(*gap);
    return true;
  }
  if (!events.empty()) answer(without_comma(events));
  return !events.empty();
}

void StreamPoll::answer(std::string_view events) {
  Json rejected = Json::array();
  for (const std::string& name : wishes_.request.rejected) rejected.push(name);
  const std::int64_t position = reader_->position();
  Json head = Json::object();
  head.set("epoch", opened_.log.epoch)
      .set("seq", position)
      .set("head", std::max(opened_.log.head, position))
      .set("rejected", std::move(rejected));
  std::string body = head.dump();
  body.pop_back();
  body += ",\"events\":[" + std::string(events) + "]}\n";
  Response response = text_response(200, std::move(body));
  response.headers[0].second = "application/json";
  call_.reply.send(std::move(response));
}

// Nothing has come: 204 with the bookmark, which has no room for services that were not understood.
void StreamPoll::answer_without() {
  if (opened_.log.epoch.empty())
    return call_.reply.fail(shared::Error{shared::ErrorCode::shutting_down, "the daemon is shutting down", {}});
  if (!wishes_.request.rejected.empty()) return answer({});
  Response response = empty_response(204);
  response.headers = {{"Convd-Epoch", opened_.log.epoch},
                      {"Convd-Seq", std::to_string(reader_->position())},
                      {"Cache-Control", "no-store"}};
  call_.reply.send(std::move(response));
}

void StreamPoll::refuse(shared::GapReason reason) const {
  Problem problem;
  problem.error = {shared::ErrorCode::cursor_expired,
                   "the log does not go on from this position: read how things stand, then ask without one",
                   {}};
  problem.extras.set("reason", shared::to_string(reason))
      .set("epoch", opened_.log.epoch)
      .set("oldest", opened_.log.oldest)
      .set("head", opened_.log.head)
      .set("snapshot", "/v1/conversions");
  call_.reply.fail(problem);
}

}  // namespace convd::api
