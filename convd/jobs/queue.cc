#include "convd/jobs/queue.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace convd::jobs {
namespace {

template <typename Entries>
auto find_age(Entries& entries, std::uint64_t age) {
  return std::lower_bound(entries.begin(), entries.end(), age,
                          [](const auto& entry, std::uint64_t wanted) { return entry.age < wanted; });
}

}  // namespace

void Queue::push(Waiting waiting) {
  waiting.cost_ms = std::max(1.0, waiting.cost_ms);
  auto [place, fresh] = orgs_.try_emplace(waiting.org);
  Org& org = place->second;
  if (fresh) {
    const auto account = accounts_.find(waiting.org);
    org.served_ms = account == accounts_.end() ? level_ms_ : std::max(level_ms_, account->second);
  }
  Line& line = org.lines[waiting.priority];
  line.cost_ms += waiting.cost_ms;
  ++org.size;
  total_cost_ms_ += waiting.cost_ms;
  if (!waiting.cost_known) ++unknown_costs_;
  places_.emplace(waiting.id, Place{waiting.org, waiting.priority, next_age_});
  line.entries.push_back({next_age_++, std::move(waiting)});
}

std::optional<Waiting> Queue::pop() {
  const auto before = [](const Orgs::value_type& a, const Orgs::value_type& b) {
    const auto& [a_priority, a_line] = *a.second.lines.begin();
    const auto& [b_priority, b_line] = *b.second.lines.begin();
    if (a_priority != b_priority) return a_priority > b_priority;
    if (a.second.served_ms != b.second.served_ms) return a.second.served_ms < b.second.served_ms;
    return a_line.entries.front().age < b_line.entries.front().age;
  };
  const auto next = std::min_element(orgs_.begin(), orgs_.end(), before);
  if (next == orgs_.end()) return std::nullopt;
  level_ms_ = std::max(level_ms_, next->second.served_ms);
  auto& [priority, line] = *next->second.lines.begin();
  const double cost_ms = line.entries.front().waiting.cost_ms;
  next->second.served_ms += cost_ms;
  // An org that empties and comes back at once must not gain a turn by it.
  const double served_ms = next->second.served_ms;
  const std::string org = next->first;
  Waiting waiting = take(next, priority, line.entries.begin());
  if (!orgs_.contains(org)) remember(org, served_ms);
  return waiting;
}

void Queue::remember(const std::string& org, double served_ms) {
  accounts_[org] = served_ms;
  std::erase_if(accounts_, [this](const auto& account) { return account.second <= level_ms_; });
}

bool Queue::remove(const std::string& id) {
  const auto place = places_.find(id);
  if (place == places_.end()) return false;
  const auto org = orgs_.find(place->second.org);
  const int priority = place->second.priority;
  take(org, priority, find_age(org->second.lines.at(priority).entries, place->second.age));
  return true;
}

Waiting Queue::take(Orgs::iterator org, int priority, std::deque<Entry>::iterator entry) {
  Line& line = org->second.lines.at(priority);
  Waiting waiting = std::move(entry->waiting);
  line.entries.erase(entry);
  line.cost_ms -= waiting.cost_ms;
  total_cost_ms_ -= waiting.cost_ms;
  if (!waiting.cost_known) --unknown_costs_;
  places_.erase(waiting.id);
  if (line.entries.empty()) org->second.lines.erase(priority);
  if (--org->second.size == 0) orgs_.erase(org);
  if (places_.empty()) total_cost_ms_ = 0;  // no rounding is carried over
  return waiting;
}

std::optional<std::int64_t> Queue::position(const std::string& id) const {
  const auto found = places_.find(id);
  if (found == places_.end()) return std::nullopt;
  const auto& [name, priority, age] = found->second;
  const Org& own = orgs_.at(name);
  std::int64_t ahead = 0;
  double start_ms = own.served_ms;
  for (const auto& [level, line] : own.lines) {
    const auto count = static_cast<std::int64_t>(line.entries.size());
    const auto older = level > priority    ? count
                       : level == priority ? find_age(line.entries, age) - line.entries.begin()
                                           : 0;
    ahead += older;
    start_ms += line.cost_ms / static_cast<double>(count) * static_cast<double>(older);
  }
  for (const auto& [org, other] : orgs_) {
    if (org != name) ahead += ahead_in(other, priority, start_ms, age);
  }
  return ahead + 1;
}

std::int64_t Queue::ahead_in(const Org& other, int priority, double start_ms, std::uint64_t age) const {
  std::int64_t ahead = 0;
  double account_ms = other.served_ms;
  for (const auto& [level, line] : other.lines) {
    if (level < priority) break;
    const auto count = static_cast<std::int64_t>(line.entries.size());
    if (level > priority) {
      ahead += count;
      account_ms += line.cost_ms;
      continue;
    }
    const double mean_ms = std::max(1.0, line.cost_ms / static_cast<double>(count));
    const double turns = (start_ms - account_ms) / mean_ms;
    std::int64_t served = std::clamp(static_cast<std::int64_t>(std::ceil(turns)), std::int64_t{0}, count);
    // Level accounts: the older one goes first.
    const bool level_then = served < count && std::abs(turns - static_cast<double>(served)) < 1e-9;
    if (level_then && line.entries[static_cast<std::size_t>(served)].age < age) ++served;
    ahead += served;
  }
  return ahead;
}

int Queue::size_of(const std::string& org) const {
  const auto found = orgs_.find(org);
  return found == orgs_.end() ? 0 : found->second.size;
}

}  // namespace convd::jobs
