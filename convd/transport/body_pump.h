#pragma once
// A body that comes piece by piece, on its way out. A piece is taken from its stream when the socket can take it, and
// what the socket then refuses is all that is ever kept.

#include <sys/uio.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "convd/api/exchange.h"
#include "convd/loop/loop.h"
#include "convd/transport/patience.h"

namespace convd::transport {

// Loop thread only.
class BodyPump final : public api::Outlet {
 public:
  enum class Framing : std::uint8_t { plain, chunked };
  enum class End : std::uint8_t { complete, failed };
  // Called once, from a turn of its own; may destroy the pump.
  using Ended = std::function<void(End)>;

  // `socket` stays open while the pump lives.
  BodyPump(loop::Loop& loop, int socket, Framing framing, std::unique_ptr<api::BodyStream> stream, Ended ended);
  ~BodyPump() override;

  void start();
  void want_write() override;
  void flush() override;
  // Asks the stream for its last word.
  void go_away();
  // Whether the peer has taken nothing for `timeout`; to be asked every tick.
  bool is_too_slow(loop::TimePoint now, loop::milliseconds timeout);
  void give_up() { stream_->on_too_slow(); }

 private:
  enum class Sent : std::uint8_t { all, some, failed };

  void run();
  Sent send();
  Sent send_rest();
  Sent send_piece(std::string_view bytes);
  Sent send(std::span<iovec> parts);
  void end(End end);

  loop::Loop& loop_;
  const int socket_;
  const Framing framing_;
  std::unique_ptr<api::BodyStream> stream_;
  Ended ended_;
  loop::Watch writable_;
  loop::Timer end_;
  Patience patience_;
  std::string rest_;  // of a piece
  std::int64_t writes_ = 0;
  bool complete_ = false;  // nothing follows `rest_`
  bool going_away_ = false;
  bool running_ = false;
  bool paused_ = false;  // the socket is full, or others have their turn
};

}  // namespace convd::transport
