#include "convd/transport/websocket.h"

#include <libwebsockets.h>

#include <utility>

namespace convd::transport {
namespace {

constexpr std::size_t most_bytes_per_write = 64 * 1024;
constexpr std::size_t longest_reason = 123;

}  // namespace

WebSocket::WebSocket(std::unique_ptr<api::SocketSession> session, const Limits& limits, std::vector<unsigned char>& out)
    : session_(std::move(session)), limits_(limits), out_(out) {}

void WebSocket::want_write() {
  if (session_) lws_callback_on_writable(wsi_);
}

void WebSocket::go_away() {
  if (!session_ || last_) return;
  last_ = session_->going_away();
  want_write();
}

WebSocket::Verdict WebSocket::on_receive(std::string_view piece) {
  if (!session_) return Verdict::keep;
  if (message_.size() + piece.size() > limits_.message_bytes) return close_with({1009, "message too large"});
  message_.append(piece);
  if (lws_is_final_fragment(wsi_) == 0 || lws_remaining_packet_payload(wsi_) > 0) return Verdict::keep;
  const std::string message = std::exchange(message_, {});
  session_->on_message(message, lws_frame_is_binary(wsi_) == 0 ? api::MessageKind::text : api::MessageKind::binary);
  return Verdict::keep;
}

// All frames that wait leave in one write: libwebsockets is given them ready made, because one lws_write() per message
// costs twenty times the processor time when many watch.
WebSocket::Verdict WebSocket::on_writeable() {
  if (!session_) return Verdict::keep;
  if (lws_partial_buffered(wsi_) != 0) {
    want_write();
    return Verdict::keep;
  }
  const std::string_view frames = session_->next_frames(most_bytes_per_write);
  if (!frames.empty()) {
    out_.assign(LWS_PRE, 0);
    out_.insert(out_.end(), frames.begin(), frames.end());
    if (lws_write(wsi_, out_.data() + LWS_PRE, out_.size() - LWS_PRE, LWS_WRITE_HTTP) < 0) return Verdict::close;
    want_write();
    return Verdict::keep;
  }
  if (const auto close = session_->finished()) return close_with(*close);
  return last_ ? close_with(*last_) : Verdict::keep;
}

WebSocket::Verdict WebSocket::close_with(const api::SocketSession::Close& close) {
  std::string reason = close.reason.substr(0, longest_reason);
  lws_close_reason(wsi_, static_cast<lws_close_status>(close.code), reinterpret_cast<unsigned char*>(reason.data()),
                   reason.size());
  // The peer may take seconds to agree; nothing needs to watch until then.
  session_.reset();
  return Verdict::close;
}

}  // namespace convd::transport
