// Start and stop of the daemon: what a crash left is taken up, what still runs at the end is put back.

#include <utility>

#include "convd/jobs/job_record.h"
#include "convd/jobs/log.h"
#include "convd/jobs/manager_impl.h"
#include "convd/loop/crash_point.h"

namespace convd::jobs {
namespace {

using shared::Result;

constexpr int runtimes_learned = 5'000;

// Enough of a job to end a row that cannot be read.
Job unreadable(const store::ConversionRow& row) {
  store::ConversionRow plain = row;
  plain.status = "pending";
  plain.options_json = "{}";
  plain.labels_json = "{}";
  plain.error_info_json.reset();
  plain.result_json.reset();
  Job job;
  if (auto read = from_row(plain)) job = *std::move(read);
  return job;
}

}  // namespace

void Manager::Impl::recover(std::function<void(Result<void>)> done) {
  const auto rows = store_.unfinished();
  fonts_.look();
  estimator_.learn_all(store_.recent_runtimes(runtimes_learned));
  const auto expired = quarantine_.load(store_.poisons(Quarantine::most_rows), wall_ms());

  const auto found = std::make_shared<Found>();
  for (const auto& row : rows) {
    auto job = from_row(row);
    if (!job) {
      log()->error("{}", job.error().message);
      found->changed.push_back(unreadable(row));
      const shared::ErrorInfo info{shared::ErrorCode::internal, true, {}, {}};
      if (!fail(found->changed.back(), info, "The stored conversion could not be read", wall_ms()))
        found->changed.pop_back();
      continue;
    }
    if (convd::jobs::recover(*job)) found->changed.push_back(*job);
    found->waiting.push_back(*std::move(job));
  }
  const auto write = [found, expired, now_ms = wall_ms()](store::Transaction& transaction,
                                                          store::Files&) -> Result<void> {
    for (const Job& job : found->changed) {
      if (transaction.update(to_row(job))) transaction.append(event_of(job, shared::to_string(job.status), now_ms));
    }
    for (const store::PoisonRow& poison : expired) transaction.put(poison);
    return {};
  };
  store_.submit_essential(write, guarded([this, found, done = std::move(done)](Result<void> outcome) {
                            loop::crash_point("recovery.committed");
                            if (outcome) take_up(*found);
                            done(std::move(outcome));
                          }));
}

void Manager::Impl::take_up(Found& found) {
  counters_.recovered += static_cast<std::int64_t>(found.changed.size());
  for (Job& job : found.waiting) {
    Live& live = adopt(std::move(job));
    // What an interrupted run has published is nobody's; it goes before the next run publishes.
    if (live.job.attempt > 0) remove_files(live.job.id, nullptr);
    if (const auto route = planner_.plan(live.job.from, live.job.to)) {
      live.cost = cost_of(estimator_, *route, live.job.input_bytes);
      live.engine = route->front().engine->name();
    }
    live.deadline = deadline_of(live.job, wall_ms());
    // A twin of it may have completed just before the end.
    if (auto source = stored_result_for(live.job)) {
      live.source = std::make_shared<const Job>(*std::move(source));
      live.reuse = Reuse::cache;
    } else {
      join_twins(live);
    }
    enqueue(live);
    publish(live, events::Urgency::state);
  }
  if (!found.waiting.empty()) log()->info("took up {} unfinished conversion(s)", found.waiting.size());
  recovered_ = true;
  sweep_.start();
  retention_.start();
  probe_.start();
  prune_keys();
  dispatch();
}

void Manager::Impl::drain(loop::milliseconds patience, std::function<void()> drained) {
  loop::crash_point("drain.begun");
  draining_ = true;
  operation_since_ms_ = wall_ms();
  drained_ = std::move(drained);
  patience_ = loop_.after(patience, [this] { patience_is_over(); });
  log()->info("draining: {} conversion(s) run, {} wait for the next start", running(), waiting_.size());
  check_drained();
}

void Manager::Impl::patience_is_over() {
  patience_over_ = true;
  for (const auto& [id, live] : live_) {
    if (live->attempt) live->attempt->stop();
    // A change that could not be stored is not tried any further: the row is as it was, and is run again.
    if (live->committing && live->timer) {
      live->timer.reset();
      release_slot(*live);
    }
  }
  check_drained();
}

void Manager::Impl::check_drained() {
  if ((!drained_ && !idle_) || !is_idle()) return;
  if (!patience_over_ && has_unstored_changes()) return;
  if (idle_) loop_.post(guarded(std::exchange(idle_, nullptr)));
  if (!drained_) return;
  loop::crash_point("drain.done");
  patience_.reset();
  loop_.post(guarded(std::exchange(drained_, nullptr)));
}

bool Manager::Impl::has_unstored_changes() const {
  for (const auto& [id, live] : live_) {
    if (live->committing) return true;
  }
  return false;
}

}  // namespace convd::jobs
