#pragma once
// A server on a Unix socket of its own, run by a thread, with a service that tells what it was asked; and a client that
// speaks bytes. Whatever is waited for has a deadline, nothing sleeps.

#include "convd/events/websocket_frame.h"
#include "convd/loop/ev_loop.h"
#include "convd/transport/server.h"
#include "tests/support/catch.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tests {

using namespace convd;

// Nothing waits as long as this when all is well.
inline constexpr int patience_ms = 60'000;

inline int status_for(shared::ErrorCode code) {
  switch (code) {
    case shared::ErrorCode::header_too_large:
      return 431;
    case shared::ErrorCode::not_implemented:
      return 501;
    case shared::ErrorCode::request_timeout:
      return 408;
    case shared::ErrorCode::upgrade_required:
      return 426;
    default:
      return 400;
  }
}

struct Said {
  std::string payload;
  events::FrameType type = events::FrameType::text;
};

// A WebSocket session that the test thread steers.
struct SocketScript {
  std::mutex mutex;
  std::deque<Said> waiting;
  std::vector<std::string> heard;
  std::optional<api::SocketSession::Close> end;
  bool echo = true;
  bool flushes = false;  // instead of want_write()
  std::string last_words;
  int too_slow = 0;
  std::function<std::string_view(std::size_t)> source;  // instead of `waiting`
  api::Outlet* outlet = nullptr;                        // loop thread only

  void wake() { flushes ? outlet->flush() : outlet->want_write(); }
};

class ScriptedSession final : public api::SocketSession {
 public:
  ScriptedSession(std::shared_ptr<SocketScript> script, std::atomic<int>& alive)
      : script_(std::move(script)), alive_(alive) {
    ++alive_;
  }
  ~ScriptedSession() override {
    script_->outlet = nullptr;
    --alive_;
  }
  void on_open(api::Outlet& outlet) override {
    script_->outlet = &outlet;
    script_->wake();
  }
  void on_message(std::string_view text, api::MessageKind kind) override {
    {
      const std::lock_guard lock(script_->mutex);
      hear(text, kind);
    }
    script_->wake();
  }
  void hear(std::string_view text, api::MessageKind kind) {
    const bool binary = kind == api::MessageKind::binary;
    script_->heard.push_back((binary ? "binary:" : "") + std::string(text));
    if (!script_->echo) return;
    if (text == "bye")
      script_->end = {4001, "as you wish"};
    else
      script_->waiting.push_back({std::string(text), binary ? events::FrameType::binary : events::FrameType::text});
  }
  std::string_view next_frames(std::size_t most) override {
    const std::lock_guard lock(script_->mutex);
    if (script_->source) return script_->source(most);
    frames_.clear();
    while (!script_->waiting.empty()) {
      const Said& next = script_->waiting.front();
      if (!frames_.empty() && frames_.size() + next.payload.size() > most) break;
      events::append_frame(frames_, next.payload, next.type);
      script_->waiting.pop_front();
    }
    return frames_;
  }
  std::optional<Close> finished() const override {
    const std::lock_guard lock(script_->mutex);
    return script_->end;
  }
  Close going_away() override {
    const std::lock_guard lock(script_->mutex);
    if (script_->last_words.empty()) return SocketSession::going_away();
    script_->waiting.push_back({script_->last_words});
    return {4001, "shutdown"};
  }
  void on_too_slow() override {
    const std::lock_guard lock(script_->mutex);
    ++script_->too_slow;
  }

 private:
  std::shared_ptr<SocketScript> script_;
  std::atomic<int>& alive_;
  std::string frames_;
};

class CountedStay final : public api::Stay {
 public:
  explicit CountedStay(std::atomic<int>& count) : count_(count) { ++count_; }
  ~CountedStay() override { --count_; }

 private:
  std::atomic<int>& count_;
};

// Answers "METHOD /a|b ?name=value body\n". Paths with a meaning of their own: /early (answers before the body), /later
// (answers when the test says so), /custom (as `custom` says), /big (a megabyte of text), /file (a part of a file),
// /status/N, /caller, /ws/NAME.
class EchoService final : public api::Service {
 public:
  explicit EchoService(loop::Loop& loop) : loop_(loop) {}

