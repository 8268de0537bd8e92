#pragma once
// Follows the events for good, whatever the transport does: over the WebSocket, and when that cannot be had or kept,
// over the long poll from the same position. Main thread only.

#include <memory>
#include <random>

#include "convctl/client.h"
#include "convctl/client_websocket.h"
#include "convctl/event_intake.h"
#include "convctl/ladder.h"

namespace convctl {

class EventStream {
 public:
  // Asks at once how the daemon wants to be followed. What ends it is a Failure out of the loop's run_until(): no such
  // daemon, not allowed, no such protocol, contact lost for good.
  EventStream(Client& client, EventIntake& intake);

 private:
  void configured(const HttpOutcome& outcome);
  void open_socket();
  void heard(const std::string& text);
  void expect_a_word(std::chrono::milliseconds within);
  void lost_socket(const Closed& closed);
  void long_poll();
  void polled(const HttpOutcome& outcome);
  void lost_poll(const Failure& why);
  void follow(const Ladder::Step& step);
  Ladder::Step next_try(const Failure& why);
  double chance() { return std::generate_canonical<double, 16>(random_); }

  Client& client_;
  EventIntake& intake_;
  Ladder ladder_{Ladder::Mode::long_poll};
  std::minstd_rand random_{std::random_device{}()};
  std::unique_ptr<HttpCall> call_;
  std::unique_ptr<WebSocket> socket_;
  ClientLoop::TimerHandle timer_;
  ClientLoop::TimerHandle silence_;
};

}  // namespace convctl
