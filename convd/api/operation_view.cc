#include "convd/api/operation_view.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "convd/api/process_stats.h"
#include "convd/loop/wall_clock.h"
#include "shared/enum_names.h"
#include "shared/time.h"
#include "shared/version.h"

namespace convd::api {
namespace {

using shared::Json;

constexpr std::array<std::string_view, 3> operation_names{"running", "paused", "draining"};
constexpr std::size_t most_orgs = 50;

void add_operation(Json& json, const Services& services) {
  const jobs::OperationState state = services.manager.operation();
  const auto uptime = std::chrono::duration_cast<loop::milliseconds>(services.loop.now() - services.started);
  json.set("state", shared::name_of(operation_names, state.operation))
      .set("since", shared::to_rfc3339(state.since_ms))
      .set("stopping", state.stopping)
      .set("idle", state.idle)
      .set("uptime_ms", static_cast<std::int64_t>(uptime.count()));
}

Json rate_json(const jobs::Activity::Rate& rate) {
  Json json = Json::object();
  json.set("accepted", rate.accepted)
      .set("completed", rate.completed)
      .set("error", rate.error)
      .set("cancelled", rate.cancelled);
  return json;
}

Json slots_json(const jobs::Capacity& capacity) {
  Json json = Json::object();
  json.set("total", capacity.slots)
      .set("short", capacity.short_slots)
      .set("running", capacity.running)
      .set("running_short", capacity.running_short);
  return json;
}

Json queue_json(const Services& services, const jobs::Capacity& capacity) {
  Json json = Json::object();
  json.set("waiting", capacity.waiting)
      .set("limit", services.manager.settings().queue_limit)
      .set("wait_ms", Json::or_null(capacity.wait_ms))
      .set("oldest_ms", Json::or_null(services.manager.oldest_waiting_ms()))
      .set("accepting", capacity.accepting);
  return json;
}

Json store_json(const store::StoreStats& stats) {
  Json json = Json::object();
  json.set("commits", stats.commits).set("queued", stats.queued).set("last_commit_us", stats.last_commit_us);
  return json;
}

Json running_json(const jobs::Activity& activity) {
  Json items = Json::array();
  for (const auto& run : activity.running) {
    Json json = Json::object();
    json.set("org", run.org)
        .set("engine", run.engine)
        .set("elapsed_ms", run.elapsed_ms)
        .set("class", run.length == jobs::Length::short_work ? "short" : "long")
        .set("conversion", shared::to_json(run.status));
    items.push(std::move(json));
  }
  return items;
}

Json next_json(const jobs::Activity& activity) {
  Json items = Json::array();
  for (const auto& waiting : activity.next) {
    Json json = Json::object();
    json.set("org", waiting.org).set("waited_ms", waiting.waited_ms).set("conversion", shared::to_json(waiting.status));
    items.push(std::move(json));
  }
  return items;
}

// Those with the most first.
Json orgs_json(const jobs::Activity& activity) {
  std::vector<std::pair<std::string, int>> orgs(activity.waiting.begin(), activity.waiting.end());
  std::stable_sort(orgs.begin(), orgs.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (orgs.size() > most_orgs) orgs.resize(most_orgs);
  Json items = Json::array();
  for (const auto& [org, waiting] : orgs) {
    items.push(std::move(Json::object().set("org", org).set("waiting", waiting)));
  }
  return items;
}

}  // namespace

Json control_json(const Services& services) {
  const jobs::Capacity capacity = services.manager.capacity();
  Json json = Json::object();
  add_operation(json, services);
  json.set("log_level", services.control.log_level())
      .set("running", capacity.running)
      .set("waiting", capacity.waiting)
      .set("version", shared::version);
  return json;
}

Json activity_json(const Services& services, const Caller& caller) {
  const jobs::Capacity capacity = services.manager.capacity();
  const bool operates = caller.role == Role::operator_;
  const jobs::Activity activity = services.manager.activity(operates ? "" : caller.org);
  Json json = Json::object();
  json.set("time", shared::to_rfc3339(loop::wall_ms(services.loop)));
  add_operation(json, services);
  json.set("all_orgs", operates)
      .set("slots", slots_json(capacity))
      .set("queue", queue_json(services, capacity))
      .set("per_minute", std::move(Json::object()
                                       .set("last_1_minute", rate_json(activity.last_minute))
                                       .set("last_15_minutes", rate_json(activity.last_quarter))))
      .set("store", store_json(services.store.stats()))
      .set("resident_bytes", read_process_stats().resident_bytes)
      .set("running", running_json(activity))
      .set("next", next_json(activity))
      .set("waiting_by_org", orgs_json(activity));
  return json;
}

std::vector<std::pair<std::string, std::string>> problems_of(const Services& services) {
  auto problems = services.manager.problems();
  auto more = services.control.problems();
  problems.insert(problems.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return problems;
}

}  // namespace convd::api
