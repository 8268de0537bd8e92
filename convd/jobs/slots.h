#pragma once
// Who may run beside whom. What is promised, with `slots` and `short_slots` of the limits:
// * never more than slots + short_slots run in all, and never more than `per_org` of one org;
// * at most `slots` long ones by estimate, so that short_slots are left for short work whatever else is queued;
// * a short one never waits while fewer than slots + short_slots run (and its org has not reached its limit).
// What has run longer than short work may counts as long from then on: no further long one is started in its place. It
// keeps its slot, so that more than `slots` long ones can run when an estimate was wrong; nothing new starts by it.
// Pure: time is given in, in milliseconds of any clock that never goes back.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

namespace convd::jobs {

// The two classes of work, told apart by estimated cost.
enum class Length : std::uint8_t { short_work, long_work };

// What may be started now.
enum class Room : std::uint8_t { none, short_only, any };

struct SlotLimits {
  int slots = 2;        // for anything
  int short_slots = 0;  // beyond them, only for short work
  std::int64_t short_cost_ms = 2'000;
  int per_org = 0;  // 0: as many as there are
};

class Slots {
 public:
  explicit Slots(SlotLimits limits) : limits_(limits) {}

  // In force from now on; what runs keeps its slot.
  void set_limits(SlotLimits limits) { limits_ = limits; }

  Length length_of(double cost_ms) const;
  Room room(std::int64_t now_ms);
  // Whether this org may have one more.
  bool is_open_to(const std::string& org) const;

  // Only what room() and is_open_to() allow. The id holds no slot yet.
  void take(const std::string& id, const std::string& org, double cost_ms, std::int64_t now_ms);
  // An id without a slot is nobody.
  void release(const std::string& id);
  // Slots for anything that nobody uses, for a running one that can use them side by side; lent until it is released.
  // They stay free to be taken, and none is lent twice. Never of the short slots.
  int lend(const std::string& id);

  int running() const { return static_cast<int>(holders_.size()); }
  int running_short(std::int64_t now_ms) const;
  // Of one that holds a slot.
  Length counts_as(const std::string& id, std::int64_t now_ms) const;
  int running_of(const std::string& org) const;

 private:
  struct Holder {
    std::string org;
    std::int64_t short_until_ms = 0;  // only while it is in short_
    int lent = 0;
  };
  void recount(std::int64_t now_ms);

  SlotLimits limits_;
  std::unordered_map<std::string, Holder> holders_;
  std::set<std::pair<std::int64_t, std::string>> short_;  // (until, id) of those that count as short
  std::map<std::string, int> orgs_;                       // never 0
  int lent_ = 0;
};

}  // namespace convd::jobs
