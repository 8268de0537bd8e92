#include "convctl/client_websocket.h"

#include <algorithm>

#include "convctl/client_lws.h"
#include "convctl/client_stream.h"
#include "convctl/client_tls.h"
#include "shared/stream.h"

namespace convctl {
namespace {

constexpr std::size_t message_limit_bytes = 1 << 20;
// The daemon pings every 30 s: silence beyond that is asked about, then taken as a lost connection.
constexpr lws_retry_bo_t keepalive{nullptr, 0, 0, 40, 55, 0};
constexpr lws_retry_bo_t no_keepalive{nullptr, 0, 0, 0, 0, 0};

// What is not about messages: how a connection begins and ends. The return value is that of the C callback.
int take_turn(WebSocket& socket, lws_callback_reasons reason, const char* in, std::size_t length) {
  switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: {
      auto& at = *reinterpret_cast<char**>(const_cast<char*>(in));
      return socket.add_headers(at, at + length) ? 0 : -1;
    }
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      socket.opened();
      break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      return socket.write_next() ? 0 : -1;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
      socket.close_frame(in, length);
      break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      socket.refused(in == nullptr ? "refused" : std::string(in, length));
      break;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
      socket.ended("closed");
      break;
    default:
      break;
  }
  return 0;
}

}  // namespace

int websocket_callback(lws* wsi, lws_callback_reasons reason, void*, void* in, std::size_t length) noexcept {
  auto* socket = static_cast<WebSocket*>(lws_get_opaque_user_data(wsi));
  if (socket == nullptr) return reason == LWS_CALLBACK_CLIENT_RECEIVE ? -1 : 0;
  const auto* bytes = static_cast<const char*>(in);
  int outcome = 0;
  if (reason == LWS_CALLBACK_CLIENT_RECEIVE) {
    const bool last = lws_is_final_fragment(wsi) != 0 && lws_remaining_packet_payload(wsi) == 0;
    socket->loop().guard([&] { socket->received(bytes, length, last); });
  } else {
    socket->loop().guard([&] { outcome = take_turn(*socket, reason, bytes, length); });
  }
  return outcome;
}

Failure failure_from(const Closed& closed, const Endpoint& endpoint) {
  if (shared::may_reconnect(closed.code)) return unreachable(endpoint, "the WebSocket was lost: " + closed.why);
  const std::string message = endpoint.describe() + ": convd has closed the WebSocket: " + closed.why;
  switch (static_cast<shared::CloseCode>(closed.code)) {
    case shared::CloseCode::invalid_token:
    case shared::CloseCode::forbidden:
    case shared::CloseCode::realtime_disabled:
      return Failure{Exit::not_allowed, message, ""};
    case shared::CloseCode::too_many_connections:
      return Failure{Exit::try_later, message, "end one of them, or try again later"};
    default:
      return Failure{Exit::protocol, message, "is it another version? `convctl version`"};
  }
}

WebSocket::WebSocket(ClientLoop& loop, const Endpoint& endpoint, const std::string& target, Liveness liveness,
                     Events events)
    : loop_(loop), events_(std::move(events)), authorization_(endpoint.authorization()) {
  const std::string address = endpoint.is_unix() ? "+" + endpoint.socket_path : endpoint.host;
  const std::string path = endpoint.base_path + target;
  const std::string host = endpoint.host_header();
  lws_client_connect_info info{};
  info.context = loop.native();
  info.address = address.c_str();
  info.port = endpoint.is_unix() ? 0 : endpoint.port;
  info.path = path.c_str();
  info.host = host.c_str();
  // The context is told whom to verify, and how: client_tls.cc.
  info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (loop.tls() == nullptr ? 0 : LCCSCF_USE_SSL);
  info.alpn = "http/1.1";
  info.local_protocol_name = websocket_protocol;
  info.retry_and_idle_policy = liveness == Liveness::pings ? &keepalive : &no_keepalive;
  info.opaque_user_data = this;
  info.pwsi = &wsi_;
  if (lws_client_connect_via_info(&info) == nullptr) ended("refused");
}

WebSocket::~WebSocket() {
  if (wsi_ == nullptr) return;
  lws_set_opaque_user_data(wsi_, nullptr);
  lws_set_timeout(wsi_, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

void WebSocket::send(std::string text) {
  if (over_) return;
  to_send_.push_back(std::move(text));
  if (open_) lws_callback_on_writable(wsi_);
}

bool WebSocket::add_headers(char*& at, const char* end) const {
  if (authorization_.empty()) return true;
  const std::string line = "Authorization: " + authorization_ + "\r\n";
  if (end - at < static_cast<std::ptrdiff_t>(line.size())) return false;
  at = std::copy(line.begin(), line.end(), at);
  return true;
}

void WebSocket::opened() {
  open_ = true;
  if (!to_send_.empty()) lws_callback_on_writable(wsi_);
}

bool WebSocket::write_next() {
  if (to_send_.empty()) return true;
  // libwebsockets writes the frame's head into the space before the payload.
  std::string frame(LWS_PRE, '\0');
  frame += to_send_.front();
  to_send_.pop_front();
  const std::size_t size = frame.size() - LWS_PRE;
  auto* payload = reinterpret_cast<unsigned char*>(frame.data()) + LWS_PRE;
  if (lws_write(wsi_, payload, size, LWS_WRITE_TEXT) < static_cast<int>(size)) return false;
  if (!to_send_.empty()) lws_callback_on_writable(wsi_);
  return true;
}

void WebSocket::received(const char* bytes, std::size_t size, bool last) {
  if (message_.size() + size > message_limit_bytes)
    throw Failure{Exit::protocol, "the daemon sent a message of over 1 MiB", ""};
  message_.append(bytes, size);
  if (!last) return;
  const std::string text = std::exchange(message_, {});
  loop_.post([this, alive = std::weak_ptr<bool>(alive_), text] {
    if (!alive.expired()) events_.on_message(text);
  });
}

void WebSocket::close_frame(const char* payload, std::size_t size) {
  if (size < 2) return;
  const auto high = static_cast<unsigned char>(payload[0]);
  const auto low = static_cast<unsigned char>(payload[1]);
  closed_.code = static_cast<std::uint16_t>(high << 8 | low);
  closed_.why = std::string(payload + 2, size - 2);
  if (closed_.why.empty()) closed_.why = shared::reason_of(static_cast<shared::CloseCode>(closed_.code));
  closed_.why += (closed_.why.empty() ? "" : " ") + ("(" + std::to_string(closed_.code) + ")");
}

void WebSocket::refused(const std::string& why) {
  auto* const ssl = wsi_ == nullptr ? nullptr : lws_get_ssl(wsi_);
  const auto problem = ssl == nullptr ? std::nullopt : loop_.tls()->certificate_problem(ssl);
  ended(problem ? problem->message : why);
}

void WebSocket::ended(const std::string& why) {
  wsi_ = nullptr;
  if (std::exchange(over_, true)) return;
  if (closed_.code == 0) closed_.why = why;
  loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) events_.on_closed(closed_);
  });
}

}  // namespace convctl
