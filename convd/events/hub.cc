#include "convd/events/hub.h"

#include <utility>

#include "convd/events/hub_state.h"

namespace convd::events {
namespace {

const std::vector<double> lag_bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};

}  // namespace

Hub::Hub(loop::Loop& loop, LogSource& source, HubLimits limits)
    : state_(std::make_shared<State>(loop, source, limits)) {
  state_->counters.lag_counts.resize(lag_bounds.size() + 1);
}

Hub::~Hub() = default;

void Hub::append(const std::string& org, Event event) {
  state_->append(org, std::move(event));
}

std::unique_ptr<Hub::Reader> Hub::attach(const std::string& org, Filter filter, Start start, Encoding encoding,
                                         Waker& waker) {
  return std::make_unique<Cursor>(state_, state_->log_of(org), std::move(filter), std::move(start), encoding, waker);
}

bool Hub::is_heard(const std::string& org, shared::Service service) const {
  const auto found = state_->logs.find(org);
  if (found == state_->logs.end()) return false;
  const auto& audiences = found->second->audiences;
  const auto first = audiences.lower_bound(Topic{service, {}});
  return first != audiences.end() && first->first.service == service;
}

std::int64_t Hub::newcomers(const std::string& org, shared::Service service) const {
  const auto found = state_->logs.find(org);
  return found == state_->logs.end() ? 0 : found->second->newcomers[static_cast<std::size_t>(service)];
}

std::vector<std::string> Hub::listening_orgs(shared::Service service) const {
  std::vector<std::string> orgs;
  for (const auto& [org, log] : state_->logs) {
    if (is_heard(org, service)) orgs.push_back(org);
  }
  return orgs;
}

void Hub::count_conflated(std::int64_t events) {
  state_->counters.conflated += events;
}

HubStats Hub::stats() const {
  HubStats stats = state_->counters;
  for (const auto& [org, log] : state_->logs) {
    if (log->readers == 0) continue;
    ++stats.orgs;
    stats.subscriptions += log->audiences.size();
  }
  stats.ring_bytes = state_->ring_bytes();
  return stats;
}

const std::vector<double>& Hub::lag_bounds_s() {
  return lag_bounds;
}

}  // namespace convd::events
