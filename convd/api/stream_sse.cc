#include "convd/api/stream_sse.h"

#include <utility>

#include "convd/api/stream_frames.h"
#include "convd/api/trace.h"
#include "convd/loop/wall_clock.h"
#include "shared/stream.h"

namespace convd::api {

StreamSse::StreamSse(realtime::Realtime& realtime, loop::Loop& loop, Caller caller, StreamRequest request,
                     std::unique_ptr<realtime::Connections::Stay> stay)
    : realtime_(realtime),
      loop_(loop),
      caller_(std::move(caller)),
      request_(std::move(request)),
      stay_(std::move(stay)),
      waiting_("retry: 1000\n\n"),
      expiry_(loop, {.soon = [] {}, .over = [this] { token_over(); }}) {}

void StreamSse::on_open(Outlet& outlet) {
  outlet_ = &outlet;
  outlet.want_write();
  expiry_.set(caller_.token_ends_ms);
  reader_ = realtime_.log.hub().attach(caller_.org, request_.filter, request_.start, events::Encoding::sse, *this);
  pings_ = loop_.every(loop::milliseconds(heartbeat_ms), [this] {
    ping_due_ = true;
    outlet_->flush();
  });
}

void StreamSse::on_opened(const events::Opened& opened) {
  epoch_ = opened.log.epoch;
  watched_ = realtime_.presence.enter_all(caller_.org, request_.filter, caller_.principal);
  say("ack", ack_frame(request_, opened, "c_" + random_trace_id(), loop::wall_ms(loop_)));
}

void StreamSse::on_refused(const shared::Error& error) {
  say("error", error_frame(shared::to_string(error.code), error.message, true));
  over_ = true;
}

std::string_view StreamSse::next_bytes(std::size_t most) {
  if (waiting_.empty() && reader_ && !over_) {
    const std::string_view events = reader_->take({.bytes = most});
    if (!events.empty()) return events;
    if (leaving_) {
      over_ = true;
      say("goodbye", goodbye_frame());
    }
  }
  // A comment keeps the connection, an id without data moves the client's bookmark.
  if (std::exchange(ping_due_, false) && !epoch_.empty() && !over_)
    waiting_ += ": ping\nid: " + shared::to_text(shared::Position{epoch_, reader_->position()}) + "\n\n";
  given_ = std::exchange(waiting_, {});
  return given_;
}

void StreamSse::going_away() {
  leaving_ = true;
  outlet_->want_write();
}

// An EventSource comes back by itself, with the same token, and is told by 401 to give up.
void StreamSse::token_over() {
  if (over_) return;
  over_ = true;
  say("error", error_frame("token_expired", "the token is over: come back with a new one", false));
}

void StreamSse::say(std::string_view name, const std::string& frame) {
  waiting_ += "event: " + std::string(name) + "\ndata: " + frame + "\n\n";
  outlet_->want_write();
}

}  // namespace convd::api
