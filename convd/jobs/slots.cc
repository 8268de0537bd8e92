#include "convd/jobs/slots.h"

#include <algorithm>
#include <iterator>

namespace convd::jobs {

Length Slots::length_of(double cost_ms) const {
  return cost_ms <= static_cast<double>(limits_.short_cost_ms) ? Length::short_work : Length::long_work;
}

// Those that have run out of being short.
void Slots::recount(std::int64_t now_ms) {
  while (!short_.empty() && short_.begin()->first <= now_ms) short_.erase(short_.begin());
}

Room Slots::room(std::int64_t now_ms) {
  recount(now_ms);
  if (running() >= limits_.slots + limits_.short_slots) return Room::none;
  const int running_long = running() - static_cast<int>(short_.size());
  return running_long < limits_.slots ? Room::any : Room::short_only;
}

bool Slots::is_open_to(const std::string& org) const {
  return limits_.per_org == 0 || running_of(org) < limits_.per_org;
}

void Slots::take(const std::string& id, const std::string& org, double cost_ms, std::int64_t now_ms) {
  const std::int64_t short_until_ms = now_ms + limits_.short_cost_ms;
  if (!holders_.emplace(id, Holder{org, short_until_ms, 0}).second) return;
  ++orgs_[org];
  if (length_of(cost_ms) == Length::short_work) short_.emplace(short_until_ms, id);
}

void Slots::release(const std::string& id) {
  const auto holder = holders_.find(id);
  if (holder == holders_.end()) return;
  const auto org = orgs_.find(holder->second.org);
  if (--org->second == 0) orgs_.erase(org);
  short_.erase({holder->second.short_until_ms, id});
  lent_ -= holder->second.lent;
  holders_.erase(holder);
}

int Slots::lend(const std::string& id) {
  const auto holder = holders_.find(id);
  if (holder == holders_.end()) return 0;
  const int idle = std::max(0, limits_.slots - running() - lent_);
  holder->second.lent += idle;
  lent_ += idle;
  return idle;
}

int Slots::running_short(std::int64_t now_ms) const {
  const auto still = std::find_if(short_.begin(), short_.end(), [&](const auto& one) { return one.first > now_ms; });
  return static_cast<int>(std::distance(still, short_.end()));
}

Length Slots::counts_as(const std::string& id, std::int64_t now_ms) const {
  const auto holder = holders_.find(id);
  if (holder == holders_.end() || holder->second.short_until_ms <= now_ms) return Length::long_work;
  return short_.contains({holder->second.short_until_ms, id}) ? Length::short_work : Length::long_work;
}

int Slots::running_of(const std::string& org) const {
  const auto own = orgs_.find(org);
  return own == orgs_.end() ? 0 : own->second;
}

}  // namespace convd::jobs
