#pragma once
// Follows one conversion to its end, whatever the transport does. Main thread only.

#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "convctl/client.h"
#include "convctl/client_websocket.h"
#include "convctl/ladder.h"

namespace convctl {

class Watcher {
 public:
  struct Events {
    // Never with a smaller rev than before; the terminal object is the last thing told. May destroy the watcher.
    std::function<void(const shared::StatusObject&)> on_status;
    // The conversion cannot be followed: unknown id, not allowed, or contact lost for good. Says nothing about its
    // fate.
    std::function<void(const Failure&)> on_failure;
  };

  // Asks for the status at once; a daemon that cannot be reached then is a failure at once.
  // Progress is told once per `interval` at most.
  Watcher(Client& client, std::string id, std::chrono::milliseconds interval, Events events);

 private:
  enum class First { no, yes };
  void read_status(First first);
  void follow(std::optional<Ladder::Step> step);
  void open_socket();
  void lost_socket(const Closed& closed);
  void long_poll();
  void answered(const HttpOutcome& outcome, First first);
  void accept(const std::string& body);
  void lost(const Failure& why);

  Client& client_;
  std::string id_;
  std::chrono::milliseconds interval_;
  Events events_;
  Ladder ladder_;
  std::minstd_rand random_{std::random_device{}()};
  std::int64_t rev_ = -1;
  Failure last_failure_;
  std::unique_ptr<HttpCall> call_;
  std::unique_ptr<WebSocket> socket_;
  ClientLoop::TimerHandle timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace convctl
