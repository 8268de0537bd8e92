#include "convd/transport/context.h"

#include <libwebsockets.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

#include "convd/transport/log.h"

namespace convd::transport {
namespace {

constexpr rlim_t most_descriptors = 65'536;
constexpr unsigned int service_buffer_bytes = 64 * 1024;
constexpr std::size_t receive_buffer_bytes = 512;  // held by every idle socket
constexpr int most_adoptions_per_turn = 16;        // at 50 us or so
constexpr std::size_t send_buffer_bytes = 128 * 1024;

int on_lws_event(lws* wsi, lws_callback_reasons reason, void*, void* in, std::size_t size) noexcept {
  auto* context = static_cast<Context*>(lws_context_user(lws_get_context(wsi)));
  if (context == nullptr) return 0;
  // No exception may cross the frames of a C library: the socket it concerns is closed.
  try {
    return context->on_event(wsi, reason, in, size);
  } catch (const std::exception& error) {
    log()->error("a WebSocket is closed: {}", error.what());
    return -1;
  }
}

void on_lws_log(int level, const char* line) noexcept {
  std::string_view text(line);
  while (text.ends_with('\n')) text.remove_suffix(1);
  // 4.1 and 4.3 both report the ordinary course of an adoption with a read buffer as an error.
  if (text.find("adopt_socket_readbuf: calling service") != std::string_view::npos) return;
  log()->log(level == LLL_ERR ? spdlog::level::err : spdlog::level::warn, "libwebsockets: {}", text);
}

std::string request_with(const std::string& key) {
  return "GET / HTTP/1.1\r\nHost: convd\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: " +
         key + "\r\n\r\n";
}

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min(limit.rlim_max, most_descriptors);
  if (limit.rlim_cur >= wanted && limit.rlim_cur != RLIM_INFINITY) return;
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

struct Context::Setup {
  std::array<lws_protocols, 2> protocols{};
  lws_retry_bo_t validity{};  // all zero: WebSocket looks after that
  std::array<void*, 1> loops{};
};

Context::Context(loop::EvLoop& loop, const Limits& limits)
    : loop_(loop), limits_(limits), setup_(std::make_unique<Setup>()) {
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);  // sendfile() cannot be told otherwise
  lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
  setup_->protocols[0].name = "convd";
  setup_->protocols[0].callback = on_lws_event;
  setup_->protocols[0].rx_buffer_size = receive_buffer_bytes;
  setup_->protocols[0].tx_packet_size = send_buffer_bytes;
  setup_->loops[0] = loop.native();

  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
  info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
                 LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_VALIDATE_UTF8;
  info.foreign_loops = setup_->loops.data();
  info.pt_serv_buf_size = service_buffer_bytes;
  info.retry_and_idle_policy = &setup_->validity;
  info.user = this;
  context_ = lws_create_context(&info);
  if (context_ == nullptr) {
    throw std::runtime_error("libwebsockets cannot start; is its libev plugin (libwebsockets-evlib-ev) installed?");
  }
  info.vhost_name = "convd";
  info.protocols = setup_->protocols.data();
  vhost_ = lws_create_vhost(context_, &info);
  if (vhost_ == nullptr) {
    lws_context_destroy(context_);
    throw std::runtime_error("libwebsockets cannot make its virtual host");
  }
}

Context::~Context() {
  lws_context_destroy(context_);
}

// Thousands may come at once, when a daemon has been restarted, and what others wait for must not wait for them all.
void Context::adopt(Handover arrival) {
  if (!turn_) turn_ = loop_.after(loop::milliseconds(0), [this] { next_turn(); });
  if (adopted_ == most_adoptions_per_turn) return arrivals_.push_back(std::move(arrival));
  adopt_now(std::move(arrival));
}

void Context::next_turn() {
  adopted_ = 0;
  turn_.reset();
  if (arrivals_.empty()) return;
  turn_ = loop_.after(loop::milliseconds(0), [this] { next_turn(); });
  while (!arrivals_.empty() && adopted_ < most_adoptions_per_turn) {
    Handover arrival = std::move(arrivals_.front());
    arrivals_.pop_front();
    adopt_now(std::move(arrival));
  }
}

void Context::adopt_now(Handover arrival) {
  ++adopted_;
  adopting_ = std::make_unique<WebSocket>(std::move(arrival.session), std::move(arrival.stay), limits_, waiting_, loop_,
                                          std::move(arrival.handshake.subprotocol));
  WebSocket* const socket = adopting_.get();
  const std::string head = request_with(arrival.handshake.key);
  keep_little_unsent(arrival.socket.get());
  // Closes the descriptor when it fails. Runs the handshake before it returns.
  lws* wsi = lws_adopt_socket_vhost_readbuf(vhost_, arrival.socket.release(), head.data(), head.size());
  // Not even instantiated.
  if (std::exchange(adopting_, nullptr)) return;
  if (leaving_ && socket_of(wsi) == socket) socket->go_away();
}

void Context::close_all() {
  leaving_ = true;
  for (auto& [wsi, socket] : sockets_) socket->go_away();
}

void Context::tick(loop::TimePoint now) {
  // A copy: the end of one session may make another one wait. None is destroyed in this turn.
  const std::vector<WebSocket*> waiting(waiting_.begin(), waiting_.end());
  for (WebSocket* socket : waiting) {
    if (!socket->look(now)) waiting_.erase(socket);
  }
  for (const auto& [wsi, socket] : sockets_) socket->keep_alive(now);
  if (!sockets_.empty()) lws_cancel_service(context_);
}

WebSocket* Context::socket_of(lws* wsi) {
  const auto found = sockets_.find(wsi);
  return found == sockets_.end() ? nullptr : found->second.get();
}

// Libwebsockets knows the names of its own protocols only.
int Context::add_headers(const WebSocket& socket, void* to) const {
  if (socket.subprotocol().empty()) return 0;
  auto& out = *static_cast<lws_process_html_args*>(to);
  const std::string line = "Sec-WebSocket-Protocol: " + socket.subprotocol() + "\r\n";
  if (out.max_len < static_cast<int>(line.size())) return -1;
  out.p = std::copy(line.begin(), line.end(), out.p);
  out.max_len -= static_cast<int>(line.size());
  return 0;
}

int Context::on_event(lws* wsi, int reason, void* in, std::size_t size) {
  const auto code = [](WebSocket::Verdict verdict) { return verdict == WebSocket::Verdict::close ? -1 : 0; };
  switch (reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
      if (!adopting_) return -1;
      adopting_->attach(wsi);
      sockets_.emplace(wsi, std::exchange(adopting_, nullptr));
      return 0;
    case LWS_CALLBACK_WSI_DESTROY:
      // Out of the map first: the end of a session may look at the map.
      std::ignore = sockets_.extract(wsi);
      return 0;
    case LWS_CALLBACK_HTTP:
      return -1;  // nothing but our own handshakes is ever fed in
    default:
      break;
  }
  WebSocket* socket = socket_of(wsi);
  if (socket == nullptr) return 0;
  switch (reason) {
    case LWS_CALLBACK_ADD_HEADERS:
      return add_headers(*socket, in);
    case LWS_CALLBACK_ESTABLISHED:
      socket->on_established();
      return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
      return code(socket->on_close_by_peer({static_cast<const char*>(in), size}));
    case LWS_CALLBACK_CLOSED:
      socket->on_closed();
      return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
      socket->heard(loop_.now());
      return 0;
    case LWS_CALLBACK_RECEIVE:
      socket->heard(loop_.now());
      return code(socket->on_receive({static_cast<const char*>(in), size}));
    case LWS_CALLBACK_SERVER_WRITEABLE:
      return code(socket->on_writeable());
    default:
      return 0;
  }
}

}  // namespace convd::transport
