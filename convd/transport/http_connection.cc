#include "convd/transport/http_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace convd::transport {

using shared::Error;
using shared::ErrorCode;

namespace {

// A client may have sent hundreds of requests in one go.
constexpr int most_requests_per_turn = 16;

// Whether the end of input means that the peer has ended its sending half only. Over TCP that cannot be told from a
// close: both send the same.
bool shows_half_close(int socket) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

}  // namespace

HttpConnection::HttpConnection(const Shared& shared, loop::UniqueFd socket, api::Caller caller,
                               std::unique_ptr<api::Stay> stay)
    : shared_(shared),
      socket_(std::move(socket)),
      caller_(std::move(caller)),
      stay_(std::move(stay)),
      scanner_(shared.limits),
      body_(shared.limits) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::start() {
  wait_for(State::head, shared_.limits.head_timeout);
  update_read_watch();
}

// --- Input
// -----------------------------------------------------------------------------------------------------------------------

bool HttpConnection::wants_input() const {
  if (end_of_input_ || paused_ || state_ == State::over) return false;
  return (state_ != State::waiting && state_ != State::sending) || stored_.size() < shared_.limits.input_bytes;
}

void HttpConnection::update_read_watch() {
  const bool wanted = wants_input();
  if (wanted == (read_watch_ != nullptr)) return;
  if (wanted)
    read_watch_ = shared_.loop.watch(socket_.get(), loop::Io::read, [this] { on_readable(); });
  else
    read_watch_.reset();
}

void HttpConnection::on_readable() {
  const auto keep = shared_from_this();
  const ssize_t size = ::recv(socket_.get(), shared_.scratch.data(), shared_.scratch.size(), 0);
  if (size > 0) return feed({shared_.scratch.data(), static_cast<std::size_t>(size)});
  if (size == 0) return on_end_of_input();
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return;
  tell_client_left();
  over();
}

void HttpConnection::feed(std::string_view bytes) {
  if (state_ == State::linger || state_ == State::streaming) {
    thrown_away_ += static_cast<std::int64_t>(bytes.size());
    if (thrown_away_ > shared_.limits.linger_bytes) over();
    return;
  }
  if (stored_.empty()) {
    input_ = bytes;
  } else {
    stored_.append(bytes);
    input_ = stored_;
  }
  run();
}

void HttpConnection::on_end_of_input() {
  end_of_input_ = true;
  pollfd probe{socket_.get(), 0, 0};
  const bool gone = ::poll(&probe, 1, 0) == 1 && (probe.revents & (POLLHUP | POLLERR)) != 0;
  if (gone || !shows_half_close(socket_.get())) tell_client_left();
  // A client may close its sending half once the request is out; it still gets its answer.
  const bool answer_due = state_ == State::waiting || state_ == State::sending;
  if (gone || !answer_due) return over();
  update_read_watch();
}

void HttpConnection::tell_client_left() {
  if (state_ == State::waiting && exchange_ && !response_) exchange_->on_client_left();
}

// --- The course of a request
// -----------------------------------------------------------------------------------------------------

void HttpConnection::run() {
  running_ = true;
  answered_ = 0;
  while (step() == Step::again) {
  }
  running_ = false;
  if (state_ == State::over) return;
  if (input_.empty())
    stored_ = std::string();
  else if (input_.data() >= stored_.data() && input_.data() <= stored_.data() + stored_.size())
    stored_.erase(0, stored_.size() - input_.size());
  else
    stored_.assign(input_);
  input_ = stored_;
  update_read_watch();
}

HttpConnection::Step HttpConnection::step() {
  if (response_ && state_ != State::sending) return answer();
  switch (state_) {
    case State::head:
      return take_head();
    case State::body:
      return take_body();
    case State::sending:
      return end_of_answer();
    default:
      return Step::stop;
  }
}

HttpConnection::Step HttpConnection::take_head() {
  // An empty line in front of a request is left over from some clients' previous one (RFC 9112, 2.2).
  const bool may_skip = !head_started_ && !empty_line_seen_;
  if (may_skip && input_.starts_with("\r\n")) {
    empty_line_seen_ = true;
    input_.remove_prefix(2);
  }
  if (input_.empty() || (may_skip && input_ == "\r")) {
    if (end_of_input_) over();
    return Step::stop;
  }
  const auto size = scanner_.find_end(input_);
  if (!size) {
    fail(size.error());
    return Step::again;
  }
  if (*size == 0) {
    if (!std::exchange(head_started_, true)) wait_for(State::head, shared_.limits.head_timeout);
    if (end_of_input_) over();
    return Step::stop;
  }
  auto head = parse_head(input_.substr(0, *size), shared_.limits);
  input_.remove_prefix(*size);
  scanner_.reset();
  head_started_ = false;
  empty_line_seen_ = false;
  if (!head) {
    fail(head.error());
    return Step::again;
  }
  head->request.caller = caller_;
  if (head->websocket) return upgrade(std::move(*head));
  begin(std::move(*head));
  return Step::again;
}

