#include "convd/transport/body_pump.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <utility>

#include "convd/transport/log.h"

namespace convd::transport {
namespace {

iovec part(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

}  // namespace

BodyPump::BodyPump(loop::Loop& loop, int socket, Framing framing, std::unique_ptr<api::BodyStream> stream, Ended ended)
    : loop_(loop), socket_(socket), framing_(framing), stream_(std::move(stream)), ended_(std::move(ended)) {
  keep_little_unsent(socket);
}

BodyPump::~BodyPump() = default;

void BodyPump::start() {
  stream_->on_open(*this);
  flush();
}

void BodyPump::want_write() {
  if (end_ || writable_) return;
  writable_ = loop_.watch(socket_, loop::Io::write, [this] {
    paused_ = false;
    run();
  });
}

void BodyPump::flush() {
  if (end_ || running_ || paused_) return;
  run();
}

void BodyPump::go_away() {
  if (std::exchange(going_away_, true)) return;
  stream_->going_away();
  flush();
}

bool BodyPump::is_too_slow(loop::TimePoint now, loop::milliseconds timeout) {
  if (writable_) return patience_.is_over(socket_, writes_, now, timeout);
  patience_.renew();
  return false;
}

void BodyPump::run() {
  struct Within {
    bool& flag;
    ~Within() { flag = false; }
  } const within{running_ = true};
  try {
    switch (send()) {
      case Sent::all:
        writable_.reset();
        if (complete_) end(End::complete);
        return;
      case Sent::some:
        paused_ = true;
        return want_write();
      case Sent::failed:
        return end(End::failed);
    }
  } catch (const std::exception& error) {
    // The caller may be on its way through thousands of connections.
    log()->error("a response is broken off: {}", error.what());
    end(End::failed);
  }
}

BodyPump::Sent BodyPump::send() {
  if (const Sent rest = send_rest(); rest != Sent::all) return rest;
  for (std::size_t size = 0; size < most_bytes_per_turn && !complete_;) {
    const std::string_view bytes = stream_->next_bytes(most_bytes_per_write);
    if (bytes.empty() && !stream_->finished()) return Sent::all;
    size += bytes.size();
    complete_ = bytes.empty();
    if (const Sent piece = send_piece(bytes); piece != Sent::all) return piece;
  }
  return complete_ ? Sent::all : Sent::some;
}

BodyPump::Sent BodyPump::send_rest() {
  if (rest_.empty()) return Sent::all;
  const std::string rest = std::exchange(rest_, {});
  std::array parts{part(rest)};
  return send(parts);
}

// An empty piece is the end of the body.
BodyPump::Sent BodyPump::send_piece(std::string_view bytes) {
  if (framing_ == Framing::plain) {
    if (bytes.empty()) return Sent::all;
    std::array parts{part(bytes)};
    return send(parts);
  }
  std::array<char, 20> size{};
  const auto digits = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  std::array parts{part({size.data(), static_cast<std::size_t>(digits)}), part(bytes), part("\r\n")};
  return send(parts);
}

BodyPump::Sent BodyPump::send(std::span<iovec> parts) {
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return Sent::failed;
  if (sent > 0) ++writes_;
  std::size_t skip = sent > 0 ? static_cast<std::size_t>(sent) : 0;
  for (const iovec& each : parts) {
    const std::size_t taken = std::min(skip, each.iov_len);
    skip -= taken;
    rest_.append(static_cast<const char*>(each.iov_base) + taken, each.iov_len - taken);
  }
  return rest_.empty() ? Sent::all : Sent::some;
}

void BodyPump::end(End end) {
  writable_.reset();
  end_ = loop_.after(loop::milliseconds(0), [this, end] {
    // The pump may be gone before the call returns.
    const Ended ended = std::move(ended_);
    ended(end);
  });
}

}  // namespace convd::transport
