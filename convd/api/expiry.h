#pragma once
// The end of a token, for a conversation that outlives it.

#include <cstdint>
#include <functional>

#include "convd/loop/loop.h"

namespace convd::api {

// How long to wait for a client that wants to wait for `wanted`: nothing is told after the end of its token, which is
// never at 0.
loop::milliseconds within_token(std::int64_t end_ms, loop::milliseconds wanted, const loop::Loop& loop);

// Loop thread only.
class Expiry {
 public:
  static constexpr loop::milliseconds warning{60'000};

  struct Told {
    std::function<void()> soon;  // a minute before, or at once when it is less
    std::function<void()> over;
  };
  Expiry(loop::Loop& loop, Told told) : loop_(loop), told_(std::move(told)) {}

  // When, on the wall clock; another time replaces it, 0 is never. Neither is told before this returns.
  void set(std::int64_t wall_ms);
  // Whether `soon` has been told of this time.
  bool is_soon() const { return warned_; }

 private:
  void wait();
  void look();

  loop::Loop& loop_;
  Told told_;
  std::int64_t end_ms_ = 0;
  bool warned_ = false;
  loop::Timer timer_;
};

}  // namespace convd::api
