// The daemon's own way from an event to its readers, and nothing else of it: its loop, its transport, its hub, its
// sessions. Every line that comes over the Unix socket EVENTS_PATH becomes the text of a note, as if it had just been
// committed; it is stored nowhere. Every WebSocket is a reader of the unified stream.
//
//   fanout_hub 127.0.0.1:0|unix:PATH EVENTS_PATH STATE_DIR
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

#include "convd/api/stream_socket.h"
#include "convd/engines/registry.h"
#include "convd/events/board.h"
#include "convd/jobs/manager.h"
#include "convd/loop/ev_loop.h"
#include "convd/process/runner_client.h"
#include "convd/realtime/realtime.h"
#include "convd/store/store.h"
#include "convd/transport/server.h"
#include "convd/trust/audit_log.h"
#include "tests/bench/fanout/poller.h"

namespace {

namespace api = convd::api;
namespace events = convd::events;

constexpr auto org = "bench";

// Reads lines off a connection and puts them into the log, all that have come in one turn of the loop: as the events of
// one commit come.
class Intake {
 public:
  Intake(convd::loop::Loop& loop, events::Hub& hub, const std::string& path) : loop_(loop), hub_(hub) {
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
    event.seq = ++head_;
    event.prev = head_ - 1;
    event.ts_ms = 1'800'000'000'000;
    event.service = shared::Service::note;
    event.type = "note.added";
    event.subject = "bench";
    event.data_json = R"({"text":")" + std::string(line) + "\"}";
    hub_.append(org, std::move(event));
  }

  convd::loop::Loop& loop_;
  events::Hub& hub_;
  std::int64_t head_ = 1;  // where the log of the store begins
  convd::loop::UniqueFd listener_, connection_;
  convd::loop::Watch watch_, connection_watch_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{256} * 1024);
  std::string rest_;
};

class Service final : public api::Service {
 public:
  Service(convd::loop::Loop& loop, convd::realtime::Realtime& realtime)
      : loop_(loop), realtime_(realtime), authority_(loop), audit_(loop, std::nullopt) {}

  std::unique_ptr<api::Exchange> begin(api::Request, api::Responder& responder) override {
    return std::make_unique<NotFound>(responder);
  }
  bool has_socket(const api::Request&) const override { return true; }
  api::Opening open_socket(const api::Request&) override {
    const api::Caller caller{.principal = org, .org = org};
    return {std::make_unique<api::StreamSocket>(realtime_, loop_, authority_, caller, api::AuditTrail(audit_, {}, {})),
            {}};
  }
  api::Response problem(const shared::Error&) const override { return {.status = 400, .headers = {}, .body = {}}; }
  std::unique_ptr<api::Stay> arrive(const api::Caller&) override { return std::make_unique<api::Stay>(); }

 private:
  struct NotFound final : api::Exchange {
    explicit NotFound(api::Responder& given) : responder(given) {}
    void on_body(std::string_view) override {}
    void on_body_end() override { responder.send({.status = 404, .headers = {}, .body = {}}); }
    api::Responder& responder;
  };

  convd::loop::Loop& loop_;
  convd::realtime::Realtime& realtime_;
  convd::trust::Authority authority_;
  convd::trust::AuditLog audit_;
};

int complain(const shared::Error& error) {
  std::fprintf(stderr, "fanout_hub: %s\n", error.message.c_str());
  return 1;
}

shared::Result<std::string> listen(convd::transport::Server& server, const std::string& target) {
  if (!target.starts_with("unix:")) return server.listen_tcp(target);
  if (auto opened = server.listen_unix(target.substr(5)); !opened) return opened.error();
  return target;
}

int serve(const std::string& target, const std::string& events_path, const std::string& state_dir) {
  convd::loop::EvLoop loop;
  auto store = convd::store::Store::open(state_dir, loop);
  if (!store) return complain(store.error());
  convd::process::RunnerClient no_runner(loop);
  convd::engines::Registry no_engines({});
  convd::events::Board board(loop);
  convd::jobs::Manager manager(loop, **store, no_engines, no_runner, board, {});
  convd::realtime::Settings settings;
  settings.connections = settings.connections_per_principal = 1'000'000;
  convd::realtime::Realtime realtime(loop, **store, manager, settings);
  Service service(loop, realtime);
  convd::transport::Server server(loop, service);
  const Intake intake(loop, realtime.log.hub(), events_path);
  const auto name = listen(server, target);
  if (!name) return complain(name.error());
  std::printf("listening on %s\n", name->c_str());
  std::fflush(stdout);
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: fanout_hub 127.0.0.1:PORT|unix:PATH EVENTS_PATH STATE_DIR\n"), 64;
  std::signal(SIGPIPE, SIG_IGN);
  spdlog::set_level(spdlog::level::warn);
  try {
    return serve(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "fanout_hub: %s\n", error.what()), 1;
  }
}
