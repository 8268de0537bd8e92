#pragma once
// GET /v2/realtime/sse: the stream as server-sent events (WHATWG HTML, "Server-sent events").

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "convd/api/exchange.h"
#include "convd/api/expiry.h"
#include "convd/api/stream_request.h"
#include "convd/events/hub.h"
#include "convd/loop/loop.h"
#include "convd/realtime/realtime.h"

namespace convd::api {

// Loop thread only.
class StreamSse final : public BodyStream, private events::Hub::Waker {
 public:
  StreamSse(realtime::Realtime& realtime, loop::Loop& loop, Caller caller, StreamRequest request,
            std::unique_ptr<realtime::Connections::Stay> stay);

  void on_open(Outlet& outlet) override;
  std::string_view next_bytes(std::size_t most) override;
  bool finished() const override { return over_ && waiting_.empty(); }
  void going_away() override;
  void on_too_slow() override { stay_->was_slow(); }

 private:
  void on_opened(const events::Opened& opened) override;
  void on_refused(const shared::Error& error) override;
  void on_events() override { outlet_->flush(); }

  void token_over();
  void say(std::string_view name, const std::string& frame);

  realtime::Realtime& realtime_;
  loop::Loop& loop_;
  const Caller caller_;
  const StreamRequest request_;
  std::unique_ptr<realtime::Connections::Stay> stay_;
  Outlet* outlet_ = nullptr;
  std::string epoch_;
  std::string waiting_;
  std::string given_;
  bool leaving_ = false;  // a goodbye is due once all events have been given
  bool over_ = false;
  bool ping_due_ = false;
  std::vector<realtime::Presence::Ticket> watched_;
  std::unique_ptr<events::Hub::Reader> reader_;
  Expiry expiry_;
  loop::Timer pings_;
};

}  // namespace convd::api
