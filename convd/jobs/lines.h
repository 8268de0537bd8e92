#pragma once
// What waits of one org, in its order: priority, then age. Short work can be looked at alone. Pure.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "convd/jobs/sequence.h"
#include "convd/jobs/slots.h"

namespace convd::jobs {

// How much of something waits.
struct Load {
  std::int64_t count = 0;
  double cost_ms = 0;
};

// Where one stands.
struct Place {
  int priority = 0;
  std::uint64_t index = 0;
};

// There are few priorities: each operation looks at every one at most.
class Lines {
 public:
  // `id` outlives its place in here.
  Place push(int priority, Length length, const std::string& id, double cost_ms);
  void erase(const Place& place, Length length, double cost_ms);

  // Of the first that may be taken; nullptr when there is none. Room::none is not asked for, here and below.
  const std::string* first(Room room) const;
  std::vector<std::string> first_ids(int limit) const;
  Load load(Room room) const;
  // The part of load() that is before that place, by the mean cost of short and of long work.
  Load before(const Place& place, Room room) const;

 private:
  Load& of(Length length) { return loads_[static_cast<std::size_t>(length)]; }
  const Load& of(Length length) const { return loads_[static_cast<std::size_t>(length)]; }

  std::map<int, Sequence, std::greater<>> by_priority_;  // never an empty one
  std::array<Load, 2> loads_;                            // by Length
};

}  // namespace convd::jobs
