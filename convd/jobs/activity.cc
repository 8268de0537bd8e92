#include "convd/jobs/activity.h"

#include <algorithm>

#include "convd/jobs/manager_impl.h"

namespace convd::jobs {
namespace {

using shared::Status;

constexpr std::size_t most_next = 20;
constexpr std::chrono::seconds minute{60};

}  // namespace

Activity::Rate Manager::Impl::rates_over(std::chrono::seconds window) const {
  const auto now = loop_.now();
  const auto ended = [&](Status status) { return ended_rates_.at(status).per_minute(now, window); };
  return {accepted_rate_.per_minute(now, window), ended(Status::completed), ended(Status::error),
          ended(Status::cancelled)};
}

Activity Manager::Impl::activity(const std::string& org) const {
  const std::int64_t now_ms = wall_ms();
  const auto is_shown = [&](const Live& live) { return org.empty() || live.job.org == org; };
  Activity activity;
  for (const Live* live : running_) {
    if (!is_shown(*live)) continue;
    const std::int64_t elapsed_ms = now_ms - live->job.started_ms.value_or(now_ms);
    activity.running.push_back({live->job.org, live->engine, std::max<std::int64_t>(0, elapsed_ms),
                                slots_.counts_as(live->job.id, steady_ms()), computed(*live)});
  }
  std::stable_sort(activity.running.begin(), activity.running.end(),
                   [](const auto& a, const auto& b) { return a.elapsed_ms > b.elapsed_ms; });
  for (const std::string& id : queue_.first(most_next)) {
    const Live& live = *live_.at(id);
    if (!is_shown(live)) continue;
    activity.next.push_back({live.job.org, std::max<std::int64_t>(0, now_ms - live.waiting_since_ms), computed(live)});
  }
  for (const auto& [name, count] : waiting_.orgs()) {
    if (org.empty() || name == org) activity.waiting.emplace(name, count);
  }
  activity.last_minute = rates_over(minute);
  activity.last_quarter = rates_over(Rate::longest);
  return activity;
}

}  // namespace convd::jobs
