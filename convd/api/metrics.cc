#include "convd/api/metrics.h"

#include <chrono>

namespace convd::api {
namespace {

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

}  // namespace

void write_counters(Exposition& out, const jobs::Counters& counters) {
  out.counter("convd_conversions_submitted_total", "Conversions accepted.", as_double(counters.submitted));
  out.family("convd_conversions_total", "counter", "Conversions that have ended, by first engine and outcome.");
  std::int64_t completed = 0;
  for (const auto& [key, count] : counters.finished) {
    out.sample({{"engine", key.engine}, {"outcome", key.outcome}}, as_double(count));
    if (key.outcome == shared::to_string(shared::Status::completed)) completed += count;
  }
  out.counter("convd_conversions_succeeded_total", "Conversions that have completed, of all engines.",
              as_double(completed));
  out.family("convd_conversion_errors_total", "counter", "Conversions that ended in error, by code.");
  for (const auto& [code, count] : counters.errors) out.sample({{"code", code}}, as_double(count));
  out.counter("convd_attempts_total", "Runs of conversions started.", as_double(counters.attempts));
  out.counter("convd_attempt_retries_total", "Runs started again after a failed one.", as_double(counters.retries));
  out.counter("convd_conversions_recovered_total", "Conversions found running at start and queued again.",
              as_double(counters.recovered));
  out.family("convd_reuse_total", "counter",
             "Conversions completed without a run of their own: with a stored result, or by the run of a twin.");
  out.sample({{"kind", "cache"}}, as_double(counters.reused_cache));
  out.sample({{"kind", "run"}}, as_double(counters.reused_run));
  out.counter("convd_idempotent_replays_total", "Submissions answered as repetitions of an earlier one.",
              as_double(counters.replays));
}

void write_queue(Exposition& out, const jobs::Capacity& capacity, std::optional<std::int64_t> oldest_waiting_ms) {
  out.gauge("convd_slots", "Conversions that can run at once.", capacity.slots);
  out.gauge("convd_short_slots", "Conversions that can run beside those, short ones only.", capacity.short_slots);
  out.gauge("convd_slots_busy", "Conversions that run now, of both classes.", capacity.running);
  out.gauge("convd_slots_busy_short", "Conversions that run now and count as short.", capacity.running_short);
  out.gauge("convd_queue_depth", "Conversions that wait.", capacity.waiting);
  out.gauge("convd_queue_oldest_seconds", "Age of the oldest waiting conversion, 0 when none waits.",
            as_double(oldest_waiting_ms.value_or(0)) / 1000);
  out.gauge("convd_accepting", "1 when new conversions are accepted.", capacity.accepting ? 1 : 0);
}

void write_storage(Exposition& out, const jobs::StorageFacts& facts) {
  out.gauge("convd_stored_documents", "Documents in the libraries.", as_double(facts.stored.documents));
  out.gauge("convd_stored_document_bytes", "Their size.", as_double(facts.stored.document_bytes));
  out.gauge("convd_stored_results", "Conversions whose results are stored.", as_double(facts.stored.results));
  out.gauge("convd_stored_result_bytes", "The size of these results.", as_double(facts.stored.result_bytes));
  out.family("convd_results_removed_total", "counter", "Results removed by retention, by reason.");
  for (const auto& [reason, count] : facts.results_removed) out.sample({{"reason", reason}}, as_double(count));
  out.counter("convd_documents_expired_total", "Documents removed because nobody used them.",
              as_double(facts.documents_removed));
  out.counter("convd_conversions_expired_total", "Ended conversions removed because they are old.",
              as_double(facts.conversions_removed));
  out.family("convd_leftovers_removed_total", "counter", "Files removed that nobody owned, by kind.");
  for (const auto& [kind, count] : facts.leftovers) out.sample({{"kind", kind}}, as_double(count));
  out.counter("convd_results_damaged_total", "Results asked for that were not what had been stored.",
              as_double(facts.results_damaged));
  out.gauge("convd_disk_free_bytes", "Free space below the state directory.", as_double(facts.free_bytes));
  out.gauge("convd_disk_accepting", "1 when there is room for new work.", facts.accepting ? 1 : 0);
  out.gauge("convd_disk_reserve_spent", "1 while the space held back for a full disk is given away.",
            facts.reserve_spent ? 1 : 0);
}

void write_store(Exposition& out, const store::StoreStats& stats) {
  out.counter("convd_store_commits_total", "Transactions committed.", as_double(stats.commits));
  out.counter("convd_store_operations_total", "Operations committed; several share a transaction.",
              as_double(stats.operations));
  out.counter("convd_store_failures_total", "Operations that failed.", as_double(stats.failed));
  out.gauge("convd_store_queue_depth", "Operations that wait for the writer.", as_double(stats.queued));
  out.gauge("convd_store_last_commit_seconds", "Time the last commit took.", as_double(stats.last_commit_us) / 1e6);
}

void write_runner(Exposition& out, const process::RunnerState& state) {
  out.gauge("convd_runner_up", "1 when the runner can start conversions.",
            state.connected && state.problem.empty() ? 1 : 0);
  out.gauge("convd_runner_sandboxed", "1 when conversions run in the sandbox.", state.sandboxed ? 1 : 0);
}

void write_process(Exposition& out, const ProcessStats& stats, loop::WallTime started) {
  const double started_s = std::chrono::duration<double>(started.time_since_epoch()).count();
  out.counter("process_cpu_seconds_total", "User and system CPU time used.", stats.cpu_seconds);
  out.gauge("process_resident_memory_bytes", "Resident memory.", as_double(stats.resident_bytes));
  out.gauge("process_virtual_memory_bytes", "Virtual memory.", as_double(stats.virtual_bytes));
  out.gauge("process_open_fds", "Open file descriptors.", as_double(stats.open_fds));
  out.gauge("process_max_fds", "Limit of open file descriptors.", as_double(stats.max_fds));
  out.gauge("process_threads", "Threads.", as_double(stats.threads));
  out.gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.", started_s);
}

}  // namespace convd::api
