#pragma once
// One HTTP/1.1 connection: heads, bodies, answers, keep-alive and pipelining in order, deadlines, and the way out.
// Speaks to the socket itself: libwebsockets gets a connection only once its request has turned out to be a WebSocket
// handshake.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/api/exchange.h"
#include "convd/loop/loop.h"
#include "convd/loop/unique_fd.h"
#include "convd/transport/body_decoder.h"
#include "convd/transport/body_pace.h"
#include "convd/transport/body_pump.h"
#include "convd/transport/handover.h"
#include "convd/transport/head_parser.h"
#include "convd/transport/head_rules.h"
#include "convd/transport/limits.h"
#include "convd/transport/response_writer.h"

namespace convd::transport {

// Loop thread only.
class HttpConnection final : public api::Responder, public std::enable_shared_from_this<HttpConnection> {
 public:
  // What stands around a connection. Calls come from the loop, never from within another call to the connection.
  class Host {
   public:
    virtual ~Host() = default;
    // The connection is over; its descriptor is closed or handed on. The host drops it now or later.
    virtual void connection_over(HttpConnection& connection) = 0;
    virtual void hand_over(Handover handover) = 0;
    virtual bool is_stopping() const = 0;
  };
  // The parts that all connections share.
  struct Shared {
    loop::Loop& loop;
    api::Service& service;
    const Limits& limits;
    DateCache& date;
    std::vector<char>& scratch;  // receive buffer, used within one call only
    Host& host;
  };

  HttpConnection(const Shared& shared, loop::UniqueFd socket, api::Caller caller, std::unique_ptr<api::Stay> stay);
  ~HttpConnection() override;

  void start();
  // Whether a deadline has passed; enforce_deadline() then closes, with a 408 where that makes sense.
  bool is_due(loop::TimePoint now);
  void enforce_deadline();
  // No further request: closes at once when none is being read or answered, else after that answer. A stream has its
  // last word.
  void finish();
  // Closes at once.
  void abandon() { over(); }
  bool is_idle() const { return state_ == State::head && input_.empty() && writer_.idle(); }

  void send(api::Response response) override;

 private:
  enum class State : std::uint8_t {
    head,       // between requests, or within a head
    body,       // the exchange gets its body
    waiting,    // for the exchange to answer
    sending,    // the answer goes out
    streaming,  // a body without end goes out
    linger,     // answered early: what still arrives is thrown away
    over,
  };
  enum class Step : std::uint8_t { again, stop };

  void on_readable();
  void on_end_of_input();
  void tell_client_left();
  void feed(std::string_view bytes);
  void run();
  Step step();
  Step take_head();
  Step take_body();
  Step answer();
  Step upgrade(Head head);
  Step refuse_handshake(const shared::Error& error);
  Step end_of_answer();
  void let_others_go_first();
  Step start_stream();
  void on_stream_end(BodyPump::End end);
  void begin(Head head);
  void fail(const shared::Error& error);
  void flush();
  void start_linger();
  void over();
  void wait_for(State state, milliseconds timeout);
  void no_deadline() { deadline_.reset(); }
  void update_read_watch();
  bool wants_input() const;

  const Shared& shared_;
  loop::UniqueFd socket_;
  const api::Caller caller_;
  std::unique_ptr<api::Stay> stay_;
  State state_ = State::head;

  loop::Watch read_watch_;
  loop::Watch write_watch_;
  std::optional<loop::TimePoint> deadline_;

  std::string stored_;      // input that could not be used at once
  std::string_view input_;  // what is left to use: within `stored_`, or the scratch buffer while it is fed
  bool running_ = false;
  bool paused_ = false;  // others have their turn, although there is input
  int answered_ = 0;     // in this turn
  bool end_of_input_ = false;
  bool head_started_ = false;
  bool empty_line_seen_ = false;  // in front of the head

  HeadScanner scanner_;
  BodyDecoder body_;
  BodyPace pace_;
  std::unique_ptr<api::Exchange> exchange_;
  std::optional<api::Response> response_;
  bool head_only_ = false;
  bool http_1_0_ = false;
  bool keep_alive_ = true;

  std::unique_ptr<api::BodyStream> stream_;  // waits for its head to be out
  std::unique_ptr<BodyPump> pump_;           // while streaming
  ResponseWriter writer_;
  std::int64_t sent_before_ = 0;
  std::int64_t thrown_away_ = 0;
};

}  // namespace convd::transport
