#include "convd/jobs/queue.h"

#include <algorithm>
#include <cmath>

namespace convd::jobs {

void Queue::push(Waiting waiting) {
  waiting.cost_ms = std::max(1.0, waiting.cost_ms);
  total_cost_ms_ += waiting.cost_ms;
  if (!waiting.cost_known) ++unknown_costs_;
  Org& org = org_of(waiting.org);
  const auto [kept, fresh] =
      entries_.try_emplace(std::move(waiting.id), Entry{&org, {}, waiting.cost_ms, waiting.cost_known, waiting.length});
  kept->second.place = org.lines.push(waiting.priority, waiting.length, kept->first, waiting.cost_ms);
  file(org);
}

std::optional<Waiting> Queue::pop(Room room, const MayTake& may_take) {
  const Turns& turns = room == Room::short_only ? short_turns_ : turns_;
  const auto next = std::find_if(turns.begin(), turns.end(),
                                 [&](const auto& turn) { return !may_take || may_take(turn.second->name); });
  if (room == Room::none || next == turns.end()) return std::nullopt;
  Org& org = *next->second;
  const auto entry = entries_.find(*org.lines.first(room));
  turns_.erase(org.turn);
  short_turns_.erase(org.turn);
  level_ = std::max(level_, org.turn.first);
  org.turn = {level_ + entry->second.cost_ms / org.weight, next_++};
  return take(entry);
}

bool Queue::remove(const std::string& id) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return false;
  (void)take(entry);
  return true;
}

Waiting Queue::take(Entries::iterator taken) {
  auto node = entries_.extract(taken);
  const Entry& entry = node.mapped();
  Org& org = *entry.org;
  org.lines.erase(entry.place, entry.length, entry.cost_ms);
  if (!entry.cost_known) --unknown_costs_;
  // No rounding is carried over.
  total_cost_ms_ = entries_.empty() ? 0 : total_cost_ms_ - entry.cost_ms;
  Waiting waiting{std::move(node.key()), org.name, entry.place.priority, entry.cost_ms, entry.cost_known, entry.length};
  file(org);
  forget_level_orgs();
  return waiting;
}

void Queue::set_weight(const std::string& org, int weight) {
  if (weight == 1) {
    weights_.erase(org);
  } else {
    weights_[org] = weight;
  }
  const auto known = orgs_.find(org);
  if (known == orgs_.end()) return;
  known->second->weight = weight;
  file(*known->second);
}

void Queue::forget_accounts() {
  if (!entries_.empty()) return;
  resting_.clear();
  orgs_.clear();
  level_ = 0;
}

int Queue::weight_of(const std::string& org) const {
  const auto weight = weights_.find(org);
  return weight == weights_.end() ? 1 : weight->second;
}

Queue::Org& Queue::org_of(const std::string& name) {
  auto& org = orgs_[name];
  if (!org) org = std::make_unique<Org>(Org{name, weight_of(name), {level_, next_++}, {}, {}});
  return *org;
}

// Brings the orders in which an org stands up to date with what waits of it.
void Queue::file(Org& org) {
  const Load all = org.lines.load(Room::any);
  const Load short_work = org.lines.load(Room::short_only);
  const auto stand = [&org](Turns& turns, bool wanted) {
    if (wanted) {
      turns.try_emplace(org.turn, &org);
    } else {
      turns.erase(org.turn);
    }
  };
  stand(turns_, all.count > 0);
  stand(short_turns_, short_work.count > 0);
  stand(resting_, all.count == 0);
  note_backlog(org, all, short_work);
}

void Queue::note_backlog(Org& org, const Load& all, const Load& short_work) {
  if (all.count > 0) {
    if (!org.place) {
      org.place = backlog_.size();
      backlog_.emplace_back();
    }
    backlog_[*org.place] = {&org, org.turn, static_cast<double>(org.weight), all, short_work};
    return;
  }
  if (!org.place) return;
  Backlog& left = backlog_[*org.place];
  left = backlog_.back();
  left.org->place = org.place;
  backlog_.pop_back();
  org.place.reset();
}

// Who has nothing waiting and no more on its account than the level starts there again, as somebody new does.
void Queue::forget_level_orgs() {
  while (!resting_.empty() && resting_.begin()->first.first <= level_) {
    const std::string name = resting_.begin()->second->name;
    resting_.erase(resting_.begin());
    orgs_.erase(name);
  }
}

