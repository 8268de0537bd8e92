// The daemon's own way from an event to its readers, and nothing else of it: its loop, its transport, its hub. Every
// line that comes over the Unix socket EVENTS_PATH becomes the text of a note in a log that nobody keeps; every
// WebSocket is a reader of the unified stream after its first message.
//
//   fanout_hub 127.0.0.1:0|unix:PATH EVENTS_PATH
//
// Says "listening on 127.0.0.1:PORT" when it is ready. Ends with its process.

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "convd/events/hub.h"
#include "convd/events/websocket_frame.h"
#include "convd/loop/ev_loop.h"
#include "convd/transport/server.h"
#include "tests/bench/fanout/poller.h"

namespace {

namespace api = convd::api;
namespace events = convd::events;

constexpr auto org = "bench";
constexpr auto epoch = "00000000000000000000000000000000";

// A log of which nothing is kept: what is not in the ring is lost.
class NoStore final : public events::LogSource {
 public:
  explicit NoStore(convd::loop::Loop& loop) : loop_(loop) {}

  void open(const std::string&, std::function<void(shared::Result<events::LogHead>)> done) override {
    loop_.post([this, done] { done(events::LogHead{epoch, head_ + 1, head_}); });
  }
  std::vector<events::Event> read(const std::string&, std::int64_t, std::int64_t, int) override { return {}; }
  std::vector<events::Event> newest(const std::string&, std::int64_t, int) override { return {}; }
  std::int64_t count(const std::string&, const events::Topic&, std::int64_t, std::int64_t) override { return 0; }
  std::int64_t oldest(const std::string&) override { return head_ + 1; }
  events::SnapshotPage snapshot(const std::string&, const events::Topic&, const std::string&) override { return {}; }
  std::int64_t next_seq() { return ++head_; }

 private:
  convd::loop::Loop& loop_;
  std::int64_t head_ = 0;
};

// Reads lines off a connection and puts them into the log, all that have come in one turn of the loop: as the events of
// one commit come.
class Intake {
 public:
  Intake(convd::loop::Loop& loop, events::Hub& hub, NoStore& store, const std::string& path)
      : loop_(loop), hub_(hub), store_(store) {
    fanout::Target target{.unix_path = path, .port = 0};
    listener_ = convd::loop::UniqueFd(fanout::listen_on(target));
    watch_ = loop_.watch(listener_.get(), convd::loop::Io::read, [this] { accept(); });
  }

 private:
  // One publisher at a time.
  void accept() {
    connection_watch_.reset();
    connection_ = convd::loop::UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    connection_watch_ = loop_.watch(connection_.get(), convd::loop::Io::read, [this] { read(); });
  }
  void read() {
    const ssize_t got = recv(connection_.get(), buffer_.data(), buffer_.size(), 0);
    if (got <= 0) return connection_watch_.reset();
    rest_.append(buffer_.data(), static_cast<std::size_t>(got));
    std::size_t taken = 0;
    for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', taken)) {
      append(std::string_view(rest_).substr(taken, end - taken));
      taken = end + 1;
    }
    rest_.erase(0, taken);
  }
  void append(std::string_view line) {
    events::Event event;
    event.seq = store_.next_seq();
    event.prev = event.seq - 1;
    event.ts_ms = 1'800'000'000'000;
    event.service = shared::Service::note;
    event.type = "note.added";
    event.subject = "bench";
    event.data_json = R"({"text":")" + std::string(line) + "\"}";
    hub_.append(org, std::move(event));
  }

  convd::loop::Loop& loop_;
  events::Hub& hub_;
  NoStore& store_;
  convd::loop::UniqueFd listener_, connection_;
  convd::loop::Watch watch_, connection_watch_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{256} * 1024);
  std::string rest_;
};

class StreamSession final : public api::SocketSession, private events::Hub::Waker {
 public:
  explicit StreamSession(events::Hub& hub) : hub_(hub) {}

  void on_open(api::Outlet& outlet) override { outlet_ = &outlet; }
  void on_message(std::string_view message, api::MessageKind) override {
    const bool compressed = message.find("deflate-raw") != std::string_view::npos;
    const auto encoding = compressed ? events::Encoding::websocket_deflate : events::Encoding::websocket;
    reader_ = hub_.attach(org, events::Filter::parse({"note"}).filter, {}, encoding, *this);
  }
  std::string_view next_frames(std::size_t most) override {
    if (!ack_.empty()) return said_ = std::exchange(ack_, {});
    return reader_ ? reader_->take(most) : std::string_view();
  }
  std::optional<Close> finished() const override { return {}; }

 private:
  void on_opened(const events::Opened& opened) override {
    events::append_frame(
        ack_, R"({"type":"ack","epoch":")" + opened.log.epoch + R"(","head":)" + std::to_string(opened.log.head) + "}");
    outlet_->want_write();
  }
  void on_refused(const shared::Error&) override {}
  void on_events() override { outlet_->flush(); }

  events::Hub& hub_;
  api::Outlet* outlet_ = nullptr;
  std::string ack_, said_;
  std::unique_ptr<events::Hub::Reader> reader_;
};

class Service final : public api::Service {
 public:
  explicit Service(events::Hub& hub) : hub_(hub) {}

  std::unique_ptr<api::Exchange> begin(api::Request, api::Responder& responder) override {
    return std::make_unique<NotFound>(responder);
  }
  std::unique_ptr<api::SocketSession> open_socket(const api::Request&) override {
    return std::make_unique<StreamSession>(hub_);
  }
  api::Response problem(const shared::Error&) const override { return {.status = 400, .headers = {}, .body = {}}; }
  void connection_opened() override {}
  void connection_closed() override {}

 private:
  struct NotFound final : api::Exchange {
    explicit NotFound(api::Responder& given) : responder(given) {}
    void on_body(std::string_view) override {}
    void on_body_end() override { responder.send({.status = 404, .headers = {}, .body = {}}); }
    api::Responder& responder;
  };

  events::Hub& hub_;
};

shared::Result<std::string> listen(convd::transport::Server& server, const std::string& target) {
  if (!target.starts_with("unix:")) return server.listen_tcp(target);
  if (auto opened = server.listen_unix(target.substr(5)); !opened) return opened.error();
  return target;
}

int serve(const std::string& target, const std::string& lines) {
  convd::loop::EvLoop loop;
  NoStore store(loop);
  events::Hub hub(loop, store);
  Service service(hub);
  const Intake intake(loop, hub, store, lines);
  convd::transport::Server server(loop, service);
  const auto name = listen(server, target);
  if (!name) return std::fprintf(stderr, "fanout_hub: %s\n", name.error().message.c_str()), 1;
  std::printf("listening on %s\n", name->c_str());
  std::fflush(stdout);
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: fanout_hub 127.0.0.1:PORT|unix:PATH EVENTS_PATH\n"), 64;
  std::signal(SIGPIPE, SIG_IGN);
  spdlog::set_level(spdlog::level::warn);
  try {
    return serve(argv[1], argv[2]);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "fanout_hub: %s\n", error.what()), 1;
  }
}
