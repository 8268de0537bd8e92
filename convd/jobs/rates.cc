#include "convd/jobs/rates.h"

#include <algorithm>

namespace convd::jobs {

std::int64_t Rate::second_of(TimePoint time) const {
  return std::chrono::duration_cast<std::chrono::seconds>(time - start_).count();
}

void Rate::count(TimePoint now, int times) {
  const std::int64_t second = second_of(now);
  const std::int64_t before = second_of(last_);
  // The places of the seconds since the last count are those of a quarter of an hour ago.
  for (std::int64_t passed = std::max(before, second - longest.count()) + 1; passed <= second; ++passed) {
    counts_[static_cast<std::size_t>(passed) % seconds] = 0;
  }
  counts_[static_cast<std::size_t>(second) % seconds] += times;
  last_ = now;
}

double Rate::per_minute(TimePoint now, std::chrono::seconds window) const {
  const std::int64_t second = second_of(now);
  const std::int64_t newest = second_of(last_);
  const std::int64_t oldest = std::max<std::int64_t>({0, second - window.count() + 1, newest - longest.count() + 1});
  std::int64_t sum = 0;
  for (std::int64_t at = oldest; at <= newest; ++at) sum += counts_[static_cast<std::size_t>(at) % seconds];
  const std::int64_t length = std::clamp<std::int64_t>(second + 1, 1, window.count());
  return static_cast<double>(sum) * 60.0 / static_cast<double>(length);
}

}  // namespace convd::jobs
