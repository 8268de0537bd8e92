#pragma once
// The deadlines of what waits, on the clock that nobody sets. Pure.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "convd/loop/loop.h"

namespace convd::jobs {

class Deadlines {
 public:
  // `id` has none yet.
  void add(const std::string& id, loop::TimePoint due) { by_time_.emplace(due, id); }
  // With the `due` of add(); who has no deadline is nobody.
  void remove(const std::string& id, loop::TimePoint due) { by_time_.erase({due, id}); }
  // Of the earliest: from `now`, never negative, rounded up so that it has passed by then.
  std::optional<loop::milliseconds> next(loop::TimePoint now) const;
  // Removes and returns one that has passed.
  std::optional<std::string> take_passed(loop::TimePoint now);

 private:
  std::set<std::pair<loop::TimePoint, std::string>> by_time_;
};

// How long a deadline still leaves. On the disk it is wall time, which may have been set to anything since then:
// believed is only what lies between nothing and the whole of what it gave.
loop::milliseconds deadline_left(std::int64_t created_ms, std::int64_t deadline_ms, std::int64_t wall_ms);

}  // namespace convd::jobs
