#include "convd/api/realtime_metrics.h"

#include <array>
#include <numeric>

#include "shared/stream.h"

namespace convd::api {
namespace {

using shared::Json;

constexpr std::array<shared::GapReason, 5> gap_reasons{shared::GapReason::expired, shared::GapReason::epoch,
                                                       shared::GapReason::ahead, shared::GapReason::lagged,
                                                       shared::GapReason::damaged};

std::int64_t gaps_of(const events::HubStats& stats, shared::GapReason reason) {
  const auto found = stats.gaps.find(reason);
  return found == stats.gaps.end() ? 0 : found->second;
}

// The upper bound of the bucket in which this share of all deliveries has ended; nothing when that is the last one.
Json lag_ms(const events::HubStats& stats, double share) {
  const auto total = std::accumulate(stats.lag_counts.begin(), stats.lag_counts.end(), std::int64_t{0});
  if (total == 0) return {};
  std::int64_t seen = 0;
  for (std::size_t i = 0; i < events::Hub::lag_bounds_s().size(); ++i) {
    seen += stats.lag_counts[i];
    if (static_cast<double>(seen) >= share * static_cast<double>(total))
      return Json(events::Hub::lag_bounds_s()[i] * 1000);
  }
  return {};
}

}  // namespace

Json realtime_json(realtime::Realtime& realtime) {
  const events::HubStats stats = realtime.log.hub().stats();
  const realtime::ConnectionCounts connections = realtime.connections.counts();
  Json pool = Json::object();
  pool.set("totalSubscriptions", static_cast<std::int64_t>(stats.subscriptions))
      .set("totalConnections", connections.now)
      .set("totalOrgs", static_cast<std::int64_t>(stats.orgs));
  Json gaps = Json::object();
  for (const auto reason : gap_reasons) gaps.set(to_string(reason), gaps_of(stats, reason));
  Json json = Json::object();
  json.set("activeConnections", connections.now)
      .set("totalConnections", connections.ever)
      .set("eventsDelivered", stats.delivered)
      .set("compressedMessages", stats.compressed)
      .set("missedEventsReplayed", stats.replayed)
      .set("connectionPoolStats", std::move(pool))
      .set("eventsConflated", stats.conflated)
      .set("gaps", std::move(gaps))
      .set("slowCloses", connections.slow)
      .set("refusedConnections", connections.refused)
      .set("ringBytes", static_cast<std::int64_t>(stats.ring_bytes))
      .set("deliveryLagMs", std::move(Json::object().set("p50", lag_ms(stats, 0.5)).set("p99", lag_ms(stats, 0.99))));
  return json;
}

void write_realtime(Exposition& out, realtime::Realtime& realtime) {
  const events::HubStats stats = realtime.log.hub().stats();
  const realtime::ConnectionCounts connections = realtime.connections.counts();
  const auto number = [](auto value) { return static_cast<double>(value); };
  out.gauge("convd_realtime_connections",
            "Connections now: to the stream, by any transport, and to watch one conversion.", number(connections.now));
  out.counter("convd_realtime_connections_opened_total", "Such connections since the start.", number(connections.ever));
  out.counter("convd_realtime_connections_refused_total", "Connections refused by a limit or the rollout.",
              number(connections.refused));
  out.gauge("convd_realtime_subscriptions", "Topics that somebody follows, each counted once.",
            number(stats.subscriptions));
  out.gauge("convd_realtime_orgs", "Organisations of which somebody listens.", number(stats.orgs));
  out.counter("convd_realtime_events_delivered_total", "Events given to connections.", number(stats.delivered));
  out.counter("convd_realtime_messages_compressed_total", "Messages sent in compressed form.",
              number(stats.compressed));
  out.counter("convd_realtime_events_replayed_total", "Events told to those who had missed them.",
              number(stats.replayed));
  out.counter("convd_realtime_events_conflated_total", "Progress superseded before it was told.",
              number(stats.conflated));
  out.family("convd_realtime_gaps_total", "counter", "Readers who could not be told everything, by reason.");
  for (const auto reason : gap_reasons) out.sample({{"reason", to_string(reason)}}, number(gaps_of(stats, reason)));
  out.counter("convd_realtime_slow_closes_total", "Connections closed because they took nothing.",
              number(connections.slow));
  out.family("convd_realtime_delivery_lag_seconds", "histogram", "Time from a commit to its delivery.");
  out.histogram({}, Histogram(events::Hub::lag_bounds_s(), stats.lag_counts, stats.lag_sum_s));
  out.gauge("convd_realtime_ring_bytes", "Memory of the events kept for delivery.", number(stats.ring_bytes));
}

}  // namespace convd::api
