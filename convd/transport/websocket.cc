#include "convd/transport/websocket.h"

#include <libwebsockets.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include "convd/transport/log.h"
#include "shared/stream.h"
#include "shared/utf8.h"

namespace convd::transport {
namespace {

constexpr std::size_t longest_reason = 123;
constexpr loop::milliseconds half_head_pause{20};
constexpr std::uint16_t protocol_error = 1002;
constexpr std::uint16_t not_utf8 = 1007;
// With a payload: libwebsockets keeps an empty answer to itself.
constexpr std::string_view ping_frame("\x89\x01?", 3);

std::string close_frame(shared::CloseCode code) {
  const auto reason = shared::reason_of(code).substr(0, longest_reason);
  const auto number = static_cast<unsigned>(code);
  std::string out{'\x88', static_cast<char>(2 + reason.size()), static_cast<char>(number >> 8),
                  static_cast<char>(number & 0xff)};
  return out.append(reason);
}

// Ready-made frames. libwebsockets neither looks at them nor touches the bytes in front of them, as it does for every
// other kind of write; what the socket does not take it copies.
bool write_frames(lws* wsi, std::string_view frames) {
  auto* bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(frames.data()));
  return lws_write(wsi, bytes, frames.size(), LWS_WRITE_HTTP) >= 0;
}

}  // namespace

WebSocket::WebSocket(std::unique_ptr<api::SocketSession> session, std::unique_ptr<api::Stay> stay, const Limits& limits,
                     Waiting& waiting, loop::Loop& loop, std::string subprotocol)
    : loop_(loop),
      stay_(std::move(stay)),
      session_(std::move(session)),
      limits_(limits),
      waiting_(waiting),
      subprotocol_(std::move(subprotocol)),
      heard_at_(loop.now()) {}

WebSocket::~WebSocket() {
  waiting_.erase(this);
}

void WebSocket::want_write() {
  if (!session_ || killed_) return;
  if (!std::exchange(asked_, true)) waiting_.insert(this);
  lws_callback_on_writable(wsi_);
}

// Without a round through the event loop, which costs two system calls for every message to every reader.
void WebSocket::flush() {
  if (!session_ || killed_ || sending_ || is_closing()) return;
  if (paused_ || lws_partial_buffered(wsi_) != 0) return want_write();
  try {
    const Sent sent = send();
    if (sent == Sent::failed) kill();
    if (sent == Sent::all && (last_ || session_->finished())) want_write();
  } catch (const std::exception& error) {
    // The caller may be on its way through thousands of sockets.
    log()->error("a WebSocket is closed: {}", error.what());
    kill();
  }
}

void WebSocket::go_away() {
  if (!session_ || last_) return;
  last_ = session_->going_away();
  want_write();
}

void WebSocket::on_established() {
  lws_rx_flow_control(wsi_, 0);
  first_ = loop_.watch(lws_get_socket_fd(wsi_), loop::Io::read, [this] { look_at_first_frame(); });
  session_->on_open(*this);
}

