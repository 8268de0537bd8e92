#include "tests/bench/fanout/subscriber.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fanout {
namespace {

// What a deaf one holds of what is sent to it: little, so that the rest is the server's burden.
constexpr int deaf_buffer = 4096;

bool is_event(const Frame& frame) {
  return frame.opcode == Opcode::binary || frame.compressed || frame.payload.starts_with(R"({"type":"event")");
}

}  // namespace

Subscriber::~Subscriber() {
  hang_up();
}

bool Subscriber::start() {
  const int fd = connect_to(access_.target, deaf_ ? deaf_buffer : 0);
  if (fd < 0) return false;
  fd_ = fd;
  state_ = State::connecting;
  rest_.clear();
  poller_.add(fd_, EPOLLOUT, *this);
  return true;
}

void Subscriber::hang_up() {
  if (fd_ < 0) return;
  const linger at_once{1, 0};  // thousands of connections in TIME_WAIT would be in the way of the next run
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd_);
  fd_ = -1;
  state_ = State::closed;
}

void Subscriber::closed(const std::string& why) {
  if (state_ == State::closed) return;
  const State before = state_;
  hang_up();
  observer_.on_closed(*this, before, why);
}

void Subscriber::on_ready(std::uint32_t events) {
  if (state_ == State::closed) return;
  if (state_ == State::connecting) return on_connected();
  if (events != 0) receive();
}

void Subscriber::on_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return closed(std::strerror(error));
  state_ = State::upgrading;
  poller_.change(fd_, EPOLLIN, *this);
  say(handshake_request(access_.path, access_.offer));
}

void Subscriber::say(std::string_view bytes) {
  if (send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
    closed("it does not take what is said");
}

void Subscriber::receive() {
  auto& scratch = poller_.scratch();
  const ssize_t got = recv(fd_, scratch.data(), scratch.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return closed(got == 0 ? "end of stream" : std::strerror(errno));
  const std::string_view bytes(scratch.data(), static_cast<std::size_t>(got));
  bytes_ += bytes.size();
  if (rest_.empty()) {
    rest_ = bytes.substr(take(bytes));
  } else {
    rest_ += bytes;
    rest_.erase(0, take(rest_));
  }
}

// How much of `bytes` is done with.
std::size_t Subscriber::take(std::string_view bytes) {
  std::size_t taken = state_ == State::upgrading ? take_answer(bytes) : 0;
  while (state_ == State::greeting || state_ == State::live) {
    const auto frame = server_frame(bytes.substr(taken));
    if (!frame) break;
    taken += frame->size;
    take_frame(*frame);
  }
  return taken;
}

std::size_t Subscriber::take_answer(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  if (!bytes.starts_with("HTTP/1.1 101")) {
    closed("refused: " + std::string(bytes.substr(0, bytes.find("\r\n"))));
  } else if (hello().empty()) {
    go_live({});
  } else {
    std::string framed;
    append_client_frame(framed, hello());
    state_ = State::greeting;
    say(framed);
  }
  return end + 4;
}

void Subscriber::go_live(std::string_view ack) {
  state_ = State::live;
  if (deaf_) poller_.remove(fd_);
  observer_.on_live(*this, ack);
}

void Subscriber::take_frame(const Frame& frame) {
  switch (frame.opcode) {
    case Opcode::close:
      return closed("closed: " + std::string(frame.payload.substr(std::min<std::size_t>(2, frame.payload.size()))));
    case Opcode::ping: {
      std::string framed;
      append_client_frame(framed, frame.payload, Opcode::pong);
      return say(framed);
    }
    case Opcode::pong:
      return;
    case Opcode::text:
    case Opcode::binary:
      break;
  }
  if (state_ == State::greeting) {
    if (frame.payload.starts_with(R"({"type":"ack")")) return go_live(frame.payload);
    return closed("no ack: " + std::string(frame.payload));
  }
  if (deaf_) return;
  if (hello().empty() || is_event(frame)) return observer_.on_event(*this, frame);
  if (frame.payload.starts_with(R"({"type":"gap")")) closed(std::string(frame.payload));
}

}  // namespace fanout
