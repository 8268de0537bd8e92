#pragma once
// One WebSocket as libwebsockets' callbacks see it: frames out of the session, messages into it, and the close.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "convd/api/exchange.h"
#include "convd/loop/loop.h"
#include "convd/transport/limits.h"
#include "convd/transport/patience.h"

struct lws;

namespace convd::transport {

// Loop thread only.
class WebSocket final : public api::Outlet {
 public:
  enum class Verdict : std::uint8_t { keep, close };
  // Those that wait for their peer, or may: look() is to be called for them every tick.
  using Waiting = std::unordered_set<WebSocket*>;

  WebSocket(std::unique_ptr<api::SocketSession> session, std::unique_ptr<api::Stay> stay, const Limits& limits,
            Waiting& waiting, loop::Loop& loop, std::string subprotocol = {});
  ~WebSocket() override;

  void want_write() override;
  void flush() override;
  // Asks the session for its last words, and closes once what waits has been sent.
  void go_away();
  // Gives up a peer that takes nothing. False: it need not be looked at any more.
  bool look(loop::TimePoint now);
  // Asks a silent peer whether it is there, and gives it up when it does not answer. For every socket, every tick.
  void keep_alive(loop::TimePoint now);
  // The peer has said something, or answered that.
  void heard(loop::TimePoint now);

  const std::string& subprotocol() const { return subprotocol_; }
  void attach(struct lws* wsi) { wsi_ = wsi; }
  void on_established();
  // The descriptor is about to be closed.
  void on_closed();
  Verdict on_receive(std::string_view piece);
  Verdict on_writeable();
  // `payload` is that of its close frame, which libwebsockets looks at with too much patience.
  Verdict on_close_by_peer(std::string_view payload);

 private:
  enum class Sent : std::uint8_t { all, some, failed };

  void look_at_first_frame();
  void read_on();
  Sent send();
  bool is_closing() const;
  Verdict close_with(const api::SocketSession::Close& close);
  void close_slow(loop::TimePoint now);
  void kill();

  loop::Loop& loop_;
  const std::unique_ptr<api::Stay> stay_;
  std::unique_ptr<api::SocketSession> session_;  // null once the close has been said
  const Limits& limits_;
  Waiting& waiting_;
  const std::string subprotocol_;
  struct lws* wsi_ = nullptr;
  loop::Watch first_;        // until the first frame has been looked at: libwebsockets does not read before
  loop::Timer first_pause_;  // instead, while one byte of it is there
  bool reads_ = false;       // libwebsockets does
  std::string message_;
  loop::TimePoint heard_at_;
  bool ping_due_ = false;
  std::optional<loop::TimePoint> pinged_at_;       // and not heard since
  std::optional<api::SocketSession::Close> last_;  // once going away: how it closes when all has been sent
  std::optional<loop::TimePoint> end_;             // of a peer that was too slow
  Patience patience_;
  std::int64_t writes_ = 0;
  bool asked_ = false;    // on_writeable() will be called
  bool paused_ = false;   // and nothing is to be sent before: the socket is full, or others have their turn
  bool sending_ = false;  // within send()
  bool killed_ = false;
};

}  // namespace convd::transport
