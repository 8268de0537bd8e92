#include "convctl/client_http.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace convctl {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr std::size_t body_limit_bytes = 64 << 20;
constexpr std::chrono::seconds idle_limit{90};
constexpr std::chrono::seconds connect_limit{10};

FileDescriptor connect_unix(const std::string& path, int& error) {
  FileDescriptor socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  error = connect(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  return socket_fd;
}

// Tries every address until one accepts or is on its way.
FileDescriptor connect_tcp(const Endpoint& endpoint, int& error, std::string& why) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &list);
  if (code != 0) {
    error = EHOSTUNREACH;
    why = gai_strerror(code);
    return {};
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    FileDescriptor socket_fd(socket(entry->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    error = connect(socket_fd.get(), entry->ai_addr, entry->ai_addrlen) == 0 ? 0 : errno;
    if (error == 0 || error == EINPROGRESS) return socket_fd;
  }
  return {};
}

std::string head_of(const HttpRequest& request, const Endpoint& endpoint) {
  std::string head = request.method + " " + endpoint.base_path + request.target +
                     " HTTP/1.1\r\nHost: " + endpoint.host_header() +
                     "\r\nUser-Agent: convctl\r\nConnection: close\r\n";
  for (const auto& [name, value] : request.headers) head += name + ": " + value + "\r\n";
  std::size_t length = request.body.size();
  if (request.file) {
    length =
        request.file->prefix.size() + static_cast<std::size_t>(request.file->size_bytes) + request.file->suffix.size();
  }
  if (length > 0 || request.method == "POST") head += "Content-Length: " + std::to_string(length) + "\r\n";
  return head + "\r\n";
}

}  // namespace

Failure unreachable(const Endpoint& endpoint, const std::string& why) {
  return Failure{
      Exit::unavailable, "cannot reach convd at " + endpoint.describe() + ": " + why,
      "start it with `systemctl start convd` or `convd`, or convert without one: `convctl convert --local ...`"};
}

HttpCall::HttpCall(ClientLoop& loop, const Endpoint& endpoint, HttpRequest request, Done done)
    : loop_(loop),
      endpoint_(endpoint),
      request_(std::move(request)),
      done_(std::move(done)),
      reader_(request_.method == "HEAD", request_.sink, body_limit_bytes),
      last_activity_(std::chrono::steady_clock::now()) {
  out_ = head_of(request_, endpoint_) + (request_.file ? request_.file->prefix : request_.body);
  suffix_sent_ = !request_.file;
  connect();
}

void HttpCall::connect() {
  int error = 0;
  std::string why;
  socket_ = endpoint_.is_unix() ? connect_unix(endpoint_.socket_path, error) : connect_tcp(endpoint_, error, why);
  connecting_ = error == EINPROGRESS;
  if (error == EAGAIN) {  // a Unix socket whose queue of callers is full
    return finish(Failure{Exit::try_later, "convd at " + endpoint_.describe() + " is too busy to accept a connection",
                          "try again"});
  }
  if (error != 0 && !connecting_) return finish(unreachable(endpoint_, why.empty() ? std::strerror(error) : why));
  watch_ = loop_.watch(socket_.get(), [this] { ready(); });
  loop_.want_write(*watch_);
  watch_idle();
}

void HttpCall::watch_idle() {
  idle_ = loop_.after(std::chrono::seconds(1), [this] {
    const auto silent = std::chrono::steady_clock::now() - last_activity_;
    if (connecting_ && silent > connect_limit) return finish(unreachable(endpoint_, "no answer to the connection"));
    if (silent > idle_limit) return fail(Exit::unavailable, "convd has been silent for 90 s");
    watch_idle();
  });
}

void HttpCall::ready() {
  if (over_) return;
  if (connecting_) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return finish(unreachable(endpoint_, std::strerror(error)));
    connecting_ = false;
  }
  send_some();
  if (!over_) receive_some();
}

// Puts the next piece into out_; false when all has been sent or the input has failed.
bool HttpCall::refill() {
  if (suffix_sent_) return false;
  const std::int64_t left = request_.file->size_bytes - file_at_;
  if (left == 0) {
    out_ = request_.file->suffix;
    suffix_sent_ = true;
    return true;
  }
  out_.resize(static_cast<std::size_t>(std::min<std::int64_t>(left, piece_bytes)));
  const ssize_t got = pread(request_.file->file.get(), out_.data(), out_.size(), file_at_);
  if (got <= 0) {
    fail(Exit::io_error, got == 0 ? "the input became shorter while it was read"
                                  : std::string("cannot read the input: ") + std::strerror(errno));
    return false;
  }
  out_.resize(static_cast<std::size_t>(got));
  file_at_ += got;
  if (request_.on_sent) request_.on_sent(file_at_);
  return true;
}

void HttpCall::send_some() {
  for (int round = 0; sending_ && round < 8; ++round) {
    if (out_at_ == out_.size()) {
      out_at_ = 0;
      out_.clear();
      if (!refill()) {
        sending_ = false;
        return;
      }
    }
    const ssize_t sent = send(socket_.get(), out_.data() + out_at_, out_.size() - out_at_, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) break;
    // A daemon that refuses an upload answers before it has read all of it and closes: the answer may still be read.
    if (sent < 0)
      sending_ = false;
    else
      out_at_ += static_cast<std::size_t>(sent);
    last_activity_ = std::chrono::steady_clock::now();
  }
  if (sending_ && watch_) loop_.want_write(*watch_);
}

void HttpCall::receive_some() {
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    last_activity_ = std::chrono::steady_clock::now();
    const auto state =
        got > 0 ? reader_.feed(std::string_view(buffer.data(), static_cast<std::size_t>(got))) : reader_.finish();
    if (state == ResponseReader::State::done) return finish(std::move(reader_.response()));
    if (state == ResponseReader::State::broken) {
      // Closed is a matter of the connection, malformed one of the protocol.
      return fail(got > 0 ? Exit::protocol : Exit::unavailable, reader_.problem());
    }
    if (got <= 0) return fail(Exit::unavailable, "the connection was closed");
  }
}

void HttpCall::fail(Exit exit, std::string message) {
  const std::string at = exit == Exit::io_error ? "" : endpoint_.describe() + ": ";
  finish(Failure{exit, at + message, ""});
}

void HttpCall::finish(HttpOutcome outcome) {
  if (over_) return;
  over_ = true;
  loop_.post([this, alive = std::weak_ptr<bool>(alive_), outcome = std::move(outcome)] {
    if (alive.expired()) return;
    watch_.reset();
    idle_.reset();
    socket_ = FileDescriptor();
    const Done done = std::move(done_);
    done(outcome);
  });
}

}  // namespace convctl
