#pragma once
// libwebsockets as a guest of the loop: one context, one vhost without a listener. It only ever gets connections whose
// handshake has been checked, and it reads a handshake that this file has written: no path, Host, subprotocol or
// extension of a client's. The subprotocol that was chosen is put into its answer.

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "convd/loop/ev_loop.h"
#include "convd/transport/handover.h"
#include "convd/transport/limits.h"
#include "convd/transport/websocket.h"

struct lws;
struct lws_context;
struct lws_vhost;

namespace convd::transport {

// Raises the soft limit on open files to the hard one, at most 65,536. libwebsockets takes its table size from it, and
// an infinite limit for 2,560.
void raise_descriptor_limit();

// Loop thread only.
class Context {
 public:
  // Throws std::runtime_error when libwebsockets cannot start (its libev plugin is missing).
  Context(loop::EvLoop& loop, const Limits& limits);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Answers the handshake and runs the session; in a later turn when many arrive at once.
  void adopt(Handover arrival);
  // Closes every socket, also those to come, once it has sent what waits and its last words.
  void close_all();
  // To be called every second or so: gives up peers that take nothing, and lets libwebsockets look at its timers. On
  // libev it cannot move a timer that is already running to an earlier time, so a close that nobody answers would wait
  // for the next ping of some other socket.
  void tick(loop::TimePoint now);
  std::size_t count() const { return sockets_.size() + arrivals_.size(); }

  // For the C callback.
  int on_event(struct lws* wsi, int reason, void* in, std::size_t size);

 private:
  struct Setup;
  void adopt_now(Handover arrival);
  int add_headers(const WebSocket& socket, void* to) const;
  void next_turn();
  WebSocket* socket_of(struct lws* wsi);

  loop::Loop& loop_;
  const Limits& limits_;
  std::unique_ptr<Setup> setup_;  // what libwebsockets keeps pointers to
  struct lws_context* context_ = nullptr;
  struct lws_vhost* vhost_ = nullptr;
  WebSocket::Waiting waiting_;
  std::unordered_map<struct lws*, std::unique_ptr<WebSocket>> sockets_;
  std::unique_ptr<WebSocket> adopting_;
  std::deque<Handover> arrivals_;  // over this turn's share
  int adopted_ = 0;                // in this turn
  loop::Timer turn_;
  bool leaving_ = false;
};

}  // namespace convd::transport
