#include "convctl/client_websocket.h"

#include "convctl/client_lws.h"
#include "convctl/failure.h"

namespace convctl {
namespace {

constexpr std::size_t message_limit_bytes = 1 << 20;
// The daemon pings every 30 s: silence beyond that is asked about, then taken as a lost connection.
constexpr lws_retry_bo_t keepalive{nullptr, 0, 0, 40, 55, 0};

}  // namespace

int websocket_callback(lws* wsi, lws_callback_reasons reason, void*, void* in, std::size_t length) noexcept {
  auto* socket = static_cast<WebSocket*>(lws_get_opaque_user_data(wsi));
  if (socket == nullptr) return reason == LWS_CALLBACK_CLIENT_RECEIVE ? -1 : 0;
  switch (reason) {
    case LWS_CALLBACK_CLIENT_RECEIVE: {
      const bool last = lws_is_final_fragment(wsi) != 0 && lws_remaining_packet_payload(wsi) == 0;
      socket->loop().guard([&] { socket->received(static_cast<const char*>(in), length, last); });
      break;
    }
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      socket->loop().guard(
          [&] { socket->ended(in == nullptr ? "refused" : std::string(static_cast<const char*>(in), length)); });
      break;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
      socket->loop().guard([&] { socket->ended("closed"); });
      break;
    default:
      break;
  }
  return 0;
}

WebSocket::WebSocket(ClientLoop& loop, const Endpoint& endpoint, const std::string& target, Events events)
    : loop_(loop), events_(std::move(events)) {
  const std::string address = endpoint.is_unix() ? "+" + endpoint.socket_path : endpoint.host;
  const std::string path = endpoint.base_path + target;
  const std::string host = endpoint.host_header();
  lws_client_connect_info info{};
  info.context = loop.native();
  info.address = address.c_str();
  info.port = endpoint.is_unix() ? 0 : endpoint.port;
  info.path = path.c_str();
  info.host = host.c_str();
  info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
  info.local_protocol_name = websocket_protocol;
  info.retry_and_idle_policy = &keepalive;
  info.opaque_user_data = this;
  info.pwsi = &wsi_;
  if (lws_client_connect_via_info(&info) == nullptr) ended("refused");
}

WebSocket::~WebSocket() {
  if (wsi_ == nullptr) return;
  lws_set_opaque_user_data(wsi_, nullptr);
  lws_set_timeout(wsi_, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
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

void WebSocket::ended(const std::string& why) {
  wsi_ = nullptr;
  if (std::exchange(over_, true)) return;
  loop_.post([this, alive = std::weak_ptr<bool>(alive_), why] {
    if (!alive.expired()) events_.on_closed(why);
  });
}

}  // namespace convctl
