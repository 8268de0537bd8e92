#include "convd/realtime/queue_teller.h"

#include <utility>

#include "shared/json.h"

namespace convd::realtime {
namespace {

using shared::Json;

constexpr auto service = shared::Service::queue;
constexpr loop::milliseconds period{1'000};

constexpr int most_places = 10;

Json places_json(const std::vector<jobs::QueuePlace>& places) {
  Json list = Json::array();
  for (const jobs::QueuePlace& place : places) {
    Json item = Json::object();
    item.set("id", place.id).set("position", place.position).set("eta_ms", Json::or_null(place.eta_ms));
    list.push(std::move(item));
  }
  return list;
}

std::string depth_json(const jobs::Capacity& capacity, const jobs::OrgLoad& load,
                       const std::vector<jobs::QueuePlace>& places) {
  Json json = Json::object();
  json.set("slots", capacity.slots)
      .set("short_slots", capacity.short_slots)
      .set("running", capacity.running)
      .set("running_short", capacity.running_short)
      .set("waiting", capacity.waiting)
      .set("wait_ms", Json::or_null(capacity.wait_ms))
      .set("org_running", load.running)
      .set("org_waiting", load.waiting)
      .set("org_wait_ms", Json::or_null(load.wait_ms))
      .set("org_next", places_json(places))
      .set("accepting", load.accepting);
  return json.dump();
}

}  // namespace

QueueTeller::QueueTeller(loop::Loop& loop, const jobs::Manager& manager, events::ProgressSink& sink)
    : manager_(manager), sink_(sink), timer_(loop.every(period, [this] { look(); })) {}

// Who has not listened for a while is forgotten, and so hears at once when it listens again.
void QueueTeller::look() {
  const auto before = std::exchange(told_, {});
  const auto orgs = sink_.listening_orgs(service);
  if (orgs.empty()) return;
  const jobs::Capacity capacity = manager_.capacity();
  for (const std::string& org : orgs) {
    Told told{depth_json(capacity, manager_.load(org), manager_.places(org, most_places)),
              sink_.newcomers(org, service)};
    const auto last = before.find(org);
    if (last == before.end() || last->second != told) sink_.offer({org, service, "queue.depth", "queue", told.depth});
    told_.emplace(org, std::move(told));
  }
}

}  // namespace convd::realtime
