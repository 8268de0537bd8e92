#include "convd/api/stream_socket.h"

#include <utility>

#include "convd/api/authentication.h"
#include "convd/api/stream_frames.h"
#include "convd/api/trace.h"
#include "convd/events/websocket_frame.h"
#include "convd/loop/wall_clock.h"
#include "shared/stream.h"

namespace convd::api {
namespace {

using shared::CloseCode;

SocketSession::Close close_for(CloseCode code) {
  return {static_cast<std::uint16_t>(code), std::string(shared::reason_of(code))};
}

}  // namespace

StreamSocket::StreamSocket(realtime::Realtime& realtime, loop::Loop& loop, trust::Authority& authority, Caller caller,
                           AuditTrail trail)
    : realtime_(realtime),
      loop_(loop),
      authority_(authority),
      caller_(std::move(caller)),
      trail_(std::move(trail)),
      entry_(realtime.connections.enter(caller_.org, caller_.principal, realtime::Connections::Admission::rollout)),
      expiry_(loop, {.soon =
                         [this] {
                           if (opened_) tell_expiring();
                         },
                     .over = [this] { close(CloseCode::token_expired); }}),
      window_began_(loop.now()) {
  if (!entry_.stay) close_ = close_for(entry_.refusal);
}

void StreamSocket::on_open(Outlet& outlet) {
  outlet_ = &outlet;
  if (close_) return outlet.want_write();
  expiry_.set(caller_.token_ends_ms);
  timer_ = loop_.after(handshake_timeout, [this] { close(CloseCode::handshake_timeout); });
}

void StreamSocket::on_message(std::string_view message, MessageKind kind) {
  if (close_) return;
  if (is_too_fast()) return close(CloseCode::too_fast);
  if (kind == MessageKind::binary) return fail("bad_message", "expected a text message");
  const auto json = shared::Json::parse(message);
  if (!json) return fail("bad_message", json.error().message);
  on_request(json->read());
}

bool StreamSocket::is_too_fast() {
  if (loop_.now() - window_began_ > rate_window) {
    window_began_ = loop_.now();
    messages_ = 0;
  }
  return ++messages_ > most_messages;
}

void StreamSocket::on_request(const shared::JsonReader& json) {
  if (!json.is_object()) return fail("bad_message", "expected an object");
  const auto member = json.find("type");
  const auto type = member ? member->string() : shared::Result<std::string>(std::string());
  if (type && *type == "refresh") return refresh(json);
  if (request_ && json.find("services"))
    return fail("bad_message", "this connection has its services: open another for others");
  if (request_ || (type && (*type == "ping" || *type == "pong"))) {
    if (type && *type == "ping") return say(pong_frame(loop::wall_ms(loop_)));
    if (type && *type == "pong") return;
    return say(error_frame("unknown_message", "expected a ping or a pong", true));
  }
  StreamFault fault;
  request_ = handshake_from(json, fault);
  if (!request_) return fail(fault.code, fault.message);
  const auto encoding = request_->compress ? events::Encoding::websocket_deflate : events::Encoding::websocket;
  reader_ = realtime_.log.hub().attach(caller_.org, request_->filter, request_->start, encoding, *this);
  if (request_->progress_ms) reader_->set_progress_interval(loop::milliseconds(*request_->progress_ms));
  timer_ = loop_.every(loop::milliseconds(heartbeat_ms), [this] {
    ping_due_ = true;
    outlet_->flush();
  });
}

// A token that is not accepted changes nothing: the connection goes on until the one it has is over.
void StreamSocket::refresh(const shared::JsonReader& json) {
  if (caller_.token_ends_ms == 0)
    return say(error_frame("unknown_message", "this connection has no token to be refreshed", true));
  const auto member = json.find("access_token");
  const auto token = member ? member->string() : shared::Result<std::string>(std::string());
  const auto who = token ? authority_.admit(*token) : token.error();
  if (!who)
    return refuse_token(shared::ErrorCode::unauthorized, "invalid_token", "this is no token that is accepted here");
  const bool is_same = who->principal == caller_.principal && who->org == caller_.org;
  if (!is_same || !who->scopes.has(trust::Scope::read))
    return refuse_token(shared::ErrorCode::forbidden, "forbidden",
                        "the token is another one's, or lacks the scope \"read\"");
  caller_ = caller_from(*who, caller_.address);
  expiry_.set(caller_.token_ends_ms);
  say(refreshed_frame(caller_.token_ends_ms, loop::wall_ms(loop_)));
}

void StreamSocket::refuse_token(shared::ErrorCode code, std::string_view word, const std::string& message) {
  trail_.refused(code);
  say(error_frame(word, message, true));
}

void StreamSocket::on_opened(const events::Opened& opened) {
  watched_ = realtime_.presence.enter_all(caller_.org, request_->filter, caller_.principal);
  std::string ack;
  events::append_frame(ack, ack_frame(*request_, opened, "c_" + random_trace_id(), loop::wall_ms(loop_)));
  waiting_.insert(0, ack);  // before the answers to what the client could not wait to say
  opened_ = true;
  if (expiry_.is_soon()) tell_expiring();
  outlet_->want_write();
}

void StreamSocket::tell_expiring() {
  say(token_expiring_frame(caller_.token_ends_ms, loop::wall_ms(loop_)));
}

void StreamSocket::on_refused(const shared::Error& error) {
  say(error_frame(shared::to_string(error.code), error.message, true));
  close(CloseCode::internal_error);
}

std::string_view StreamSocket::next_frames(std::size_t most) {
  if (reader_ && !close_) {
    if (!opened_ && !leaving_) return {};
    if (waiting_.empty()) {
      const std::string_view events = reader_->take({.bytes = most});
      if (!events.empty()) return events;
    }
    if (std::exchange(ping_due_, false))
      events::append_frame(waiting_, ping_frame(reader_->position(), loop::wall_ms(loop_)));
    if (leaving_ && waiting_.empty()) {
      reader_.reset();
      events::append_frame(waiting_, goodbye_frame());
    }
  }
  given_ = std::exchange(waiting_, {});
  return given_;
}

std::optional<SocketSession::Close> StreamSocket::finished() const {
  return waiting_.empty() ? close_ : std::nullopt;
}

SocketSession::Close StreamSocket::going_away() {
  if (close_) return *close_;
  leaving_ = true;
  return close_for(CloseCode::shutdown);
}

void StreamSocket::on_too_slow() {
  if (entry_.stay) entry_.stay->was_slow();
}

void StreamSocket::say(const std::string& frame) {
  events::append_frame(waiting_, frame);
  outlet_->want_write();
}

void StreamSocket::close(CloseCode code) {
  if (close_) return;
  close_ = close_for(code);
  timer_.reset();
  expiry_.set(0);
  outlet_->want_write();
}

void StreamSocket::fail(std::string_view code, const std::string& message) {
  say(error_frame(code, message, false));
  close(CloseCode::bad_message);
}

}  // namespace convd::api