  std::unique_ptr<api::Exchange> begin(api::Request request, api::Responder& responder) override;
  bool has_socket(const api::Request& request) const override {
    return request.path.size() == 2 && request.path.front() == "ws";
  }
  api::Opening open_socket(const api::Request& request) override;
  api::Response problem(const shared::Error& error) const override {
    return {status_for(error.code), {{"Content-Type", "text/plain"}}, error.message + "\n"};
  }
  std::unique_ptr<api::Stay> arrive(const api::Caller&) override {
    if (turns_away) return nullptr;
    return std::make_unique<CountedStay>(connections);
  }

  std::shared_ptr<SocketScript> script(const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto& found = scripts_[name];
    if (!found) found = std::make_shared<SocketScript>();
    return found;
  }
  // Any thread: lets every exchange of /later answer.
  void answer_later_ones() {
    loop_.post([this] {
      auto all = later;
      for (api::Responder* responder : all) responder->send({200, {}, "late\n"});
    });
  }

  std::atomic<int> connections{0};
  std::atomic<bool> turns_away{false};
  std::atomic<int> exchanges{0};
  std::atomic<int> begun{0};
  std::atomic<int> left{0};
  std::atomic<int> sessions{0};
  std::atomic<int> asked_for_sockets{0};
  std::vector<api::Responder*> later;  // loop thread only
  std::string file_path;
  std::function<api::Response()> custom;  // loop thread only

 private:
  loop::Loop& loop_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<SocketScript>> scripts_;
};

class EchoExchange final : public api::Exchange {
 public:
  EchoExchange(EchoService& service, api::Request request, api::Responder& responder)
      : service_(service), request_(std::move(request)), responder_(responder) {
    ++service_.exchanges;
  }
  ~EchoExchange() override {
    std::erase(service_.later, &responder_);
    --service_.exchanges;
  }
  std::string_view first() const { return request_.path.empty() ? std::string_view() : request_.path.front(); }
  void on_body(std::string_view bytes) override { body_ += bytes; }
  void on_client_left() override { ++service_.left; }
  void on_body_end() override {
    if (first() == "later") {
      service_.later.push_back(&responder_);
    } else if (first() == "custom") {
      responder_.send(service_.custom());
    } else if (first() == "big") {
      responder_.send({200, {}, std::string(1 << 20, 'b')});
    } else if (first() == "file") {
      responder_.send(
          {200,
           {},
           api::FileBody{loop::UniqueFd(::open(service_.file_path.c_str(), O_RDONLY | O_CLOEXEC)), 3, 5'000'000}});
    } else if (first() == "status") {
      responder_.send({std::atoi(request_.path.at(1).c_str()), {{"X-Odd", "a\r\nb: c"}}, "text\n"});
    } else if (first() == "caller") {
      responder_.send(
          {200,
           {},
           request_.caller.principal + (request_.caller.role == api::Role::operator_ ? " operator" : " user")});
    } else {
      responder_.send({200, {}, description()});
    }
  }

 private:
  std::string description() const {
    std::string out = request_.method + " ";
    for (const auto& segment : request_.path) out += "/" + segment;
    for (const auto& [name, value] : request_.query) out += " ?" + name + "=" + value;
    return out + " [" + (body_.size() > 200 ? std::to_string(body_.size()) : body_) + "]\n";
  }

  EchoService& service_;
  const api::Request request_;
  api::Responder& responder_;
  std::string body_;
};

inline std::unique_ptr<api::Exchange> EchoService::begin(api::Request request, api::Responder& responder) {
  const bool early = !request.path.empty() && request.path.front() == "early";
  ++begun;
  auto exchange = std::make_unique<EchoExchange>(*this, std::move(request), responder);
  if (early) responder.send({413, {}, "too much\n"});
  return exchange;
}

