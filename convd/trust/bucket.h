#pragma once
// A token bucket: so much at once, and as much again in every window. Time is passed in.

#include <chrono>
#include <cstdint>

namespace convd::trust {

using TimePoint = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

struct Rate {
  std::int64_t amount = 0;  // 0: without limit
  milliseconds window{60'000};

  bool is_limit() const { return amount > 0; }
};

// Full for whoever has not been seen yet. A change of the rate takes effect at once. Loop thread only.
class Bucket {
 public:
  // Rounded down; a debt is negative.
  std::int64_t left(const Rate& rate, TimePoint now) const;
  // Takes `cost` out, also when that leaves a debt.
  void charge(const Rate& rate, std::int64_t cost, TimePoint now);
  // Until `cost` is there, or the whole amount when that is less; 0: it is.
  milliseconds wait_for(const Rate& rate, std::int64_t cost, TimePoint now) const;
  bool is_full(TimePoint now) const { return full_at_ <= now; }

 private:
  TimePoint full_at_{};  // all there is to know: what is missing comes back at an even pace until then
};

}  // namespace convd::trust
