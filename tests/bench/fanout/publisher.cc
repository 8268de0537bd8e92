#include "tests/bench/fanout/publisher.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace fanout {
namespace {

constexpr int patience_ms = 10'000;

// Waits for `fd`; only while the connection is being made.
void await(int fd, short events) {
  pollfd waiting{fd, events, 0};
  if (poll(&waiting, 1, patience_ms) != 1) throw std::runtime_error("publishing: no answer");
}

int connected(const Target& target) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const int fd = connect_to(target);
    if (fd < 0) {
      poll(nullptr, 0, 1);
      continue;
    }
    await(fd, POLLOUT);
    return fd;
  }
  throw std::runtime_error("publishing: nobody accepts");
}

// Bytes out and in over one connection; what it means is its owner's business.
class Wire : public Poller::Watcher {
 public:
  Wire(Poller& poller, const Target& target) : poller_(poller), fd_(connected(target)) {
    poller_.add(fd_, EPOLLIN, *this);
  }
  virtual ~Wire() { close(fd_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void flush() {
    const ssize_t sent = out_.empty() ? 0 : send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) throw std::runtime_error("publishing: the connection broke");
    if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
    if (std::exchange(blocked_, !out_.empty()) != blocked_)
      poller_.change(fd_, blocked_ ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
  }

  std::size_t unsent() const { return out_.size(); }

 protected:
  virtual void on_input() = 0;
  int fd() const { return fd_; }
  std::string& out() { return out_; }
  std::string& in() { return in_; }

  void receive() {
    auto& scratch = poller_.scratch();
    const ssize_t got = recv(fd_, scratch.data(), scratch.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) throw std::runtime_error("publishing: the server hung up: " + in_);
    if (got > 0) in_.append(scratch.data(), static_cast<std::size_t>(got));
  }

 private:
  void on_ready(std::uint32_t events) override {
    if ((events & EPOLLOUT) != 0) flush();
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    receive();
    on_input();
  }

  Poller& poller_;
  const int fd_;
  std::string out_, in_;
  bool blocked_ = false;
};

class WebSocketPublisher final : public Publisher, private Wire {
 public:
  WebSocketPublisher(Poller& poller, const Target& target, std::string_view path) : Wire(poller, target) {
    out() = handshake_request(path, Offer::nothing);
    Wire::flush();
    while (in().find("\r\n\r\n") == std::string::npos) {
      await(fd(), POLLIN);
      receive();
    }
    if (!in().starts_with("HTTP/1.1 101")) throw std::runtime_error("publishing: " + in());
    in().clear();
  }

  void publish(std::string_view text) override { append_client_frame(out(), text); }
  void flush() override { Wire::flush(); }
  std::size_t unanswered() const override { return unsent(); }

 private:
  void on_input() override { in().clear(); }
};

class LinePublisher final : public Publisher, private Wire {
 public:
  LinePublisher(Poller& poller, const std::string& path) : Wire(poller, {.unix_path = path, .port = 0}) {}

  void publish(std::string_view text) override { (out() += text) += '\n'; }
  void flush() override { Wire::flush(); }
  std::size_t unanswered() const override { return unsent(); }

 private:
  void on_input() override { in().clear(); }
};

enum class Body : std::uint8_t { plain, note };

class HttpPublisher final : public Publisher {
 public:
  HttpPublisher(Poller& poller, const Target& target, std::string path, Body body, std::size_t connections)
      : poller_(poller), target_(target), path_(std::move(path)), body_(body), most_(connections) {}

  void publish(std::string_view text) override { waiting_.push_back(request_with(text)); }
  void flush() override {
    for (std::size_t i = 0; i < most_ && !waiting_.empty(); ++i) {
      // Not before it is needed: a server gives up connections that say nothing.
      if (i == wires_.size()) wires_.push_back(std::make_unique<Request>(poller_, target_, *this));
      if (wires_[i]->is_busy()) continue;
      wires_[i]->begin(waiting_.front());
      waiting_.pop_front();
      ++busy_;
    }
  }
  std::size_t unanswered() const override { return waiting_.size() + busy_; }

 private:
  class Request final : public Wire {
   public:
    Request(Poller& poller, const Target& target, HttpPublisher& owner) : Wire(poller, target), owner_(owner) {}
    bool is_busy() const { return busy_; }
    void begin(const std::string& request) {
      busy_ = true;
      out() = request;
      Wire::flush();
    }

   private:
    void on_input() override {
      const auto end = in().find("\r\n\r\n");
      if (end == std::string::npos) return;
      const std::string_view length = header_of(std::string_view(in()).substr(0, end + 2), "content-length");
      std::size_t size = 0;
      std::from_chars(length.data(), length.data() + length.size(), size);
      if (in().size() < end + 4 + size) return;
      if (!in().starts_with("HTTP/1.1 2")) throw std::runtime_error("publishing: " + in());
      in().clear();
      busy_ = false;
      --owner_.busy_;
    }

    HttpPublisher& owner_;
    bool busy_ = false;
  };

  // One conversion takes a limited number of notes: where there is a place for a number in the path, they take turns.
  std::string path() {
    constexpr std::string_view place = "{n}";
    constexpr int turns = 1'000;
    const auto at = path_.find(place);
    if (at == std::string::npos) return path_;
    turn_ = turn_ % turns + 1;
    char digits[16];
    std::snprintf(digits, sizeof digits, "%012d", turn_);
    return std::string(path_).replace(at, place.size(), digits);
  }

  std::string request_with(std::string_view text) {
    const bool note = body_ == Body::note;
    const std::string body = note ? R"({"text":")" + std::string(text) + R"("})" : std::string(text);
    return "POST " + path() +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + (note ? "application/json" : "text/plain") +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  Poller& poller_;
  const Target target_;
  const std::string path_;
  const Body body_;
  const std::size_t most_;
  int turn_ = 0;
  std::vector<std::unique_ptr<Request>> wires_;
  std::deque<std::string> waiting_;
  std::size_t busy_ = 0;
};

}  // namespace

std::unique_ptr<Publisher> publisher_for(const std::string& way, Poller& poller, const Target& target,
                                         std::size_t connections) {
  const auto colon = way.find(':');
  const std::string kind = way.substr(0, colon);
  const std::string path = colon == std::string::npos ? "" : way.substr(colon + 1);
  if (kind == "ws") return std::make_unique<WebSocketPublisher>(poller, target, path);
  if (kind == "lines") return std::make_unique<LinePublisher>(poller, path);
  if (kind == "post") return std::make_unique<HttpPublisher>(poller, target, path, Body::plain, connections);
  if (kind == "note") return std::make_unique<HttpPublisher>(poller, target, path, Body::note, connections);
  throw std::runtime_error("expected ws:, lines:, post: or note: and a path, not " + way);
}

}  // namespace fanout
