#pragma once
// The conversions that wait, queued or backing off: since when, and how many of whom. Pure: no clock.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace convd::jobs {

class WaitingRoom {
 public:
  // Who waits already is not counted twice.
  void enter(std::int64_t since_ms, const std::string& id, const std::string& org);
  // With the `since_ms` of enter(); who does not wait is nobody.
  void leave(std::int64_t since_ms, const std::string& id, const std::string& org);

  int size() const { return static_cast<int>(places_.size()); }
  int size_of(const std::string& org) const;
  std::optional<std::int64_t> oldest_since_ms() const;
  const std::map<std::string, int>& orgs() const { return orgs_; }

 private:
  std::set<std::pair<std::int64_t, std::string>> places_;
  std::map<std::string, int> orgs_;  // never 0
};

}  // namespace convd::jobs