std::optional<std::int64_t> Queue::position(const std::string& id) const {
  const auto before = ahead(id);
  if (!before) return std::nullopt;
  return before->count + 1;
}

std::optional<Ahead> Queue::ahead(const std::string& id, Room room) const {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  const Org& org = *found->second.org;
  return ahead_of(&org, org.turn, org.weight, org.lines.before(found->second.place, room), room);
}

Ahead Queue::ahead_in(const std::string& org, std::int64_t older) const {
  const auto known = orgs_.find(org);
  if (known == orgs_.end()) return ahead_of(nullptr, {level_, next_}, weight_of(org), {}, Room::any);
  const Org& own = *known->second;
  const Load all = own.lines.load(Room::any);
  Load before;
  if (all.count > 0) {
    before.count = std::min(older, all.count);
    before.cost_ms = all.cost_ms / static_cast<double>(all.count) * static_cast<double>(before.count);
  }
  return ahead_of(&own, own.turn, own.weight, before, Room::any);
}

std::vector<std::string> Queue::first_of(const std::string& org, int limit) const {
  const auto known = orgs_.find(org);
  if (known == orgs_.end()) return {};
  return known->second->lines.first_ids(limit);
}

Ahead Queue::ahead_of(const Org* own, const Turn& turn, int weight, const Load& older, Room room) const {
  View view{turn, turn.first, older.count == 0};
  if (!view.is_next) view.start = std::max(turn.first, level_) + older.cost_ms / weight;
  double count = 0;
  double cost_ms = 0;
  for (const Backlog& other : backlog_) {
    const Load& load = room == Room::short_only ? other.short_work : other.all;
    if (other.org == own || load.count == 0) continue;
    const double served = served_before(other, load, view);
    count += served;
    cost_ms += served / static_cast<double>(load.count) * load.cost_ms;
  }
  return {older.count + static_cast<std::int64_t>(count), older.cost_ms + cost_ms};
}

// How many of another org have their turn first, each as dear as their mean: the one served next at what is on its
// account now, the others each a step later.
double Queue::served_before(const Backlog& other, const Load& load, const View& view) const {
  constexpr double tiny = 1e-6;
  const auto& [account, since] = other.turn;
  const bool is_first = view.is_next ? other.turn < view.turn : account <= view.start;
  if (!is_first) return 0;
  const auto count = static_cast<double>(load.count);
  const double step = load.cost_ms / count / other.weight;
  const double steps = (view.start - std::max(account, level_)) / step;
  const double whole = std::round(steps);
  if (std::abs(steps - whole) > tiny) return std::clamp(std::ceil(steps), 1.0, count);
  // Level accounts: who comes there first goes first, and that is who is further on already, or who was first before.
  const bool goes_first = account > view.turn.first || (account == view.turn.first && since < view.turn.second);
  return std::clamp(whole + (goes_first ? 1 : 0), 1.0, count);
}

// The first `most` turns are the only ones that can come to be taken among the first `most`.
std::vector<std::string> Queue::first(std::size_t most) const {
  struct Taking {
    const Org* org;
    std::vector<std::string> ids;
    std::size_t taken = 0;
  };
  std::map<Turn, Taking> turns;
  for (auto next = turns_.begin(); next != turns_.end() && turns.size() < most; ++next)
    turns.emplace(next->first, Taking{next->second, next->second->lines.first_ids(static_cast<int>(most))});
  std::vector<std::string> ids;
  double level = level_;
  for (std::uint64_t since = next_; ids.size() < most && !turns.empty(); ++since) {
    auto next = turns.extract(turns.begin());
    Taking& taking = next.mapped();
    const std::string& id = taking.ids[taking.taken++];
    level = std::max(level, next.key().first);
    next.key() = {level + entries_.at(id).cost_ms / taking.org->weight, since};
    ids.push_back(id);
    if (taking.taken < taking.ids.size()) turns.insert(std::move(next));
  }
  return ids;
}

int Queue::size_of(const std::string& org) const {
  const auto found = orgs_.find(org);
  return found == orgs_.end() ? 0 : static_cast<int>(found->second->lines.load(Room::any).count);
}

}  // namespace convd::jobs
