#pragma once
// One WebSocket of the daemon: text messages both ways. Main thread only.

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "convctl/client_loop.h"
#include "convctl/endpoint.h"
#include "convctl/failure.h"

struct lws;

namespace convctl {

// How a WebSocket has ended.
struct Closed {
  std::uint16_t code = 0;  // of the daemon's close frame; 0 when there was none
  std::string why;
};
// What that means for those who cannot go on without the socket.
Failure failure_from(const Closed& closed, const Endpoint& endpoint);

// No extensions, no redirects. Destroying it closes the connection and nothing is told.
class WebSocket {
 public:
  struct Events {
    std::function<void(const std::string& text)> on_message;
    // Told once, in a later turn: the handshake failed, or the connection has ended for whatever reason.
    std::function<void(const Closed& closed)> on_closed;
  };
  // Who notices that the daemon has gone without a word.
  enum class Liveness { pings, left_to_the_owner };

  WebSocket(ClientLoop& loop, const Endpoint& endpoint, const std::string& target, Liveness liveness, Events events);
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // Before the handshake is through it waits for that. Lost when the connection ends first.
  void send(std::string text);

  // For the C callback.
  void received(const char* bytes, std::size_t size, bool last);
  void close_frame(const char* payload, std::size_t size);
  void opened();
  // Writes the headers of the handshake that are ours, before `end`. False when there is no room.
  bool add_headers(char*& at, const char* end) const;
  // False when the connection cannot be written to.
  bool write_next();
  // The handshake has failed.
  void refused(const std::string& why);
  void ended(const std::string& why);
  ClientLoop& loop() { return loop_; }

 private:
  ClientLoop& loop_;
  Events events_;
  const std::string authorization_;
  std::string message_;
  std::deque<std::string> to_send_;
  Closed closed_;
  bool open_ = false;
  bool over_ = false;
  lws* wsi_ = nullptr;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace convctl
