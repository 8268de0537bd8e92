#pragma once
// The order in which waiting conversions get a slot: priority first (9 before 0), then fairness between orgs by
// estimated cost, then age. Pure: no clock.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

namespace convd::jobs {

struct Waiting {
  std::string id;
  std::string org;
  int priority = 5;
  double cost_ms = 1;       // estimated, at least 1
  bool cost_known = false;  // learned from past runs, not guessed
};

// Each org has an account of the cost it was served. Among the orgs whose first conversion has the highest waiting
// priority, the one with the smallest account is next; an org that was idle starts level with the others, so it cannot
// save up turns.
class Queue {
 public:
  // The id must not wait already.
  void push(Waiting waiting);
  std::optional<Waiting> pop();
  // Returns whether it was waiting.
  bool remove(const std::string& id);

  // 1-based, nothing when not waiting. Exact within an org; between orgs the estimate assumes their mean costs.
  std::optional<std::int64_t> position(const std::string& id) const;
  int size() const { return static_cast<int>(places_.size()); }
  int size_of(const std::string& org) const;
  double total_cost_ms() const { return total_cost_ms_; }
  bool all_costs_known() const { return unknown_costs_ == 0; }

 private:
  struct Entry {
    std::uint64_t age;  // smaller is older
    Waiting waiting;
  };
  struct Line {  // one org, one priority, by age
    std::deque<Entry> entries;
    double cost_ms = 0;
  };
  struct Org {
    std::map<int, Line, std::greater<>> lines;  // never an empty one
    double served_ms = 0;
    int size = 0;
  };
  struct Place {
    std::string org;
    int priority;
    std::uint64_t age;
  };
  using Orgs = std::map<std::string, Org>;

  void remember(const std::string& org, double served_ms);
  Waiting take(Orgs::iterator org, int priority, std::deque<Entry>::iterator entry);
  std::int64_t ahead_in(const Org& other, int priority, double start_ms, std::uint64_t age) const;

  Orgs orgs_;                               // only those with something waiting
  std::map<std::string, double> accounts_;  // of orgs that have emptied and are still ahead of level_ms_
  std::unordered_map<std::string, Place> places_;
  std::uint64_t next_age_ = 1;
  double level_ms_ = 0;  // account of the org served last, before it was served
  double total_cost_ms_ = 0;
  int unknown_costs_ = 0;
};

}  // namespace convd::jobs
