#pragma once
// How fast a queue empties, as seen: from the newest times at which a slot got free for one that waited. Pure: time is
// given in, in milliseconds of any clock that never goes back.

#include <cstdint>
#include <deque>
#include <optional>

namespace convd::jobs {

class DrainRate {
 public:
  void freed(std::int64_t now_ms);
  // Nothing waits any more: a rate would tell how fast work comes, not how fast it goes.
  void emptied() { freed_ms_.clear(); }

  // Time from one to the next, at least 1; nothing before some have been seen. Grows while nothing gets free.
  std::optional<double> ms_each(std::int64_t now_ms) const;

 private:
  std::deque<std::int64_t> freed_ms_;  // oldest first
};

}  // namespace convd::jobs
