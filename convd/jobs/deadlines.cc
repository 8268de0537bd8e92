#include "convd/jobs/deadlines.h"

#include <algorithm>

namespace convd::jobs {

std::optional<loop::milliseconds> Deadlines::next(loop::TimePoint now) const {
  if (by_time_.empty()) return std::nullopt;
  return std::max(loop::milliseconds(0), std::chrono::ceil<loop::milliseconds>(by_time_.begin()->first - now));
}

std::optional<std::string> Deadlines::take_passed(loop::TimePoint now) {
  if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
  return std::move(by_time_.extract(by_time_.begin()).value().second);
}

loop::milliseconds deadline_left(std::int64_t created_ms, std::int64_t deadline_ms, std::int64_t wall_ms) {
  const std::int64_t whole_ms = std::max<std::int64_t>(0, deadline_ms - created_ms);
  return loop::milliseconds(std::clamp<std::int64_t>(deadline_ms - wall_ms, 0, whole_ms));
}

}  // namespace convd::jobs
