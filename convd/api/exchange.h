#pragma once
// What api/ and transport/ agree on: a request, a response, and the two kinds of conversation (HTTP exchange, WebSocket
// session). api/ never sees a socket, transport/ never sees a route.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/trust/scope.h"
#include "shared/result.h"

namespace convd::api {

enum class Role : std::uint8_t { user, operator_ };

// Who asks. Decided by the descriptor (SO_PEERCRED, getsockname); over TCP, where the configuration wants it, by a
// token.
struct Caller {
  std::string principal;  // "uid:1000", "local", "sub" of a token; empty: nobody knows, and only open routes answer
  std::string org;        // the unit of isolation; on the Unix socket the same as the principal
  Role role = Role::user;
  std::string address = {};  // of the peer: "127.0.0.1", "::1"; empty on the Unix socket
  trust::Scopes scopes = trust::Scopes::of_peers();
  std::int64_t token_ends_ms = 0;  // wall clock; 0: no token was needed
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// The head of a request, checked by transport/: one Host, lengths sane, no control bytes.
struct Request {
  std::string method;             // "GET"
  std::vector<std::string> path;  // decoded segments of the target: {"v1","conversions"}; an encoded "/" stays inside
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  Headers headers;                                         // names in lower case
  bool has_body = false;
  std::optional<std::int64_t> content_length;  // nothing: chunked, or no body
  Caller caller;

  std::string_view header(std::string_view lower_case_name) const;  // empty when absent
  std::optional<std::string> param(std::string_view name) const;    // the first of that name
};

// Bytes [offset, offset + length) of an open file, sent without being read into memory as a whole.
struct FileBody {
  loop::UniqueFd fd;
  std::int64_t offset = 0;
  std::int64_t length = 0;
};

class BodyStream;

struct Response {
  int status = 200;
  Headers headers;  // Content-Length, Date and Connection are transport's
  std::variant<std::string, FileBody, std::unique_ptr<BodyStream>> body;
};

// How an exchange answers. Loop thread only.
class Responder {
 public:
  virtual ~Responder() = default;
  // Exactly once. May be called from within begin(), on_body(), on_body_end() or any later turn. A response before the
  // end of the body makes the connection close after it. For HEAD the body is measured but not sent.
  virtual void send(Response response) = 0;
};

// One request while it is being answered. Destroyed after the response has been handed over or the client has gone:
// then nothing may call the Responder any more. Loop thread only.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void on_body(std::string_view bytes) = 0;
  virtual void on_body_end() = 0;  // also without a body, right after begin()
  // Before the answer, after the body: the client has closed its end, by all that can be told. It may be answered
  // still.
  virtual void on_client_left() {}
};

// What a conversation that goes on can ask of its connection. Valid until the conversation is destroyed. Loop thread
// only.
class Outlet {
 public:
  virtual ~Outlet() = default;
  // There is something to send: it is asked for in a later turn, when the connection can take it.
  virtual void want_write() = 0;
  // The same, but now when the connection can take bytes now: what waits is asked for before this returns. Never
  // destroys the conversation.
  virtual void flush() = 0;
};

enum class MessageKind : std::uint8_t { text, binary };

// One WebSocket. transport/ owns it, pings every 30 s and destroys it when the connection ends. Loop thread only.
class SocketSession {
 public:
  struct Close {
    std::uint16_t code = 1000;
    std::string reason;
  };
  virtual ~SocketSession() = default;
  virtual void on_open(Outlet& outlet) = 0;
  virtual void on_message(std::string_view message, MessageKind kind) = 0;
  // The connection can take bytes: whole frames of RFC 6455, ready made (events/websocket_frame.h), about `most` bytes
  // of them, one frame at least when one waits. Valid until the next call to any session. Empty when nothing waits.
  virtual std::string_view next_frames(std::size_t most) = 0;
  // Asked when next_frames() gave nothing: set when all has been said and the connection shall close.
  virtual std::optional<Close> finished() const = 0;
  // The daemon leaves. The session may have a last word for next_frames(); the code is used once all has been sent.
  virtual Close going_away() { return {1001, "going away"}; }
  // No byte was taken for 30 s although some waited: the connection is about to be closed with 4008.
  virtual void on_too_slow() {}
};

// A body of unknown length that comes piece by piece, such as server-sent events. transport/ owns it from the response
// on, and destroys it when the connection ends. Loop thread only.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  virtual void on_open(Outlet& outlet) = 0;
  // About `most` bytes at most. Valid until the next call to any stream. Empty when nothing waits.
  virtual std::string_view next_bytes(std::size_t most) = 0;
  // Asked when next_bytes() gave nothing: whether the body is complete.
  virtual bool finished() const = 0;
  // The daemon leaves: a last word may follow, then the body is complete.
  virtual void going_away() = 0;
  virtual void on_too_slow() {}
};

// An open connection, for as long as it lives: from its acceptance to its end, also when it becomes a WebSocket. Loop
// thread only.
class Stay {
 public:
  virtual ~Stay() = default;
};

// What the handshake of a WebSocket comes to. Neither: there is no such socket.
struct Opening {
  std::unique_ptr<SocketSession> session;
  std::optional<Response> refusal;
};

// The router, as transport/ sees it. Loop thread only.
class Service {
 public:
  virtual ~Service() = default;
  // Never null. `request` is the exchange's from here on.
  virtual std::unique_ptr<Exchange> begin(Request request, Responder& responder) = 0;
  // Whether its path is that of a WebSocket. Changes nothing and spends nothing.
  virtual bool has_socket(const Request& request) const = 0;
  // A request with "Upgrade: websocket" whose handshake is right. With neither session nor refusal, answer it by
  // begin() as plain HTTP, which says why.
  virtual Opening open_socket(const Request& request) = 0;
  // Problem answers for what never becomes a request (bad head, timeouts): the one Error -> HTTP map.
  virtual Response problem(const shared::Error& error) const = 0;

  // A connection has been accepted. Null: it is turned away, without a word. Must not outlive the service.
  virtual std::unique_ptr<Stay> arrive(const Caller& peer) = 0;
};

}  // namespace convd::api
