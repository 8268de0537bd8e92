#include "convd/config_change.h"

#include <algorithm>

#include "convd/config_keys.h"

namespace convd {
namespace {

bool is_live(const std::string& key) {
  const auto& live = live_keys();
  return std::find(live.begin(), live.end(), key) != live.end();
}

}  // namespace

const std::vector<std::string_view>& live_keys() {
  static const std::vector<std::string_view> names{
      "log_level",
      "drain_timeout",
      "auth.key",
      "auth.audience",
      "auth.issuer",
      "auth.leeway",
      "trusted_proxies",
      "allow_host",
      "allow_origin",
      "cors_origin",
      "limit.requests",
      "limit.bytes",
      "limit.handshakes",
      "limit.address_requests",
      "limit.address_bytes",
      "limit.address_handshakes",
      "limit.connections",
      "limit.local",
      "slots",
      "short_slots",
      "short_cost",
      "slots_per_org",
      "org_weight",
      "queue_limit",
      "queue_limit_per_org",
      "attempt_timeout",
      "stall_timeout",
      "attempts",
      "quarantine_crashes",
      "quarantine",
      "output_limit",
      "output_files",
      "input_pages",
      "input_pixels",
      "input_duration",
      "archive_entries",
      "archive_size",
      "archive_ratio",
      "reuse",
      "idempotency_window",
      "disk_floor",
      "keep_results",
      "results_limit",
      "keep_documents",
      "keep_history",
      "org_quota",
      "org_quota_of",
      "realtime.enabled",
      "realtime.rollout_percent",
      "realtime.users",
      "realtime.connections",
      "realtime.connections_per_principal",
      "realtime.retention",
      "realtime.retention_events",
  };
  return names;
}

std::vector<api::KeyChange> differences(const Config& in_force, const Config& fresh) {
  using Effect = api::KeyChange::Effect;
  std::vector<api::KeyChange> changes;
  for (const Key& key : keys()) {
    std::string from = key.get(in_force);
    std::string to = key.get(fresh);
    if (from == to) continue;
    changes.push_back({key.name, std::move(from), std::move(to), is_live(key.name) ? Effect::now : Effect::restart});
  }
  return changes;
}

void take_over(Config& in_force, const Config& fresh) {
  for (const Key& key : keys()) {
    if (is_live(key.name)) key.copy(in_force, fresh);
  }
}

}  // namespace convd
