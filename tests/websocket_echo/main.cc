// Says back what it is told over WebSocket, through the very code of the daemon: for tests of the protocol (RFC 6455).
// Prints its port, and serves until SIGTERM.

#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "convd/events/websocket_frame.h"
#include "convd/loop/ev_loop.h"
#include "convd/transport/server.h"

namespace {

using namespace convd;

class Echo final : public api::SocketSession {
 public:
  void on_open(api::Outlet& outlet) override { outlet_ = &outlet; }
  void on_message(std::string_view message, api::MessageKind kind) override {
    const auto type = kind == api::MessageKind::text ? events::FrameType::text : events::FrameType::binary;
    events::append_frame(waiting_, message, type);
    outlet_->want_write();
  }
  std::string_view next_frames(std::size_t) override {
    given_ = std::exchange(waiting_, {});
    return given_;
  }
  std::optional<Close> finished() const override { return std::nullopt; }

 private:
  api::Outlet* outlet_ = nullptr;
  std::string waiting_;
  std::string given_;
};

class Service final : public api::Service {
 public:
  std::unique_ptr<api::Exchange> begin(api::Request, api::Responder& responder) override {
    responder.send({404, {}, std::string()});
    return std::make_unique<Nothing>();
  }
  bool has_socket(const api::Request&) const override { return true; }
  api::Opening open_socket(const api::Request&) override { return {std::make_unique<Echo>(), {}}; }
  api::Response problem(const shared::Error& error) const override {
    const bool is_version = error.code == shared::ErrorCode::upgrade_required;
    return {is_version ? 426 : 400, {}, error.message + "\n"};
  }
  std::unique_ptr<api::Stay> arrive(const api::Caller&) override { return std::make_unique<api::Stay>(); }

 private:
  struct Nothing final : api::Exchange {
    void on_body(std::string_view) override {}
    void on_body_end() override {}
  };
};

}  // namespace

int main() {
  spdlog::set_level(spdlog::level::off);
  loop::EvLoop loop;
  Service service;
  transport::Server server(loop, service);
  const auto address = server.listen_tcp("127.0.0.1:0");
  if (!address) {
    std::fprintf(stderr, "websocket_echo: %s\n", address.error().message.c_str());
    return 1;
  }
  const auto stop = loop.on_signal(SIGTERM, [&loop] { loop.stop(); });
  std::printf("%s\n", address->substr(address->rfind(':') + 1).c_str());
  std::fflush(stdout);
  loop.run();
  return 0;
}
