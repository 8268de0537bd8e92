#pragma once
// One WebSocket to /ws/conversion/{id}: text messages in, nothing out. Main thread only.

#include <functional>
#include <string>

#include "convctl/client_loop.h"
#include "convctl/endpoint.h"

struct lws;

namespace convctl {

// No extensions, no redirects. Destroying it closes the connection and nothing is told.
class WebSocket {
 public:
  struct Events {
    std::function<void(const std::string& text)> on_message;
    // Told once, in a later turn: the handshake failed, or the connection has ended for whatever reason.
    std::function<void(const std::string& why)> on_closed;
  };

  WebSocket(ClientLoop& loop, const Endpoint& endpoint, const std::string& target, Events events);
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // For the C callback.
  void received(const char* bytes, std::size_t size, bool last);
  void ended(const std::string& why);
  ClientLoop& loop() { return loop_; }

 private:
  ClientLoop& loop_;
  Events events_;
  std::string message_;
  bool over_ = false;
  lws* wsi_ = nullptr;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace convctl
