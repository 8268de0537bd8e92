#pragma once
// The order in which waiting conversions get a slot: fairness between orgs by estimated cost and weight, then within an
// org priority (9 before 0), then age. Pure: no clock.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "convd/jobs/lines.h"
#include "convd/jobs/slots.h"

namespace convd::jobs {

struct Waiting {
  std::string id;
  std::string org;
  int priority = 5;
  double cost_ms = 1;       // estimated, at least 1
  bool cost_known = false;  // learned from past runs, not guessed
  Length length = Length::long_work;
};

// What is expected to start before one that waits.
struct Ahead {
  std::int64_t count = 0;
  double cost_ms = 0;
};

// Each org has an account of the cost it was served, divided by its weight. The org with the smallest account is next;
// among equal ones the one whose account has been so small for longest. The level is what the org served last had on
// its account before: an org that comes after it was idle starts there, so it cannot save up turns, and so does one
// that was passed over because it had no work for the free slot; one that empties and comes back keeps what is on its
// account.
//
// push, pop and remove cost O(log n) of what waits and of orgs; position and ahead besides look once at each org that
// waits, some nanoseconds each. pop looks besides at each org that `may_take` refuses.
class Queue {
 public:
  using MayTake = std::function<bool(const std::string& org)>;

  // The id must not wait already.
  void push(Waiting waiting);
  // The next that may be taken: only short work for Room::short_only, only of orgs that `may_take`, when given.
  std::optional<Waiting> pop(Room room = Room::any, const MayTake& may_take = nullptr);
  // Returns whether it was waiting.
  bool remove(const std::string& id);
  // From the next turn of the org on; 1 or more, and 1 is what an org has that was given none.
  void set_weight(const std::string& org, int weight);
  // Nothing waits and nothing runs: what was served before counts no more.
  void forget_accounts();

  // 1-based, nothing when not waiting. Exact within an org; between orgs an estimate that assumes their mean costs.
  std::optional<std::int64_t> position(const std::string& id) const;
  // All of it, or only of the short work: how it is when nothing but the short slots gets free. Room::none is neither.
  std::optional<Ahead> ahead(const std::string& id, Room room = Room::any) const;
  // Of all, what is ahead of one of that org, waiting or not, that has `older` of its own before it.
  Ahead ahead_in(const std::string& org, std::int64_t older) const;
  // The first `limit` of an org, in its order.
  std::vector<std::string> first_of(const std::string& org, int limit) const;
  // The ids that pop() would give next, `most` at most, as things stand now; its cost grows with `most` only.
  std::vector<std::string> first(std::size_t most) const;

  int size() const { return static_cast<int>(entries_.size()); }
  int size_of(const std::string& org) const;
  double total_cost_ms() const { return total_cost_ms_; }
  bool all_costs_known() const { return unknown_costs_ == 0; }

 private:
  // (account, when it came to be that): the order of orgs. The second is unique.
  using Turn = std::pair<double, std::uint64_t>;
  struct Org {
    std::string name;
    int weight = 1;
    Turn turn;
    Lines lines;
    std::optional<std::size_t> place;  // in backlog_, while something waits
  };
  struct Entry {
    Org* org = nullptr;
    Place place;
    double cost_ms = 1;
    bool cost_known = false;
    Length length = Length::long_work;
  };
  using Entries = std::unordered_map<std::string, Entry>;
  // What position() needs of an org, side by side in memory.
  struct Backlog {
    Org* org = nullptr;
    Turn turn;
    double weight = 1;
    Load all;
    Load short_work;
  };
  using Turns = std::map<Turn, Org*>;

  // Where one stands from whom the others are seen.
  struct View {
    Turn turn;
    double start = 0;     // what will be on its account at its turn
    bool is_next = true;  // of its org
  };
  Org& org_of(const std::string& name);
  void file(Org& org);
  void note_backlog(Org& org, const Load& all, const Load& short_work);
  void forget_level_orgs();
  Waiting take(Entries::iterator entry);
  Ahead ahead_of(const Org* own, const Turn& turn, int weight, const Load& older, Room room) const;
  double served_before(const Backlog& other, const Load& load, const View& view) const;
  int weight_of(const std::string& org) const;

  std::map<std::string, std::unique_ptr<Org>> orgs_;  // that wait, or whose account is above the level
  std::map<std::string, int> weights_;                // other than 1
  Turns turns_;                                       // of those that wait
  Turns short_turns_;                                 // of those with short work that waits
  Turns resting_;                                     // of those that do not wait
  std::vector<Backlog> backlog_;                      // of those that wait
  Entries entries_;
  std::uint64_t next_ = 1;  // of the next account that changes
  double level_ = 0;
  double total_cost_ms_ = 0;
  int unknown_costs_ = 0;
};

}  // namespace convd::jobs