inline api::Opening EchoService::open_socket(const api::Request& request) {
  ++asked_for_sockets;
  if (!has_socket(request)) return {};
  if (request.path[1] == "refused") return {nullptr, api::Response{429, {{"Retry-After", "7"}}, "too fast\n"}};
  return {std::make_unique<ScriptedSession>(script(request.path[1]), sessions), {}};
}

// The bytes of one connection. Reads fail the test when nothing comes in time.
class RawClient {
 public:
  explicit RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  explicit RawClient(loop::UniqueFd fd) : fd_(std::move(fd)) {}

  // Whether the peer's side took everything.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void end_of_output() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

  // Reads until the peer closes.
  std::string rest() {
    while (more()) {
    }
    return std::exchange(received_, {});
  }
  // Reads up to and including `end`.
  std::string until(std::string_view end) {
    std::size_t at = 0;
    while ((at = received_.find(end)) == std::string::npos) {
      INFO("waiting for " << end << ", so far: " << received_);
      REQUIRE(more());
    }
    return take(at + end.size());
  }
  std::string exactly(std::size_t size) {
    while (received_.size() < size) REQUIRE(more());
    return take(size);
  }
  bool is_closed() { return received_.empty() && !more(); }

 private:
  std::string take(std::size_t size) {
    std::string out = received_.substr(0, size);
    received_.erase(0, size);
    return out;
  }
  bool more() {
    pollfd poll{fd_.get(), POLLIN, 0};
    if (::poll(&poll, 1, patience_ms) != 1) {
      FAIL("nothing came in " << patience_ms << " ms; so far: " << received_.substr(0, 500));
    }
    char buffer[65536];
    const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (size <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(size));
    return true;
  }

  loop::UniqueFd fd_;
  std::string received_;
};

inline std::string temporary_directory() {
  std::string path = (std::filesystem::temp_directory_path() / "convd-test-XXXXXX").string();
  REQUIRE(::mkdtemp(path.data()) != nullptr);
  return path;
}

class TransportWorld {
 public:
  explicit TransportWorld(transport::ServerOptions options = {})
      : directory(temporary_directory()), socket_path(directory + "/convd.sock"), service(loop) {
    spdlog::set_level(spdlog::level::err);
    server = std::make_unique<transport::Server>(loop, service, std::move(options));
    const auto listening = server->listen_unix(socket_path);
    REQUIRE(listening.ok());
    thread_ = std::thread([this] { loop.run(); });
  }
  ~TransportWorld() {
    loop.post([this] { loop.stop(); });
    thread_.join();
    server.reset();
    std::filesystem::remove_all(directory);
  }
  RawClient connect() const { return RawClient(socket_path); }
  // A client that has sent this before the loop could let a deadline pass.
  RawClient connect_and_send(std::string_view bytes) {
    std::optional<RawClient> client;
    on_loop([&] {
      client.emplace(connect());
      client->send(bytes);
    });
    return std::move(*client);
  }
  // Over TCP, with a receive buffer of about that size.
  RawClient connect_tcp(int receive_bytes) {
    if (tcp_port_ == 0) {
      on_loop([&] {
        const auto name = server->listen_tcp("127.0.0.1:0");
        REQUIRE(name.ok());
        tcp_port_ = static_cast<std::uint16_t>(std::stoi(name.value().substr(name.value().rfind(':') + 1)));
      });
    }
    loop::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(tcp_port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return RawClient(std::move(fd));
  }

  // Runs `task` on the loop thread and waits for it.
  void on_loop(std::function<void()> task) {
    std::promise<void> done;
    loop.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  // Waits, turn by turn, until `condition` holds on the loop thread.
  bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    bool holds = false;
    while (!holds && std::chrono::steady_clock::now() < end) {
      on_loop([&] { holds = condition(); });
      if (!holds) ::poll(nullptr, 0, 1);
    }
    return holds;
  }

  const std::string directory;
  const std::string socket_path;
  loop::EvLoop loop;
  EchoService service;
  std::unique_ptr<transport::Server> server;

 private:
  std::uint16_t tcp_port_ = 0;
  std::thread thread_;
};

}  // namespace tests
