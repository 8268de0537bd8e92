// What operators ask for: pause, drain, resume, other settings; and what they see.

#include <algorithm>
#include <utility>

#include "convd/jobs/log.h"
#include "convd/jobs/manager_impl.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;

}  // namespace

void Manager::Impl::set(const Settings& settings) {
  for (const auto& [org, weight] : settings_.org_weights) queue_.set_weight(org, 1);
  for (const auto& [org, weight] : settings.org_weights) queue_.set_weight(org, weight);
  slots_.set_limits(slot_limits(settings));
  quarantine_.set(quarantine_rules(settings));
  const bool is_measured_anew = settings.short_cost_ms != settings_.short_cost_ms;
  settings_ = settings;
  if (is_measured_anew) stand_in_line_anew();
  dispatch();
}

// In the order in which they have come.
void Manager::Impl::stand_in_line_anew() {
  std::vector<std::pair<std::int64_t, std::string>> queued;
  for (const auto& [id, live] : live_) {
    if (queue_.remove(id)) queued.emplace_back(live->waiting_since_ms, id);
  }
  std::sort(queued.begin(), queued.end());
  for (const auto& [since_ms, id] : queued) stand_in_line(*live(id));
}

bool Manager::Impl::ask_for(Operation operation, std::function<void()> idle) {
  if (draining_ || operation_ == operation) return false;
  operation_ = operation;
  operation_since_ms_ = wall_ms();
  idle_ = std::move(idle);
  log()->info("{} conversion(s) run, {} wait", running(), waiting_.size());
  check_drained();
  dispatch();
  return true;
}

std::optional<Error> Manager::Impl::closed() const {
  if (draining_) return Error{ErrorCode::shutting_down, "the daemon is shutting down; try again later", {}};
  if (operation_ != Operation::draining) return std::nullopt;
  return Error{ErrorCode::shutting_down, "the daemon takes no new work until an operator resumes it", {}};
}

bool Manager::Impl::is_idle() const {
  return running_.empty() && committing_ == 0 && accepting_all_ == 0 && to_attend_.empty();
}

OperationState Manager::Impl::operation() const {
  return {draining_ ? Operation::draining : operation_, operation_since_ms_, draining_, is_idle()};
}

std::optional<std::int64_t> Manager::Impl::idle_in_ms() const {
  std::int64_t longest_ms = 0;
  for (const Live* live : running_) {
    const auto rest_ms = live->attempt ? live->attempt->eta_ms() : std::nullopt;
    if (!rest_ms) return std::nullopt;
    longest_ms = std::max(longest_ms, *rest_ms);
  }
  return longest_ms;
}

}  // namespace convd::jobs
