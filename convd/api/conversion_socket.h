#pragma once
// /ws/conversion/{id}: the status object at once, then every newer one, then close 1000 after the terminal one.

#include <memory>
#include <string>

#include "convd/api/exchange.h"
#include "convd/api/expiry.h"
#include "convd/events/board.h"
#include "convd/realtime/connections.h"
#include "convd/realtime/presence.h"

namespace convd::api {

// A watcher owns no queue: what is superseded before the client could take it is never sent. Loop thread only.
class ConversionSocket final : public SocketSession {
 public:
  // `now` is the state at this moment, read in the same turn. Progress is told once per `interval` at most. `ticket`
  // and `stay` are kept.
  ConversionSocket(events::Board& board, const std::string& id, events::Latest now,
                   loop::milliseconds interval = events::Board::progress_interval,
                   realtime::Presence::Ticket ticket = nullptr,
                   std::unique_ptr<realtime::Connections::Stay> stay = nullptr);
  // Until when its token lets the client watch.
  void end_at(loop::Loop& loop, std::int64_t wall_ms);

  void on_open(Outlet& outlet) override;
  void on_message(std::string_view, MessageKind) override {}  // this dialect has nothing to say to us
  std::string_view next_frames(std::size_t most) override;
  std::optional<Close> finished() const override;
  void on_too_slow() override;

 private:
  void changed(const events::Latest& latest);

  events::Latest latest_;
  bool waiting_ = true;  // latest_ has not been handed out yet
  bool token_over_ = false;
  Outlet* outlet_ = nullptr;
  std::string frame_;  // what was handed out last
  realtime::Presence::Ticket ticket_;
  std::unique_ptr<realtime::Connections::Stay> stay_;  // may be null
  std::unique_ptr<events::Board::Subscription> subscription_;
  std::optional<Expiry> expiry_;
};

}  // namespace convd::api
