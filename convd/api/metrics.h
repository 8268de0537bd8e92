#pragma once
// The whole of GET /metrics. Loop thread only.

#include <string>

#include "convd/api/durations.h"
#include "convd/api/process_stats.h"
#include "convd/api/prometheus.h"
#include "convd/api/services.h"

namespace convd::api {

std::string metrics_text(const Services& services, const Durations& durations, loop::WallTime started);

// Its families, each from plain values.
void write_counters(Exposition& out, const jobs::Counters& counters);
void write_queue(Exposition& out, const jobs::Capacity& capacity, std::optional<std::int64_t> oldest_waiting_ms);
void write_storage(Exposition& out, const jobs::StorageFacts& facts);
void write_store(Exposition& out, const store::StoreStats& stats);
void write_runner(Exposition& out, const process::RunnerState& state);
void write_process(Exposition& out, const ProcessStats& stats, loop::WallTime started);

}  // namespace convd::api