// Libwebsockets takes frames without a mask, and does not say which had one. A client that does not mask shows it with
// its first frame, so that is looked at while it is still in the kernel.
void WebSocket::look_at_first_frame() {
  std::array<unsigned char, 2> head{};
  const ssize_t size = ::recv(lws_get_socket_fd(wsi_), head.data(), head.size(), MSG_PEEK | MSG_DONTWAIT);
  if (size == 1) {
    // It would be told again and again that a byte is there.
    first_.reset();
    first_pause_ = loop_.after(half_head_pause, [this] {
      first_ = loop_.watch(lws_get_socket_fd(wsi_), loop::Io::read, [this] { look_at_first_frame(); });
    });
    return;
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  constexpr unsigned char mask_bit = 0x80;
  if (size < 2 || (head[1] & mask_bit) != 0) return read_on();
  if (!session_ || killed_) return;
  first_.reset();
  last_ = {protocol_error, "frames must be masked"};
  want_write();
}

void WebSocket::on_closed() {
  first_.reset();
  first_pause_.reset();
}

void WebSocket::read_on() {
  on_closed();
  if (std::exchange(reads_, true)) return;
  lws_rx_flow_control(wsi_, 1);
}

WebSocket::Verdict WebSocket::on_receive(std::string_view piece) {
  if (!session_ || killed_) return Verdict::keep;
  if (message_.size() + piece.size() > limits_.message_bytes) return close_with({1009, "message too large"});
  message_.append(piece);
  if (lws_is_final_fragment(wsi_) == 0 || lws_remaining_packet_payload(wsi_) > 0) return Verdict::keep;
  const std::string message = std::exchange(message_, {});
  session_->on_message(message, lws_frame_is_binary(wsi_) == 0 ? api::MessageKind::text : api::MessageKind::binary);
  return Verdict::keep;
}

WebSocket::Verdict WebSocket::on_writeable() {
  asked_ = false;
  paused_ = false;
  if (end_ && lws_partial_buffered(wsi_) == 0) return Verdict::close;
  if (!session_ || killed_ || is_closing()) return Verdict::keep;
  if (lws_partial_buffered(wsi_) != 0) {
    want_write();
    return Verdict::keep;
  }
  if (std::exchange(ping_due_, false) && !write_frames(wsi_, ping_frame)) return Verdict::close;
  switch (send()) {
    case Sent::some:
      return Verdict::keep;
    case Sent::failed:
      return Verdict::close;
    case Sent::all:
      break;
  }
  if (const auto close = session_->finished()) return close_with(*close);
  return last_ ? close_with(*last_) : Verdict::keep;
}

WebSocket::Verdict WebSocket::on_close_by_peer(std::string_view payload) {
  constexpr unsigned last_code = 4999;
  if (payload.empty() || !session_) return Verdict::keep;
  const auto byte = [payload](std::size_t at) {
    return static_cast<unsigned>(static_cast<unsigned char>(payload[at]));
  };
  if (payload.size() < 2 || byte(0) * 256 + byte(1) > last_code)
    return close_with({protocol_error, "no such close code"});
  if (!shared::is_utf8(payload.substr(2))) return close_with({not_utf8, "the reason is no text"});
  return Verdict::keep;
}

// Libwebsockets closes by itself when the peer breaks the protocol. Nothing may follow its close frame.
bool WebSocket::is_closing() const {
  return lws_get_close_length(wsi_) != 0;
}

// Many frames leave in one write: one per message would cost twenty times the processor time when many watch.
WebSocket::Sent WebSocket::send() {
  struct Within {
    bool& flag;
    ~Within() { flag = false; }
  } const within{sending_ = true};
  for (std::size_t size = 0; size < most_bytes_per_turn;) {
    const std::string_view frames = session_->next_frames(most_bytes_per_write);
    if (frames.empty()) return Sent::all;
    if (!write_frames(wsi_, frames)) return Sent::failed;
    ++writes_;
    size += frames.size();
    if (lws_partial_buffered(wsi_) != 0) break;
  }
  paused_ = true;
  want_write();
  return Sent::some;
}

// Rare, and only for those that wait.
bool WebSocket::look(loop::TimePoint now) {
  if (killed_) return false;
  if (end_) {
    if (now >= *end_) kill();
    return !killed_;
  }
  // Libwebsockets has a deadline of its own for the close.
  if (!session_) return false;
  if (!asked_) {
    patience_.renew();
    return false;
  }
  if (patience_.is_over(lws_get_socket_fd(wsi_), writes_, now, limits_.slow_timeout)) close_slow(now);
  return true;
}

// Not left to libwebsockets: its timer for each connection goes into one sorted list, which ten thousand of them make
// long, and every answer moves one from its front to its end.
void WebSocket::keep_alive(loop::TimePoint now) {
  if (!session_ || killed_) return;
  if (pinged_at_) {
    if (now - *pinged_at_ >= std::chrono::seconds(limits_.hangup_s - limits_.ping_s)) kill();
    return;
  }
  if (now - heard_at_ < std::chrono::seconds(limits_.ping_s)) return;
  pinged_at_ = now;
  ping_due_ = true;
  want_write();
}

void WebSocket::heard(loop::TimePoint now) {
  heard_at_ = now;
  pinged_at_.reset();
}

WebSocket::Verdict WebSocket::close_with(const api::SocketSession::Close& close) {
  std::string reason = close.reason.substr(0, longest_reason);
  lws_close_reason(wsi_, static_cast<lws_close_status>(close.code), reinterpret_cast<unsigned char*>(reason.data()),
                   reason.size());
  // The peer may take seconds to agree; nothing needs to watch until then.
  session_.reset();
  read_on();
  return Verdict::close;
}

// Libwebsockets would drop the connection without a word: it sends no close frame behind bytes that wait. So the frame
// is put there, for a peer that wakes up within a few seconds.
void WebSocket::close_slow(loop::TimePoint now) {
  session_->on_too_slow();
  session_.reset();
  end_ = now + limits_.farewell_timeout;
  if (!write_frames(wsi_, close_frame(shared::CloseCode::slow))) return kill();
  lws_callback_on_writable(wsi_);
}

// In a later turn: the caller may be a session, or another socket's callback.
void WebSocket::kill() {
  killed_ = true;
  lws_set_timeout(wsi_, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
  lws_cancel_service(lws_get_context(wsi_));
}

}  // namespace convd::transport
