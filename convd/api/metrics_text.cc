#include "convd/api/metrics.h"
#include "convd/api/realtime_metrics.h"
#include "shared/version.h"

namespace convd::api {
namespace {

void write_board(Exposition& out, const events::Board& board) {
  out.gauge("convd_watchers", "WebSockets and long polls that watch a conversion now.",
            static_cast<double>(board.watchers()));
  out.gauge("convd_watched_conversions", "Conversions watched now.", static_cast<double>(board.topics()));
  out.counter("convd_events_delivered_total", "Changes told to watchers.", static_cast<double>(board.delivered()));
}

void write_engines(Exposition& out, const engines::Registry& registry) {
  out.family("convd_engine_available", "gauge", "1 when an engine is installed and works.");
  for (const engines::EngineState& state : registry.engines()) {
    out.sample({{"engine", state.engine->name()}, {"version", state.version}}, state.available ? 1 : 0);
  }
}

void write_audit(Exposition& out, const trust::AuditCounts& counts) {
  out.counter("convd_audit_lines_total", "Lines written to the audit log.", static_cast<double>(counts.written));
  out.counter("convd_audit_lost_total", "Lines that could not be written to it.", static_cast<double>(counts.lost));
  out.counter("convd_audit_omitted_total", "Refusals that it tells by their number only.",
              static_cast<double>(counts.omitted));
}

}  // namespace

std::string metrics_text(const Services& services, const Durations& durations, loop::WallTime started) {
  Exposition out;
  out.family("convd_build_info", "gauge", "The version, as a label.").sample({{"version", shared::version}}, 1);
  services.http.write(out);
  services.edge.write(out);
  write_audit(out, services.audit.counts());
  write_board(out, services.manager.board());
  write_realtime(out, services.realtime);
  write_counters(out, services.manager.counters());
  durations.write(out);
  write_queue(out, services.manager.capacity(), services.manager.oldest_waiting_ms());
  write_storage(out, services.manager.storage());
  write_store(out, services.store.stats());
  write_runner(out, services.manager.runner_state());
  write_engines(out, services.manager.registry());
  write_process(out, read_process_stats(), started);
  return out.take();
}

}  // namespace convd::api
