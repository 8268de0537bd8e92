#pragma once
// Ways to publish an event, and what is published.

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/fanout/poller.h"
#include "tests/bench/fanout/wire.h"

namespace fanout {

using Clock = std::chrono::steady_clock;

// Text of words, as compressible as prose, that begins with the time of its making. Valid within a JSON string as it
// is.
std::string stamped_text(std::size_t size);
// When the text within `payload` was made. Throws std::runtime_error when there is none.
Clock::time_point stamp_in(std::string_view payload);

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
// POST requests. "note:/path": the same as
// {"text":".."}. A POST takes one of `connections`, or waits for one.
std::unique_ptr<Publisher> publisher_for(const std::string& way, Poller& poller, const Target& target,
                                         std::size_t connections);

}  // namespace fanout
