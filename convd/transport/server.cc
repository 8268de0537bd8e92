#include "convd/transport/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "convd/transport/log.h"

namespace convd::transport {
namespace {

constexpr std::size_t scratch_bytes = 64 * 1024;

}  // namespace

Server::Server(loop::EvLoop& loop, api::Service& service, Options options)
    : loop_(loop),
      service_(service),
      options_(std::move(options)),
      rule_(operator_rule(options_.admin_group)),
      date_(loop),
      scratch_(scratch_bytes),
      context_(loop, options_.limits),
      shared_{loop_, service_, options_.limits, date_, scratch_, *this} {}

Server::~Server() {
  listeners_.clear();
  while (!connections_.empty()) {
    const auto connection = connections_.begin()->second;
    connection->abandon();
  }
}

shared::Result<std::string> Server::add(shared::Result<ListenSocket> socket) {
  if (!socket) return socket.error();
  listeners_.push_back(std::make_unique<Listener>(loop_, std::move(*socket), options_.limits.accept_pause,
                                                  [this](loop::UniqueFd fd) { return on_accepted(std::move(fd)); }));
  log()->info("listening on {}", listeners_.back()->name());
  return listeners_.back()->name();
}

shared::Result<void> Server::listen_unix(const std::string& path) {
  if (auto name = add(listen_on_unix(path)); !name) return name.error();
  return {};
}

shared::Result<std::string> Server::listen_tcp(const std::string& address) {
  return add(listen_on_tcp(address, options_.reach));
}

shared::Result<std::string> Server::adopt_listener(loop::UniqueFd fd) {
  return add(adopt_listening(std::move(fd), options_.reach));
}

// Some places are for the Unix socket alone, where whoever has to look after the crowd comes from.
bool Server::has_room_for(const api::Caller& caller) const {
  const Limits& limits = options_.limits;
  const std::size_t kept = caller.address.empty() ? 0 : std::min(limits.local_places, limits.connections);
  const Counts open = counts();
  return open.http + open.websockets < limits.connections - kept;
}

Listener::Verdict Server::on_accepted(loop::UniqueFd socket) {
  auto caller = caller_of(socket.get(), rule_);
  if (!caller) return Listener::Verdict::go_on;
  if (!has_room_for(*caller)) {
    const Counts open = counts();
    log()->warn("{} connections are open, the limit: a client is turned away", open.http + open.websockets);
    return Listener::Verdict::pause;
  }
  auto stay = service_.arrive(*caller);
  if (!stay) return Listener::Verdict::go_on;
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // no effect on a Unix socket
  auto connection = std::make_shared<HttpConnection>(shared_, std::move(socket), std::move(*caller), std::move(stay));
  connections_.emplace(connection.get(), connection);
  connection->start();
  if (!ticker_) ticker_ = loop_.every(options_.limits.tick, [this] { tick(); });
  return Listener::Verdict::go_on;
}

void Server::connection_over(HttpConnection& connection) {
  connections_.erase(&connection);
}

void Server::tick() {
  const loop::TimePoint now = loop_.now();
  std::vector<std::shared_ptr<HttpConnection>> due;
  for (const auto& [key, connection] : connections_) {
    if (connection->is_due(now)) due.push_back(connection);
  }
  for (const auto& connection : due) connection->enforce_deadline();
  context_.tick(now);
  const Counts left = counts();
  if (left.http + left.websockets == 0) ticker_.reset();
}

void Server::close_idle() {
  stopping_ = true;
  std::vector<std::shared_ptr<HttpConnection>> all;
  for (const auto& [key, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->finish();
}

void Server::stop() {
  stop_accepting();
  close_idle();
  close_websockets();
}

}  // namespace convd::transport
