#include "convd/realtime/queue_teller.h"

#include <utility>

#include "shared/json.h"

namespace convd::realtime {
namespace {

using shared::Json;

constexpr auto service = shared::Service::queue;
constexpr loop::milliseconds period{1'000};

std::string depth_json(const jobs::Capacity& capacity, const jobs::OrgLoad& load) {
  Json json = Json::object();
  json.set("slots", capacity.slots)
      .set("running", capacity.running)
      .set("waiting", capacity.waiting)
      .set("wait_ms", Json::or_null(capacity.wait_ms))
      .set("org_running", load.running)
      .set("org_waiting", load.waiting)
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
    Told told{depth_json(capacity, manager_.load(org)), sink_.newcomers(org, service)};
    const auto last = before.find(org);
    if (last == before.end() || last->second != told) sink_.offer({org, service, "queue.depth", "queue", told.depth});
    told_.emplace(org, std::move(told));
  }
}

}  // namespace convd::realtime
