#pragma once
// Ways to publish an event.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/fanout/poller.h"
#include "tests/bench/fanout/wire.h"

namespace fanout {

// Throws std::runtime_error from any function, also from within Poller::wait(), when the server does not do its part.
// One thread only.
class Publisher {
 public:
  virtual ~Publisher() = default;
  virtual void publish(std::string_view text) = 0;
  // Sends what has been published in this round.
  virtual void flush() = 0;
  // What has been published but not answered by the server, or not even sent where there is no answer.
  virtual std::size_t unanswered() const = 0;
};

// "ws:/path": text messages over one WebSocket. "lines:/path": lines over that Unix socket. "post:/path": bodies of
// POST requests. "note:/path": the same as {"text":".."}, where "{n}" in the path becomes one of the numbers
// 000000000001 to 000000001000 in turn. A POST takes one of at most `connections`, or waits for one.
std::unique_ptr<Publisher> publisher_for(const std::string& way, Poller& poller, const Target& target,
                                         std::size_t connections);

}  // namespace fanout
