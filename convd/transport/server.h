#pragma once
// The transport facade: listeners, connections, WebSockets, and their orderly end.

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "convd/api/exchange.h"
#include "convd/loop/ev_loop.h"
#include "convd/loop/unique_fd.h"
#include "convd/transport/context.h"
#include "convd/transport/http_connection.h"
#include "convd/transport/limits.h"
#include "convd/transport/listener.h"
#include "convd/transport/peer.h"
#include "shared/result.h"

namespace convd::transport {

struct ServerOptions {
  Limits limits;
  std::string admin_group = "convd-admin";
  Reach reach = Reach::loopback;
};

// Loop thread only. To stop: stop(), run the loop until counts() are zero or patience ends, destroy.
class Server final : private HttpConnection::Host {
 public:
  using Options = ServerOptions;
  struct Counts {
    std::size_t http = 0;
    std::size_t websockets = 0;
  };

  // Throws std::runtime_error when libwebsockets cannot start.
  Server(loop::EvLoop& loop, api::Service& service, Options options = {});
  ~Server() override;

  // Errors: see listener.h.
  shared::Result<void> listen_unix(const std::string& path);
  shared::Result<std::string> listen_tcp(const std::string& address);  // the real address, "127.0.0.1:41234"
  shared::Result<std::string> adopt_listener(loop::UniqueFd fd);       // its name

  // No new connections; Unix sockets are removed.
  void stop_accepting() { listeners_.clear(); }
  // From now on every connection closes after the answer it owes; idle ones close at once.
  void close_idle();
  // Every WebSocket is closed after what waits for it, and its session's last words, have been sent.
  void close_websockets() { context_.close_all(); }
  // All three.
  void stop();

  Counts counts() const { return {connections_.size(), context_.count()}; }

 private:
  void connection_over(HttpConnection& connection) override;
  void hand_over(Handover handover) override { context_.adopt(std::move(handover)); }
  bool is_stopping() const override { return stopping_; }

  shared::Result<std::string> add(shared::Result<ListenSocket> socket);
  Listener::Verdict on_accepted(loop::UniqueFd socket);
  bool has_room_for(const api::Caller& caller) const;
  void tick();

  loop::EvLoop& loop_;
  api::Service& service_;
  const Options options_;
  const OperatorRule rule_;
  DateCache date_;
  std::vector<char> scratch_;
  Context context_;
  const HttpConnection::Shared shared_;
  std::unordered_map<const HttpConnection*, std::shared_ptr<HttpConnection>> connections_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  loop::Timer ticker_;
  bool stopping_ = false;
};

}  // namespace convd::transport
