// Random workloads over Queue and Slots in virtual time. Every story is made from a seed, which is printed when it
// fails: CONVD_SEED is the first one (1), CONVD_SEEDS how many are told (100, under a sanitizer 10).

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "convd/jobs/queue.h"
#include "convd/jobs/sequence.h"
#include "convd/jobs/slots.h"
#include "tests/support/catch.h"

using convd::jobs::Length;
using convd::jobs::Queue;
using convd::jobs::Room;
using convd::jobs::Sequence;
using convd::jobs::SlotLimits;
using convd::jobs::Slots;
using convd::jobs::Waiting;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned long seeds = 10;
#else
constexpr unsigned long seeds = 100;
#endif

unsigned long from_environment(const char* name, unsigned long fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoul(text, nullptr, 10);
}

class Dice {
 public:
  explicit Dice(unsigned long seed) : random_(seed) {}
  int between(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }
  bool one_in(int chances) { return between(1, chances) == 1; }
  template <typename T>
  const T& of(const std::vector<T>& all) {
    return all[static_cast<std::size_t>(between(0, static_cast<int>(all.size()) - 1))];
  }

 private:
  std::mt19937_64 random_;
};

template <typename Story>
void for_each_seed(Story story) {
  const unsigned long first = from_environment("CONVD_SEED", 1);
  const unsigned long count = from_environment("CONVD_SEEDS", seeds);
  for (unsigned long seed = first; seed < first + count; ++seed) {
    INFO("again with CONVD_SEED=" << seed << " CONVD_SEEDS=1");
    Dice dice(seed);
    story(dice);
  }
}

struct Job {
  Waiting waiting;
  std::int64_t age = 0;
  std::int64_t takes_ms = 0;  // really
  std::int64_t came_ms = 0;
  std::int64_t since_ms = 0;  // it runs
};

// What must hold is looked at from outside, in a model that is all lists and loops.
struct World {
  SlotLimits limits;
  std::map<std::string, int> weights;
  Queue queue;
  Slots slots{limits};
  std::int64_t now_ms = 0;
  std::int64_t next_age = 0;
  std::map<std::string, Job> waiting;
  std::map<std::string, Job> running;
  std::set<std::string> gone;
  std::map<std::string, double> served_ms;
  std::vector<std::pair<std::string, std::int64_t>> started;  // id, how long it waited

  World(SlotLimits given, std::map<std::string, int> shares) : limits(given), weights(std::move(shares)) {
    for (const auto& [org, weight] : weights) queue.set_weight(org, weight);
  }

  std::string push(const std::string& org, int priority, double cost_ms, std::int64_t takes_ms) {
    const std::string id = org + "/" + std::to_string(next_age);
    const Waiting one{id, org, priority, cost_ms, true, slots.length_of(cost_ms)};
    waiting[id] = {one, next_age++, takes_ms, now_ms, 0};
    queue.push(one);
    return id;
  }

  void cancel(const std::string id) {  // by value: it may come out of `waiting`
    REQUIRE(queue.remove(id) == (waiting.erase(id) == 1));
    gone.insert(id);
  }

  bool is_long(const Job& job) const {
    return job.waiting.cost_ms > static_cast<double>(limits.short_cost_ms) ||
           now_ms - job.since_ms >= limits.short_cost_ms;
  }
  int long_ones() const {
    return static_cast<int>(
        std::count_if(running.begin(), running.end(), [this](const auto& r) { return is_long(r.second); }));
  }
  int of(const std::string& org) const {
    return static_cast<int>(
        std::count_if(running.begin(), running.end(), [&](const auto& r) { return r.second.waiting.org == org; }));
  }
  bool is_open(const std::string& org) const { return limits.per_org == 0 || of(org) < limits.per_org; }
  bool could_start(const Job& job) const {
    if (static_cast<int>(running.size()) >= limits.slots + limits.short_slots || !is_open(job.waiting.org))
      return false;
    return job.waiting.length == Length::short_work || long_ones() < limits.slots;
  }

