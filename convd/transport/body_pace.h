#pragma once
// Whether the sender of a body is as fast as the least one may be: who sends a byte now and then holds a place for
// ever. Pure. Loop thread only.

#include <cstdint>

#include "convd/loop/loop.h"
#include "convd/transport/limits.h"

namespace convd::transport {

class BodyPace {
 public:
  void start(loop::TimePoint now) {
    since_ = now;
    bytes_ = 0;
  }
  void add(std::int64_t bytes) { bytes_ += bytes; }

  // On average since the start, and not before the time of grace is over.
  bool is_too_slow(const Limits& limits, loop::TimePoint now) const {
    if (limits.body_rate == 0 || now - since_ < limits.body_grace) return false;
    return std::chrono::duration<double>(now - since_).count() * static_cast<double>(limits.body_rate) >
           static_cast<double>(bytes_);
  }

 private:
  loop::TimePoint since_;
  std::int64_t bytes_ = 0;
};

}  // namespace convd::transport
