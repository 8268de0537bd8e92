#include "convd/jobs/waiting_room.h"

namespace convd::jobs {

void WaitingRoom::enter(std::int64_t since_ms, const std::string& id, const std::string& org) {
  if (places_.emplace(since_ms, id).second) ++orgs_[org];
}

void WaitingRoom::leave(std::int64_t since_ms, const std::string& id, const std::string& org) {
  if (places_.erase({since_ms, id}) == 0) return;
  const auto own = orgs_.find(org);
  if (--own->second == 0) orgs_.erase(own);
}

int WaitingRoom::size_of(const std::string& org) const {
  const auto own = orgs_.find(org);
  return own == orgs_.end() ? 0 : own->second;
}

std::optional<std::int64_t> WaitingRoom::oldest_since_ms() const {
  if (places_.empty()) return std::nullopt;
  return places_.begin()->first;
}

}  // namespace convd::jobs