  // Returns what started.
  std::optional<Waiting> start_one() {
    const auto next = queue.pop(slots.room(now_ms), [this](const std::string& org) { return slots.is_open_to(org); });
    if (!next) return std::nullopt;
    INFO(next->id << " starts at " << now_ms);
    REQUIRE(waiting.contains(next->id));
    Job job = waiting.at(next->id);
    REQUIRE(could_start(job));
    const auto goes_before = [&](const auto& other) {
      const auto& [id, rest] = other;
      return rest.waiting.org == job.waiting.org &&
             std::pair(-rest.waiting.priority, rest.age) < std::pair(-job.waiting.priority, job.age) &&
             could_start(rest);
    };
    const auto passed_over = std::find_if(waiting.begin(), waiting.end(), goes_before);
    REQUIRE((passed_over == waiting.end() ? "" : passed_over->first) == "");
    waiting.erase(next->id);
    job.since_ms = now_ms;
    served_ms[next->org] += next->cost_ms;
    started.emplace_back(next->id, now_ms - job.came_ms);
    running[next->id] = job;
    slots.take(next->id, next->org, next->cost_ms, now_ms);
    return next;
  }

  void start_all() {
    while (start_one()) {
    }
    const auto idle =
        std::find_if(waiting.begin(), waiting.end(), [&](const auto& w) { return could_start(w.second); });
    INFO("at " << now_ms << " a slot is idle that could serve");
    REQUIRE((idle == waiting.end() ? "" : idle->first) == "");
    REQUIRE(queue.size() == static_cast<int>(waiting.size()));
    REQUIRE(slots.running() == static_cast<int>(running.size()));
    REQUIRE(slots.running_short(now_ms) == static_cast<int>(running.size()) - long_ones());
  }

  // On to the end of the running one that ends first.
  void end_one() {
    const auto ends = [](const auto& one) { return std::pair(one.second.since_ms + one.second.takes_ms, one.first); };
    const auto first = std::min_element(running.begin(), running.end(),
                                        [&](const auto& a, const auto& b) { return ends(a) < ends(b); });
    now_ms = std::max(now_ms, ends(*first).first);
    REQUIRE(gone.insert(first->first).second);
    slots.release(first->first);
    running.erase(first);
  }
};

// For each pair of orgs that wait: by how much one has been served more than the other, measured by weight, since the
// later of them began to wait.
struct Shares {
  std::vector<std::string> orgs;
  std::map<std::string, int> weights;
  double biggest_ms = 0;
  std::map<std::pair<std::string, std::string>, double> apart_before;

  void look(const World& world) {
    for (auto a = orgs.begin(); a != orgs.end(); ++a) {
      for (auto b = orgs.begin(); b != a; ++b) look(world, *a, *b);
    }
  }

  void look(const World& world, const std::string& a, const std::string& b) {
    if (world.queue.size_of(a) == 0 || world.queue.size_of(b) == 0) {
      apart_before.erase({a, b});
      return;
    }
    const auto share = [&](const std::string& org) {
      const auto served = world.served_ms.find(org);
      return served == world.served_ms.end() ? 0 : served->second / weights.at(org);
    };
    const double apart = share(a) - share(b);
    const double grown = std::abs(apart - apart_before.try_emplace({a, b}, apart).first->second);
    const double allowed = (1.0 / weights.at(a) + 1.0 / weights.at(b)) * biggest_ms + 1e-3;
    if (grown <= allowed) return;
    INFO(a << " and " << b << " at " << world.now_ms);
    REQUIRE(grown <= allowed);
  }
};

std::vector<std::string> some_orgs(Dice& dice) {
  std::vector<std::string> orgs;
  for (int i = dice.between(1, 6); i > 0; --i) orgs.push_back(std::string(1, static_cast<char>('a' + i)));
  return orgs;
}

