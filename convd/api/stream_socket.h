#pragma once
// /v2/realtime/stream: one WebSocket for everything its principal may see.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/api/audit_trail.h"
#include "convd/api/exchange.h"
#include "convd/api/expiry.h"
#include "convd/api/stream_request.h"
#include "convd/events/hub.h"
#include "convd/loop/loop.h"
#include "convd/realtime/realtime.h"
#include "convd/trust/authority.h"

namespace convd::api {

// It first waits for the handshake, then it is a reader of the log. Loop thread only.
class StreamSocket final : public SocketSession, private events::Hub::Waker {
 public:
  static constexpr loop::milliseconds handshake_timeout{10'000};
  static constexpr loop::milliseconds rate_window{10'000};
  static constexpr int most_messages = 30;  // of a client, in one window

  // `trail` is told of the tokens that are refused.
  StreamSocket(realtime::Realtime& realtime, loop::Loop& loop, trust::Authority& authority, Caller caller,
               AuditTrail trail);

  void on_open(Outlet& outlet) override;
  void on_message(std::string_view message, MessageKind kind) override;
  std::string_view next_frames(std::size_t most) override;
  std::optional<Close> finished() const override;
  Close going_away() override;
  void on_too_slow() override;

 private:
  void on_opened(const events::Opened& opened) override;
  void on_refused(const shared::Error& error) override;
  void on_events() override { outlet_->flush(); }

  void on_request(const shared::JsonReader& json);
  void refresh(const shared::JsonReader& json);
  void refuse_token(shared::ErrorCode code, std::string_view word, const std::string& message);
  void tell_expiring();
  bool is_too_fast();
  void say(const std::string& frame);
  void close(shared::CloseCode code);
  void fail(std::string_view code, const std::string& message);

  realtime::Realtime& realtime_;
  loop::Loop& loop_;
  trust::Authority& authority_;
  Caller caller_;  // the end of whose token may move
  const AuditTrail trail_;
  realtime::Connections::Entry entry_;
  Outlet* outlet_ = nullptr;
  std::string waiting_;  // frames of this connection alone, ready made
  std::string given_;    // what next_frames() handed out last of those
  std::optional<Close> close_;
  std::optional<StreamRequest> request_;
  bool opened_ = false;  // the ack has been said
  std::vector<realtime::Presence::Ticket> watched_;
  std::unique_ptr<events::Hub::Reader> reader_;
  Expiry expiry_;
  loop::Timer timer_;  // until the handshake, then of the pings
  bool ping_due_ = false;
  bool leaving_ = false;  // a goodbye is due once all events have been given
  loop::TimePoint window_began_;
  int messages_ = 0;
};

}  // namespace convd::api
