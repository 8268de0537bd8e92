#pragma once
// How often something happens: counts of the last fifteen minutes, second by second. Pure: time is passed in.

#include <array>
#include <chrono>
#include <cstdint>

namespace convd::jobs {

class Rate {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds longest{900};

  explicit Rate(TimePoint start) : start_(start), last_(start) {}

  // `now` never goes back, here and below.
  void count(TimePoint now, int times = 1);
  // For each minute, over the last `window` (1 s to `longest`), or over the time since the start when that is shorter,
  // one second at least.
  double per_minute(TimePoint now, std::chrono::seconds window) const;

 private:
  static constexpr std::size_t seconds = static_cast<std::size_t>(longest.count());
  std::int64_t second_of(TimePoint time) const;

  const TimePoint start_;
  TimePoint last_;  // of the newest count
  std::array<std::int32_t, seconds> counts_{};
};

}  // namespace convd::jobs