std::map<std::string, int> some_weights(Dice& dice, const std::vector<std::string>& orgs) {
  std::map<std::string, int> weights;
  for (const std::string& org : orgs) weights[org] = dice.one_in(2) ? 1 : dice.between(1, 9);
  return weights;
}

}  // namespace

TEST_CASE("whatever comes, each starts once, no slot is idle for one it could serve, and limits hold") {
  for_each_seed([](Dice& dice) {
    const SlotLimits limits{dice.between(1, 4), dice.between(0, 2), 2'000, dice.one_in(2) ? 0 : dice.between(1, 3)};
    const auto orgs = some_orgs(dice);
    World world(limits, some_weights(dice, orgs));
    int left = 150;
    while (left > 0 || !world.waiting.empty() || !world.running.empty()) {
      for (int i = left > 0 ? dice.between(0, 12) : 0; i > 0; --i, --left) {
        const double cost_ms = dice.one_in(2) ? dice.between(1, 2'000) : dice.between(2'001, 90'000);
        // The estimate may be far off.
        const int off = dice.one_in(4) ? dice.between(1, 20) : 1;
        const auto takes_ms = static_cast<std::int64_t>(dice.one_in(2) ? cost_ms * off : cost_ms / off) + 1;
        const std::string id = world.push(dice.of(orgs), dice.between(0, 9), cost_ms, takes_ms);
        if (dice.one_in(6)) world.cancel(id);
      }
      if (!world.waiting.empty() && dice.one_in(8)) world.cancel(world.waiting.begin()->first);
      world.start_all();
      if (!world.running.empty()) world.end_one();
    }
    REQUIRE(world.gone.size() == static_cast<std::size_t>(world.next_age));
    REQUIRE(world.queue.total_cost_ms() == 0);
  });
}

TEST_CASE("orgs that wait are served by their weights, within one biggest job of each") {
  for_each_seed([](Dice& dice) {
    const auto orgs = some_orgs(dice);
    const auto weights = some_weights(dice, orgs);
    World world({dice.between(1, 4), 0, 0, 0}, weights);
    const int biggest_ms = dice.between(2, 60'000);
    Shares shares{orgs, weights, 1.0 * biggest_ms, {}};
    for (int turn = 0; turn < 300; ++turn) {
      for (int i = dice.between(0, 3); i > 0; --i) {
        const std::string org = dice.of(orgs);
        for (int burst = dice.one_in(3) ? dice.between(1, 30) : 1; burst > 0; --burst) {
          const int cost_ms = dice.between(1, biggest_ms);
          world.push(org, dice.between(0, 9), cost_ms, cost_ms);
        }
      }
      while (world.start_one()) shares.look(world);
      if (!world.running.empty()) world.end_one();
    }
  });
}

TEST_CASE("one who asks for one thing waits for one of the other's ten thousand at most") {
  for_each_seed([](Dice& dice) {
    const int cost_ms = dice.between(1, 5'000);
    World world({dice.between(1, 4), dice.between(0, 1), 2'000, 0}, {});
    for (int i = 0; i < 10'000; ++i) world.queue.push({"alice/" + std::to_string(i), "alice", 9, 1.0 * cost_ms, true});
    const auto next = [&] {
      auto popped = world.queue.pop(world.slots.room(world.now_ms));
      if (popped) {
        world.slots.take(popped->id, popped->org, popped->cost_ms, world.now_ms);
        world.running[popped->id] = {*popped, 0, cost_ms, 0, world.now_ms};
      }
      return popped;
    };
    while (next()) {
    }
    for (int i = dice.between(0, 200); i > 0; --i) {
      world.end_one();
      while (next()) {
      }
    }
    // In the middle of whatever runs.
    world.now_ms += dice.between(0, cost_ms - 1);
    const std::int64_t came_ms = world.now_ms;
    world.queue.push({"bob/1", "bob", 0, 1.0 * dice.between(1, 100'000), true});
    REQUIRE(world.queue.position("bob/1") == 1);
    for (auto popped = next();; popped = next()) {
      if (popped && popped->org == "bob") break;
      if (!popped) world.end_one();
    }
    REQUIRE(world.now_ms - came_ms <= cost_ms);
  });
}

TEST_CASE("a position is the place in the real order when all cost the same, and nearly so by weights") {
  for_each_seed([](Dice& dice) {
    const auto orgs = some_orgs(dice);
    const bool weighted = dice.one_in(2);
    World world({1, 0, 0, 0}, weighted ? some_weights(dice, orgs) : std::map<std::string, int>());
    for (int i = dice.between(1, 80); i > 0; --i) {
      for (int burst = dice.between(1, 4); burst > 0; --burst)
        world.push(dice.of(orgs), dice.between(0, 9), 1'000, 1'000);
      if (dice.one_in(4))
        world.cancel(dice.of(std::vector{world.waiting.begin()->first, world.waiting.rbegin()->first}));
      if (dice.one_in(2) && world.queue.size() > 0) world.waiting.erase(world.queue.pop()->id);
    }
    std::map<std::string, std::int64_t> told;
    for (const auto& [id, job] : world.waiting) told[id] = world.queue.position(id).value();
    const auto tolerance = weighted ? static_cast<std::int64_t>(orgs.size()) : 0;
    std::int64_t place = 0;
    while (const auto next = world.queue.pop()) {
      ++place;
      INFO(next->id << " was told " << told.at(next->id) << " and is at " << place);
      REQUIRE(std::abs(told.at(next->id) - place) <= tolerance);
    }
    REQUIRE(place == static_cast<std::int64_t>(told.size()));
  });
}

TEST_CASE("a sequence counts like a list, whatever comes and goes") {
  for_each_seed([](Dice& dice) {
    Sequence sequence;
    std::map<std::uint64_t, std::pair<std::string, Length>> model;  // by place
    std::set<std::string> ids;
    const int leaves = dice.between(1, 4);
    for (int i = 0; i < 1'500; ++i) {
      const std::string& id = *ids.insert(std::to_string(i)).first;
      const Length length = dice.one_in(3) ? Length::short_work : Length::long_work;
      const auto place = sequence.push(id, length);
      REQUIRE((model.empty() || place > model.rbegin()->first));
      model[place] = {id, length};
      for (int out = dice.one_in(leaves) ? dice.between(0, 2) : 0; out > 0 && !model.empty(); --out) {
        const auto gone =
            std::next(model.begin(), dice.one_in(2) ? 0 : dice.between(0, static_cast<int>(model.size()) - 1));
        sequence.erase(gone->first, gone->second.second);
        model.erase(gone);
      }
      if (!dice.one_in(50)) continue;
      std::int64_t all = 0;
      std::int64_t quick = 0;
      int wrong = 0;  // counted: an assertion each would be most of what this test does
      const std::string* first_quick = nullptr;
      for (const auto& [where, what] : model) {
        if (sequence.before(where, Room::any) != all || sequence.before(where, Room::short_only) != quick) ++wrong;
        ++all;
        if (what.second == Length::long_work) continue;
        if (quick++ == 0) first_quick = &what.first;
      }
      REQUIRE(wrong == 0);
      REQUIRE(sequence.count(Room::any) == all);
      REQUIRE(sequence.count(Room::short_only) == quick);
      REQUIRE((sequence.first(Room::any) == nullptr ? "" : *sequence.first(Room::any)) ==
              (all == 0 ? "" : model.begin()->second.first));
      REQUIRE((sequence.first(Room::short_only) == nullptr ? "" : *sequence.first(Room::short_only)) ==
              (first_quick == nullptr ? "" : *first_quick));
      REQUIRE(sequence.first_ids(3).size() == static_cast<std::size_t>(std::min<std::int64_t>(3, all)));
    }
  });
}
