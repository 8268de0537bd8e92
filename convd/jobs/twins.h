#pragma once
// Conversions that live and are the same work: one of them leads and is run, the others follow it. Pure: no clock.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace convd::jobs {

// Ids are of conversions, keys say what is the same work. Who is not in here is nobody's twin.
class Twins {
 public:
  // `id` is not in here yet. Returns whether it leads: the first of its key does.
  bool join(const std::string& key, const std::string& id, int priority);
  // Returns who leads from now on when that has changed: of those who follow, the one who came first.
  std::optional<std::string> leave(const std::string& id);
  // The leader's end is that of all: none of them is in here any more. Returns its followers, the oldest first. Who
  // does not lead has none, and nothing changes.
  std::vector<std::string> disband(const std::string& leader);

  std::optional<std::string> leader_of(const std::string& follower) const;  // nothing for who follows nobody
  std::vector<std::string> followers_of(const std::string& leader) const;   // the oldest first
  bool is_followed(const std::string& leader) const;
  // The highest among those who wait for the same, itself included; its own for who is nobody's twin.
  int priority_of(const std::string& id, int own) const;

 private:
  struct Group {
    std::string leader;
    std::map<std::uint64_t, std::string> followers;  // by age
    std::multiset<int> priorities;                   // of all
  };
  struct Place {
    std::string key;
    std::uint64_t age;
    int priority;
  };
  const Group* group_of(const std::string& id) const;

  std::unordered_map<std::string, Group> groups_;  // by key; never an empty one
  std::unordered_map<std::string, Place> places_;
  std::uint64_t next_age_ = 0;
};

}  // namespace convd::jobs
