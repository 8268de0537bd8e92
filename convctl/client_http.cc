#include "convctl/client_http.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "convctl/client_tls.h"

namespace convctl {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr std::size_t body_limit_bytes = 64 << 20;
constexpr std::chrono::seconds idle_limit{90};
constexpr std::chrono::seconds connect_limit{10};
constexpr std::chrono::milliseconds attempt_delay{250};  // RFC 8305, section 5

FileDescriptor connect_unix(const std::string& path, int& error) {
  FileDescriptor socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  error = connect(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  return socket_fd;
}

// The error of a connection that is being made, or EINPROGRESS when it takes longer than `patience`.
int outcome_within(int fd, std::chrono::milliseconds patience) {
  pollfd watched{fd, POLLOUT, 0};
  if (poll(&watched, 1, static_cast<int>(patience.count())) <= 0) return EINPROGRESS;
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

// Tries one address after the other, as RFC 8305 has it but for the parallel attempts: "localhost" has two, and convd
// may be at the second. Where none accepts soon, it is the first that has not refused.
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
  FileDescriptor pending;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    FileDescriptor socket_fd(socket(entry->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    error = connect(socket_fd.get(), entry->ai_addr, entry->ai_addrlen) == 0 ? 0 : errno;
    const bool is_only_one = list->ai_next == nullptr;
    if (error == EINPROGRESS && !is_only_one) error = outcome_within(socket_fd.get(), attempt_delay);
    if (error == 0 || (error == EINPROGRESS && is_only_one)) return socket_fd;
    if (error == EINPROGRESS && !pending.valid()) pending = std::move(socket_fd);
  }
  if (pending.valid()) error = EINPROGRESS;
  return pending;
}

ResponseReader::Ending ending_of(Stream::State state) {
  return state == Stream::State::closed ? ResponseReader::Ending::closed : ResponseReader::Ending::cut_off;
}

std::string head_of(const HttpRequest& request, const Endpoint& endpoint) {
  std::string head = request.method + " " + endpoint.base_path + request.target +
                     " HTTP/1.1\r\nHost: " + endpoint.host_header() +
                     "\r\nUser-Agent: convctl\r\nConnection: close\r\n";
  if (const std::string shown = endpoint.authorization(); !shown.empty()) head += "Authorization: " + shown + "\r\n";
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
  if (error == EAGAIN) {  // a Unix socket whose queue of callers is full
    return finish(Failure{Exit::try_later, "convd at " + endpoint_.describe() + " is too busy to accept a connection",
                          "try again"});
  }
  if (error != 0 && error != EINPROGRESS)
    return finish(unreachable(endpoint_, why.empty() ? std::strerror(error) : why));
  if (const Tls* tls = loop_.tls())
    stream_ = tls->stream(socket_.get());
  else
    stream_ = std::make_unique<SocketStream>(endpoint_, socket_.get());
  watch_ = loop_.watch(socket_.get(), [this] { ready(); });
  loop_.want_write(*watch_);
  watch_idle();
}

void HttpCall::watch_idle() {
  idle_ = loop_.after(std::chrono::seconds(1), [this] {
    const auto silent = std::chrono::steady_clock::now() - last_activity_;
    if (opening_ && silent > connect_limit) return finish(unreachable(endpoint_, "no answer to the connection"));
    if (silent > idle_limit) return fail(Exit::unavailable, "convd has been silent for 90 s");
    watch_idle();
  });
}

void HttpCall::ready() {
  if (over_) return;
  if (opening_ && !open()) return;
  send_some();
  if (!over_) receive_some();
}

// False when that takes another turn, or has failed.
bool HttpCall::open() {
  switch (stream_->open().state) {
    case Stream::State::moved:
      opening_ = false;
      return true;
    case Stream::State::wait_to_read:
      return false;
    case Stream::State::wait_to_write:
      loop_.want_write(*watch_);
      return false;
    default:
      finish(stream_->problem());
      return false;
  }
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
    const Stream::Step step = stream_->send(std::string_view(out_).substr(out_at_));
    if (step.state == Stream::State::wait_to_read) return;
    if (step.state == Stream::State::wait_to_write) break;
    // A daemon that refuses an upload answers before it has read all of it and closes: the answer may still be read.
    if (step.state != Stream::State::moved) sending_ = false;
    out_at_ += step.bytes;
    last_activity_ = std::chrono::steady_clock::now();
  }
  if (sending_ && watch_) loop_.want_write(*watch_);
}

void HttpCall::receive_some() {
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const Stream::Step step = stream_->receive(buffer.data(), buffer.size());
    if (step.state == Stream::State::wait_to_read) return;
    if (step.state == Stream::State::wait_to_write) return loop_.want_write(*watch_);
    if (step.state == Stream::State::failed) return finish(stream_->problem());
    last_activity_ = std::chrono::steady_clock::now();
    const auto state = step.state == Stream::State::moved ? reader_.feed(std::string_view(buffer.data(), step.bytes))
                                                          : reader_.finish(ending_of(step.state));
    if (state == ResponseReader::State::done) return finish(std::move(reader_.response()));
    if (state == ResponseReader::State::broken) {
      // Closed is a matter of the connection, malformed one of the protocol.
      return fail(step.state == Stream::State::moved ? Exit::protocol : Exit::unavailable, reader_.problem());
    }
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
    stream_.reset();
    socket_ = FileDescriptor();
    const Done done = std::move(done_);
    done(outcome);
  });
}

}  // namespace convctl
