#pragma once
// One WebSocket as libwebsockets' callbacks see it: frames out of the session, messages into it, and the close.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/api/exchange.h"
#include "convd/transport/limits.h"

struct lws;

namespace convd::transport {

// Loop thread only.
class WebSocket final : public api::Outlet {
 public:
  enum class Verdict : std::uint8_t { keep, close };

  // `out` is shared by all sockets and used within one call only.
  WebSocket(std::unique_ptr<api::SocketSession> session, const Limits& limits, std::vector<unsigned char>& out);

  void want_write() override;
  void flush() override { want_write(); }
  // Asks the session for its last words, and closes once what waits has been sent.
  void go_away();

  void attach(struct lws* wsi) { wsi_ = wsi; }
  void on_established() { session_->on_open(*this); }
  Verdict on_receive(std::string_view piece);
  Verdict on_writeable();

 private:
  Verdict close_with(const api::SocketSession::Close& close);

  std::unique_ptr<api::SocketSession> session_;  // null once the close has been said
  const Limits& limits_;
  std::vector<unsigned char>& out_;
  struct lws* wsi_ = nullptr;
  std::string message_;
  std::optional<api::SocketSession::Close> last_;  // once going away: how it closes when all has been sent
};

}  // namespace convd::transport
