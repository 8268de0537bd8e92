#include "convd/jobs/twins.h"

#include <utility>

namespace convd::jobs {

bool Twins::join(const std::string& key, const std::string& id, int priority) {
  const auto [place, is_new] = groups_.try_emplace(key);
  Group& group = place->second;
  const std::uint64_t age = next_age_++;
  places_[id] = {key, age, priority};
  group.priorities.insert(priority);
  if (is_new)
    group.leader = id;
  else
    group.followers.emplace(age, id);
  return is_new;
}

std::optional<std::string> Twins::leave(const std::string& id) {
  const auto gone = places_.extract(id);
  if (!gone) return std::nullopt;
  const Place& place = gone.mapped();
  Group& group = groups_.at(place.key);
  group.priorities.erase(group.priorities.find(place.priority));
  if (group.leader != id) {
    group.followers.erase(place.age);
    return std::nullopt;
  }
  if (group.followers.empty()) {
    groups_.erase(place.key);
    return std::nullopt;
  }
  group.leader = group.followers.begin()->second;
  group.followers.erase(group.followers.begin());
  return group.leader;
}

std::vector<std::string> Twins::disband(const std::string& leader) {
  std::vector<std::string> followers = followers_of(leader);
  const Group* group = group_of(leader);
  if (group == nullptr || group->leader != leader) return followers;
  groups_.erase(places_.extract(leader).mapped().key);
  for (const std::string& follower : followers) places_.erase(follower);
  return followers;
}

std::optional<std::string> Twins::leader_of(const std::string& follower) const {
  const Group* group = group_of(follower);
  if (group == nullptr || group->leader == follower) return std::nullopt;
  return group->leader;
}

std::vector<std::string> Twins::followers_of(const std::string& leader) const {
  std::vector<std::string> followers;
  const Group* group = group_of(leader);
  if (group == nullptr || group->leader != leader) return followers;
  for (const auto& [age, follower] : group->followers) followers.push_back(follower);
  return followers;
}

bool Twins::is_followed(const std::string& leader) const {
  const Group* group = group_of(leader);
  return group != nullptr && group->leader == leader && !group->followers.empty();
}

int Twins::priority_of(const std::string& id, int own) const {
  const Group* group = group_of(id);
  return group == nullptr ? own : *group->priorities.rbegin();
}

const Twins::Group* Twins::group_of(const std::string& id) const {
  const auto place = places_.find(id);
  return place == places_.end() ? nullptr : &groups_.at(place->second.key);
}

}  // namespace convd::jobs
