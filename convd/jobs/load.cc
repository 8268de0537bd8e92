// How full it is, and how long one has to wait.

#include <algorithm>

#include "convd/jobs/job_record.h"
#include "convd/jobs/manager_impl.h"

namespace convd::jobs {
namespace {

using shared::Status;

std::int64_t whole_ms(double ms) {
  return static_cast<std::int64_t>(std::min(ms, 1e15));
}

}  // namespace

std::int64_t Manager::Impl::steady_ms() const {
  return std::chrono::duration_cast<loop::milliseconds>(loop_.now().time_since_epoch()).count();
}

// Whom one of this length waits behind: short work has a line of its own where there are slots for it alone.
Room Manager::Impl::line_of(Length length) const {
  return length == Length::short_work && settings_.short_slots > 0 ? Room::short_only : Room::any;
}

shared::StatusObject Manager::Impl::computed(const Live& live) const {
  auto object = to_status_object(live.job);
  const Live* leader = leader_of(live);
  const Live& run = leader == nullptr ? live : *leader;
  if (run.attempt) object.eta_ms = run.attempt->eta_ms();
  if (live.job.status != Status::pending) return object;
  if (const auto place = place_of(run)) {
    object.position = place->position;
    object.eta_ms = place->eta_ms;
  }
  return object;
}

std::optional<QueuePlace> Manager::Impl::place_of(const Live& live) const {
  const Room line = line_of(slots_.length_of(live.cost.ms));
  const auto ahead = queue_.ahead(live.job.id, line);
  if (!ahead) return std::nullopt;
  QueuePlace place{live.job.id, ahead->count + 1, {}};
  const Cost cost = cost_now(live);
  const auto wait = cost.known ? wait_ms(*ahead, line) : std::nullopt;
  if (wait) place.eta_ms = *wait + whole_ms(cost.ms);
  return place;
}

// Others like it may have run since it was queued.
Cost Manager::Impl::cost_now(const Live& live) const {
  if (live.cost.known) return live.cost;
  const auto route = planner_.plan(live.job.from, live.job.to);
  return route ? cost_of(estimator_, *route, live.job.input_bytes) : live.cost;
}

// How long until a slot is free for what has that much ahead of it: by the costs when all are known, else by how fast
// the queue has been emptying; nothing when neither says.
std::optional<std::int64_t> Manager::Impl::wait_ms(const Ahead& ahead, Room line) const {
  const std::int64_t now_ms = steady_ms();
  const bool is_short = line == Room::short_only;
  const int running_short = slots_.running_short(now_ms);
  const int free_in_all = settings_.slots + settings_.short_slots - running();
  const int free_for_long = settings_.slots - (running() - running_short);
  if (ahead.count < (is_short ? free_in_all : std::min(free_in_all, free_for_long))) return 0;
  if (const auto work = work_ms(ahead, line))
    return whole_ms(*work / (is_short ? std::max(settings_.short_slots, running_short) : settings_.slots));
  const auto each = is_short ? std::nullopt : drain_rate_.ms_each(now_ms);
  if (!each) return std::nullopt;
  return whole_ms(*each * static_cast<double>(ahead.count + 1));
}

// What is ahead and what is left of those that run, as far as they are in the way; nothing when any of it is unknown.
std::optional<double> Manager::Impl::work_ms(const Ahead& ahead, Room line) const {
  if (!queue_.all_costs_known()) return std::nullopt;
  const std::int64_t now_ms = steady_ms();
  double work = ahead.cost_ms;
  for (const Live* live : running_) {
    if (line == Room::short_only && slots_.counts_as(live->job.id, now_ms) == Length::long_work) continue;
    const auto rest = live->attempt ? live->attempt->eta_ms() : std::nullopt;
    if (!rest) return std::nullopt;
    work += static_cast<double>(*rest);
  }
  return work;
}

Capacity Manager::Impl::capacity() const {
  Capacity capacity;
  capacity.slots = settings_.slots;
  capacity.short_slots = settings_.short_slots;
  capacity.running = running();
  capacity.running_short = slots_.running_short(steady_ms());
  capacity.waiting = waiting_.size();
  capacity.wait_ms = wait_ms({queue_.size(), queue_.total_cost_ms()}, Room::any);
  capacity.accepting = !closed() && capacity.waiting + following_.size() + accepting_all_ < settings_.queue_limit;
  return capacity;
}

OrgLoad Manager::Impl::load(const std::string& org) const {
  OrgLoad load;
  load.running = slots_.running_of(org);
  load.waiting = waiting_.size_of(org);
  load.wait_ms = wait_ms(queue_.ahead_in(org, queue_.size_of(org)), Room::any);
  load.accepting = !refusal(org);
  return load;
}

std::vector<QueuePlace> Manager::Impl::places(const std::string& org, int limit) const {
  std::vector<QueuePlace> places;
  for (const std::string& id : queue_.first_of(org, limit)) {
    if (const auto place = place_of(*live_.at(id))) places.push_back(*place);
  }
  return places;
}

int Manager::Impl::waiting_of(const std::string& org) const {
  const auto accepting = accepting_.find(org);
  return waiting_.size_of(org) + following_.size_of(org) + (accepting == accepting_.end() ? 0 : accepting->second);
}

std::int64_t Manager::Impl::room_ms(const std::string& org) const {
  const std::int64_t too_many = waiting_.size() + following_.size() + accepting_all_ - settings_.queue_limit + 1;
  const std::int64_t too_many_own = waiting_of(org) - settings_.queue_limit_per_org + 1;
  std::int64_t starts = std::max<std::int64_t>(0, too_many);
  if (too_many_own > 0) starts = std::max(starts, queue_.ahead_in(org, too_many_own - 1).count + 1);
  if (starts == 0) return 0;
  const double mean_ms = queue_.size() > 0 ? queue_.total_cost_ms() / queue_.size() : 1;
  const double each = drain_rate_.ms_each(steady_ms()).value_or(mean_ms / settings_.slots);
  return whole_ms(each * static_cast<double>(starts));
}

std::optional<std::int64_t> Manager::Impl::oldest_waiting_ms() const {
  const auto since_ms = waiting_.oldest_since_ms();
  if (!since_ms) return std::nullopt;
  return std::max<std::int64_t>(0, wall_ms() - *since_ms);
}

}  // namespace convd::jobs