HttpConnection::Step HttpConnection::refuse_handshake(const Error& error) {
  fail(error);
  if (error.code == ErrorCode::upgrade_required) response_->headers.emplace_back("Sec-WebSocket-Version", "13");
  return Step::again;
}

// The handshake is looked at first: what opens a session enters it into the audit log and spends the ticket it came
// with.
HttpConnection::Step HttpConnection::upgrade(Head head) {
  api::Opening opening;
  auto handshake = websocket_handshake(head.request);
  if (handshake && !input_.empty()) {
    handshake = Error{ErrorCode::invalid_request, "A WebSocket client must wait for the answer to its handshake.", {}};
  }
  if (shared_.service.has_socket(head.request)) {
    if (!handshake) return refuse_handshake(handshake.error());
    opening = shared_.service.open_socket(head.request);
  }
  if (opening.refusal) {
    keep_alive_ = false;
    response_ = *std::move(opening.refusal);
    return Step::again;
  }
  if (!opening.session) {
    begin(std::move(head));
    return Step::again;
  }
  read_watch_.reset();
  state_ = State::over;
  shared_.host.hand_over({std::move(socket_), *std::move(handshake), std::move(opening.session), std::move(stay_)});
  shared_.host.connection_over(*this);
  return Step::stop;
}

void HttpConnection::begin(Head head) {
  head_only_ = head.request.method == "HEAD";
  http_1_0_ = head.http_1_0;
  keep_alive_ = head.keep_alive;
  const bool has_body = head.request.has_body;
  if (head.chunked)
    body_.start_chunked();
  else
    body_.start_counted(head.request.content_length.value_or(0));
  if (has_body)
    wait_for(State::body, shared_.limits.body_timeout);
  else
    state_ = State::waiting;
  pace_.start(shared_.loop.now());

  exchange_ = shared_.service.begin(std::move(head.request), *this);
  if (response_) return;
  if (!has_body) {
    no_deadline();
    exchange_->on_body_end();
  } else if (head.expects_continue && input_.empty()) {
    writer_.add("HTTP/1.1 100 Continue\r\n\r\n");
    flush();
  }
}

HttpConnection::Step HttpConnection::take_body() {
  if (input_.empty()) return Step::stop;
  const auto taken = body_.step(input_, [this](std::string_view bytes) {
    pace_.add(static_cast<std::int64_t>(bytes.size()));
    exchange_->on_body(bytes);
  });
  if (!taken) {
    fail(taken.error());
    return Step::again;
  }
  if (!body_.done()) {
    wait_for(State::body, shared_.limits.body_timeout);
    return Step::again;
  }
  state_ = State::waiting;
  no_deadline();
  if (!response_) exchange_->on_body_end();
  return Step::again;
}

void HttpConnection::fail(const Error& error) {
  exchange_.reset();
  keep_alive_ = false;
  response_ = shared_.service.problem(error);
}

// --- Output
// ----------------------------------------------------------------------------------------------------------------------

void HttpConnection::send(api::Response response) {
  const bool is_open = state_ == State::head || state_ == State::body || state_ == State::waiting;
  if (response_ || !is_open) return;
  response_ = std::move(response);
  if (running_) return;
  // The exchange may be calling from within itself; it is destroyed in the next turn.
  shared_.loop.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->input_ = self->stored_;
      self->run();
    }
  });
}

HttpConnection::Step HttpConnection::answer() {
  ResponseForm form;
  form.head_only = head_only_;
  form.chunked = !http_1_0_;
  if (has_stream(*response_, form)) stream_ = std::move(std::get<std::unique_ptr<api::BodyStream>>(response_->body));
  if (state_ != State::waiting || stream_ || shared_.host.is_stopping()) keep_alive_ = false;
  form.date = shared_.date.text();
  if (keep_alive_) form.persistence = http_1_0_ ? Persistence::keep_alive_1_0 : Persistence::keep_alive;
  writer_.add(std::move(*response_), form);
  exchange_.reset();
  response_.reset();
  wait_for(State::sending, shared_.limits.send_timeout);
  flush();
  return Step::again;
}

