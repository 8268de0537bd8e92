#include "convd/jobs/lines.h"

namespace convd::jobs {
namespace {

double share(const Load& load, std::int64_t count) {
  return load.count == 0 ? 0 : load.cost_ms / static_cast<double>(load.count) * static_cast<double>(count);
}

}  // namespace

Place Lines::push(int priority, Length length, const std::string& id, double cost_ms) {
  ++of(length).count;
  of(length).cost_ms += cost_ms;
  return {priority, by_priority_[priority].push(id, length)};
}

void Lines::erase(const Place& place, Length length, double cost_ms) {
  Load& load = of(length);
  // No rounding is carried over.
  load.cost_ms = --load.count == 0 ? 0 : load.cost_ms - cost_ms;
  const auto line = by_priority_.find(place.priority);
  line->second.erase(place.index, length);
  if (line->second.count(Room::any) == 0) by_priority_.erase(line);
}

const std::string* Lines::first(Room room) const {
  for (const auto& [priority, line] : by_priority_) {
    if (line.count(room) > 0) return line.first(room);
  }
  return nullptr;
}

std::vector<std::string> Lines::first_ids(int limit) const {
  std::vector<std::string> ids;
  for (const auto& [priority, line] : by_priority_) {
    const auto more = line.first_ids(limit - static_cast<int>(ids.size()));
    ids.insert(ids.end(), more.begin(), more.end());
  }
  return ids;
}

Load Lines::load(Room room) const {
  const Load& quick = of(Length::short_work);
  const Load& slow = of(Length::long_work);
  return room == Room::short_only ? quick : Load{quick.count + slow.count, quick.cost_ms + slow.cost_ms};
}

Load Lines::before(const Place& place, Room room) const {
  std::int64_t all = 0;
  std::int64_t quick = 0;
  for (const auto& [priority, line] : by_priority_) {
    const bool is_own = priority == place.priority;
    all += is_own ? line.before(place.index, Room::any) : line.count(Room::any);
    quick += is_own ? line.before(place.index, Room::short_only) : line.count(Room::short_only);
    if (is_own) break;
  }
  const double quick_ms = share(of(Length::short_work), quick);
  if (room == Room::short_only) return {quick, quick_ms};
  return {all, quick_ms + share(of(Length::long_work), all - quick)};
}

}  // namespace convd::jobs
