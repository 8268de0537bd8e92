// A WebSocket broadcaster with nothing around it: what every /pub connection says goes to every /sub connection. Each
// event is framed (and compressed) once into one ring of bytes; a subscriber is a cursor into it and gets everything
// that waits in one send() per round. No library, no log, no filter: the limit that this machine sets, to measure
// others against.
//
//   fanout_raw 127.0.0.1:0|unix:PATH [--deflate-once]
//
// Says "listening on 127.0.0.1:PORT" when it is ready. Ends with its process.

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/bench/fanout/poller.h"
#include "tests/bench/fanout/ring.h"
#include "tests/bench/fanout/wire.h"

namespace {

using fanout::Deflater;
using fanout::Poller;
using fanout::Ring;

class Broadcaster;

class Connection final : public Poller::Watcher {
 public:
  enum class Role : std::uint8_t { stranger, subscriber, publisher };

  Connection(Broadcaster& house, int fd) : house_(house), fd_(fd) {}
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_ready(std::uint32_t events) override;
  // False: the connection is of no use any more.
  bool push();
  int fd() const { return fd_; }
  Role role() const { return role_; }
  bool is_blocked() const { return blocked_; }

 private:
  bool read();
  bool handshake();
  bool take_messages();

  Broadcaster& house_;
  const int fd_;
  Role role_ = Role::stranger;
  std::uint64_t cursor_ = 0;
  bool blocked_ = false;
  std::string input_;
};

class Broadcaster final : public Poller::Watcher {
 public:
  Broadcaster(int listener, bool compresses) : listener_(listener) {
    if (compresses) deflater_ = std::make_unique<Deflater>();
    poller_.add(listener_, EPOLLIN, *this);
  }

  [[noreturn]] void run() {
    for (;;) {
      poller_.wait(std::chrono::milliseconds(-1));
      if (std::exchange(published_, false)) push_all();
      gone_.clear();
    }
  }

  void publish(std::string_view text) {
    framed_.clear();
    if (deflater_) {
      fanout::append_server_frame(framed_, deflater_->compress(text), fanout::Compressed::yes);
    } else {
      fanout::append_server_frame(framed_, text);
    }
    ring_.append(framed_);
    published_ = true;
  }
  void subscribe(Connection& connection) { subscribers_.push_back(&connection); }
  // Its object lives to the end of this round.
  void forget(Connection& connection) {
    const auto found = connections_.find(connection.fd());
    if (found == connections_.end()) return;
    poller_.remove(connection.fd());
    std::erase(subscribers_, &connection);
    gone_.push_back(std::move(found->second));
    connections_.erase(found);
  }

  Poller& poller() { return poller_; }
  const Ring& ring() const { return ring_; }
  bool compresses() const { return deflater_ != nullptr; }

 private:
  void on_ready(std::uint32_t) override {
    for (int fd = 0; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      auto connection = std::make_unique<Connection>(*this, fd);
      poller_.add(fd, EPOLLIN, *connection);
      connections_[fd] = std::move(connection);
    }
  }

  void push_all() {
    std::vector<Connection*> broken;
    for (Connection* subscriber : subscribers_)
      if (!subscriber->is_blocked() && !subscriber->push()) broken.push_back(subscriber);
    for (Connection* connection : broken) forget(*connection);
  }

  const int listener_;
  Poller poller_;
  Ring ring_;
  std::unique_ptr<Deflater> deflater_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> gone_;
  std::vector<Connection*> subscribers_;
  std::string framed_;
  bool published_ = false;
};

void Connection::on_ready(std::uint32_t events) {
  bool good = true;
  if ((events & EPOLLOUT) != 0) good = push();
  if (good && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) good = read();
  if (!good) house_.forget(*this);
}

bool Connection::push() {
  const Ring& ring = house_.ring();
  if (ring.end() - cursor_ > Ring::size / 2) return false;  // it reads too slowly
  bool blocked = false;
  while (!blocked && cursor_ < ring.end()) {
    const std::string_view waiting = ring.from(cursor_);
    const ssize_t sent = send(fd_, waiting.data(), waiting.size(), MSG_NOSIGNAL);
    if (sent > 0) cursor_ += static_cast<std::uint64_t>(sent);
    if (sent < 0 && errno != EAGAIN) return false;
    blocked = sent < 0;
  }
  if (std::exchange(blocked_, blocked) != blocked)
    house_.poller().change(fd_, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
  return true;
}

bool Connection::read() {
  auto& scratch = house_.poller().scratch();
  const ssize_t got = recv(fd_, scratch.data(), scratch.size(), 0);
  if (got < 0) return errno == EAGAIN;
  if (got == 0) return false;
  if (role_ == Role::subscriber) return true;
  input_.append(scratch.data(), static_cast<std::size_t>(got));
  return (role_ == Role::publisher || handshake()) && (role_ != Role::publisher || take_messages());
}

bool Connection::handshake() {
  const auto end = input_.find("\r\n\r\n");
  if (end == std::string::npos) return input_.size() < 8192;
  const std::string_view head(input_.data(), end + 2);
  role_ = head.starts_with("GET /pub") ? Role::publisher : Role::subscriber;
  const bool compressed = role_ == Role::subscriber && house_.compresses();
  if (compressed && fanout::header_of(head, "sec-websocket-extensions").empty()) return false;
  std::string answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  answer += "Sec-WebSocket-Accept: " + fanout::accept_of(fanout::header_of(head, "sec-websocket-key")) + "\r\n";
  if (compressed) answer += "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";
  answer += "\r\n";
  if (send(fd_, answer.data(), answer.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(answer.size())) return false;
  cursor_ = house_.ring().end();
  if (role_ == Role::subscriber) house_.subscribe(*this);
  input_.erase(0, end + 4);
  return true;
}

bool Connection::take_messages() {
  std::size_t taken = 0;
  while (const auto frame = fanout::client_frame(input_.data() + taken, input_.size() - taken)) {
    if (frame->opcode == fanout::Opcode::close) return false;
    if (frame->opcode == fanout::Opcode::text) house_.publish(frame->payload);
    taken += frame->size;
  }
  input_.erase(0, taken);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: fanout_raw 127.0.0.1:PORT|unix:PATH [--deflate-once]\n"), 64;
  std::signal(SIGPIPE, SIG_IGN);
  try {
    fanout::raise_descriptor_limit();
    fanout::Target target = fanout::target_from(argv[1]);
    Broadcaster broadcaster(fanout::listen_on(target), argc > 2 && std::string_view(argv[2]) == "--deflate-once");
    std::printf("listening on %s\n",
                target.unix_path.empty() ? ("127.0.0.1:" + std::to_string(target.port)).c_str() : argv[1]);
    std::fflush(stdout);
    broadcaster.run();
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "fanout_raw: %s\n", error.what()), 1;
  }
}