void HttpConnection::flush() {
  switch (writer_.flush(socket_.get())) {
    case ResponseWriter::Outcome::failed:
      return over();
    case ResponseWriter::Outcome::done:
      return write_watch_.reset();
    case ResponseWriter::Outcome::blocked:
      break;
  }
  if (write_watch_) return;
  write_watch_ = shared_.loop.watch(socket_.get(), loop::Io::write, [this] {
    const auto keep = shared_from_this();
    flush();
    if (state_ != State::sending || !writer_.idle()) return;
    input_ = stored_;
    run();
  });
}

HttpConnection::Step HttpConnection::end_of_answer() {
  if (!writer_.idle()) return Step::stop;
  if (stream_) return start_stream();
  if (!keep_alive_) {
    start_linger();
    return Step::stop;
  }
  head_only_ = false;
  wait_for(State::head, shared_.limits.idle_timeout);
  if (++answered_ < most_requests_per_turn || input_.empty()) return Step::again;
  let_others_go_first();
  return Step::stop;
}

void HttpConnection::let_others_go_first() {
  paused_ = true;
  shared_.loop.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->state_ == State::over) return;
    self->paused_ = false;
    self->input_ = self->stored_;
    self->run();
  });
}

// It has no deadline of its own: is_due() looks at how the peer takes it. What the peer says meanwhile is thrown away.
HttpConnection::Step HttpConnection::start_stream() {
  if (end_of_input_) {
    over();
    return Step::stop;
  }
  state_ = State::streaming;
  input_ = {};
  pump_ = std::make_unique<BodyPump>(shared_.loop, socket_.get(),
                                     http_1_0_ ? BodyPump::Framing::plain : BodyPump::Framing::chunked,
                                     std::move(stream_), [this](BodyPump::End end) { on_stream_end(end); });
  pump_->start();
  if (shared_.host.is_stopping()) pump_->go_away();
  return Step::stop;
}

void HttpConnection::on_stream_end(BodyPump::End end) {
  const auto keep = shared_from_this();
  pump_.reset();
  if (end == BodyPump::End::failed) return over();
  start_linger();
}

// Closing a socket that holds unread input resets the connection, and the peer may lose the answer. So the sending half
// is closed first and the rest is read for a while.
void HttpConnection::start_linger() {
  if (end_of_input_ || ::shutdown(socket_.get(), SHUT_WR) != 0) return over();
  input_ = {};
  wait_for(State::linger, shared_.limits.linger_timeout);
}

// --- Deadlines and the end
// -------------------------------------------------------------------------------------------------------

void HttpConnection::wait_for(State state, milliseconds timeout) {
  state_ = state;
  deadline_ = shared_.loop.now() + timeout;
}

bool HttpConnection::is_due(loop::TimePoint now) {
  if (pump_) return pump_->is_too_slow(now, shared_.limits.slow_timeout);
  if (!writer_.idle() && writer_.sent_bytes() != sent_before_) {
    sent_before_ = writer_.sent_bytes();
    deadline_ = now + shared_.limits.send_timeout;
  }
  if (state_ == State::body && pace_.is_too_slow(shared_.limits, now)) return true;
  return deadline_ && now >= *deadline_;
}

void HttpConnection::enforce_deadline() {
  if (state_ == State::over) return;
  const auto keep = shared_from_this();
  if (pump_) pump_->give_up();
  const bool within_head = state_ == State::head && head_started_;
  if (!within_head && state_ != State::body) return over();
  fail({ErrorCode::request_timeout,
        within_head ? "The request head did not arrive in time." : "The request body stalled, or came too slowly.",
        {}});
  input_ = stored_;
  run();
}

void HttpConnection::finish() {
  keep_alive_ = false;
  if (pump_) return pump_->go_away();
  if (is_idle()) over();
}

void HttpConnection::over() {
  if (state_ == State::over) return;
  state_ = State::over;
  read_watch_.reset();
  write_watch_.reset();
  exchange_.reset();
  response_.reset();
  stream_.reset();
  pump_.reset();
  socket_.reset();
  stay_.reset();
  shared_.host.connection_over(*this);
}

}  // namespace convd::transport
