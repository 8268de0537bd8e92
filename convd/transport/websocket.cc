#include "convd/transport/websocket.h"

#include <libwebsockets.h>

#include <utility>

namespace convd::transport {
namespace {

constexpr std::size_t most_bytes_per_write = 64 * 1024;
constexpr std::size_t longest_reason = 123;

}  // namespace

void append_frame(std::vector<unsigned char>& out, std::string_view text) {
  constexpr unsigned char final_text = 0x81;
  out.push_back(final_text);
  const std::size_t size = text.size();
  int length_bytes = 0;
  if (size < 126) {
    out.push_back(static_cast<unsigned char>(size));
  } else if (size <= 0xffff) {
    out.push_back(126);
    length_bytes = 2;
  } else {
    out.push_back(127);
    length_bytes = 8;
  }
  while (length_bytes-- > 0) out.push_back(static_cast<unsigned char>(size >> (8 * length_bytes)));
  out.insert(out.end(), text.begin(), text.end());
}

WebSocket::WebSocket(std::unique_ptr<api::SocketSession> session, const Limits& limits, std::vector<unsigned char>& out)
    : session_(std::move(session)), limits_(limits), out_(out) {}

void WebSocket::want_write() {
  lws_callback_on_writable(wsi_);
}

void WebSocket::go_away() {
  going_away_ = true;
  want_write();
}

WebSocket::Verdict WebSocket::on_receive(std::string_view piece) {
  if (message_.size() + piece.size() > limits_.message_bytes) return close_with({1009, "message too large"});
  message_.append(piece);
  if (lws_is_final_fragment(wsi_) == 0 || lws_remaining_packet_payload(wsi_) > 0) return Verdict::keep;
  const std::string message = std::exchange(message_, {});
  if (lws_frame_is_binary(wsi_) == 0) session_->on_message(message);
  return Verdict::keep;
}

// All frames that wait leave in one write: libwebsockets is given them ready made, because one lws_write() per message
// costs twenty times the processor time when many watch.
WebSocket::Verdict WebSocket::on_writeable() {
  if (lws_partial_buffered(wsi_) != 0) {
    want_write();
    return Verdict::keep;
  }
  out_.assign(LWS_PRE, 0);
  while (out_.size() < LWS_PRE + most_bytes_per_write) {
    const auto frame = session_->next_frame();
    if (!frame) break;
    append_frame(out_, *frame);
  }
  if (out_.size() > LWS_PRE) {
    if (lws_write(wsi_, out_.data() + LWS_PRE, out_.size() - LWS_PRE, LWS_WRITE_HTTP) < 0) return Verdict::close;
    want_write();
    return Verdict::keep;
  }
  if (const auto close = session_->finished()) return close_with(*close);
  return going_away_ ? close_with({1001, "going away"}) : Verdict::keep;
}

WebSocket::Verdict WebSocket::close_with(const api::SocketSession::Close& close) {
  std::string reason = close.reason.substr(0, longest_reason);
  lws_close_reason(wsi_, static_cast<lws_close_status>(close.code), reinterpret_cast<unsigned char*>(reason.data()),
                   reason.size());
  return Verdict::close;
}

}  // namespace convd::transport
