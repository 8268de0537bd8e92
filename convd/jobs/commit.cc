// How a change becomes true: row and event in one transaction, one change of a conversion at a time, told to watchers
// after it.

#include <algorithm>
#include <utility>

#include "convd/jobs/job_record.h"
#include "convd/jobs/log.h"
#include "convd/jobs/manager_impl.h"
#include "convd/loop/crash_point.h"
#include "convd/store/readable.h"
#include "shared/protocol.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;
using shared::Status;

constexpr loop::milliseconds commit_again{1'000};
constexpr std::size_t duration_samples = 4'096;

enum class Written : std::uint8_t { yes, refused };

Result<void> write_change(store::Transaction& transaction, const store::ConversionRow& row,
                          const store::EventRow& event, const std::vector<store::RuntimeRow>& runtimes,
                          const Quarantine::Rows& poisons, Written& written) {
  written = transaction.update(row) ? Written::yes : Written::refused;
  if (written == Written::refused) return {};
  loop::crash_point("change.between_row_and_event");
  transaction.append(event);
  for (const store::RuntimeRow& run : runtimes) transaction.record(run);
  for (const store::PoisonRow& poison : poisons) transaction.put(poison);
  const auto status = shared::status_from(row.status);
  if (status && shared::is_terminal(*status)) transaction.maybe_drop_blob(row.input_sha256);
  return {};
}

bool is_row_of(const store::ConversionRow& row, const Job& job) {
  return row.attempt == job.attempt && row.rev == job.rev && row.status == to_row(job).status;
}

}  // namespace

void Manager::Impl::commit(Live& live, Change change) {
  live.committing = true;
  live.timer.reset();
  ++committing_;
  const std::string id = live.job.id;
  board_.supersede_progress(id, live.job.org);
  const auto written = std::make_shared<Written>(Written::yes);
  const auto kept = std::make_shared<Change>(std::move(change));
  const auto write = [written, row = to_row(kept->next), runtimes = kept->runtimes, poisons = kept->poisons,
                      event = event_of(kept->next, shared::to_string(kept->next.status), wall_ms())](
                         store::Transaction& transaction, store::Files&) {
    return write_change(transaction, row, event, runtimes, poisons, *written);
  };
  auto stored = guarded([this, id, kept, written](Result<void> outcome) {
    --committing_;
    if (!outcome) {
      not_committed(id, std::move(*kept), outcome.error());
    } else if (*written == Written::refused) {
      refused(id, std::move(*kept));
    } else {
      committed(id, std::move(*kept));
    }
    check_drained();
  });
  // A start can wait for room on the disk; an end, or what goes back into the queue, cannot.
  if (kept->next.status == Status::processing) return store_.submit(write, std::move(stored));
  store_.submit_essential(write, std::move(stored));
}

void Manager::Impl::committed(const std::string& id, Change change) {
  Live& live = *this->live(id);
  live.committing = false;
  live.job = std::move(change.next);
  // Whatever a run has published that did not lead to `completed` is nobody's. Behind the publisher, which may still be
  // at it, and before another run.
  const bool has_files = live.job.status == Status::completed || live.job.status == Status::processing;
  if (live.job.attempt > 0 && !has_files) drop_run(live.job);
  publish(live, events::Urgency::state);
  loop::crash_point("change.told");
  if (shared::is_terminal(live.job.status)) {
    bequeath(live);
    return retire(id);
  }
  for (const std::string& follower : twins_.followers_of(id)) attend_soon(follower);
  if (live.cancel_wanted) return commit_cancel(live);
  change.then(live);
}

void Manager::Impl::refused(const std::string& id, Change change) {
  const auto found = store::readable([&] { return store_.conversion(id); });
  const auto row = found ? *found : std::nullopt;
  const Job& next = change.next;
  // It went through although the store could not say so.
  if (row && is_row_of(*row, next)) return committed(id, std::move(change));
  // The store has an end of this conversion, or a later attempt: that one stands.
  log()->error("{}: a write of attempt {} was refused by the store, which has a newer one", id, next.attempt);
  Live& live = *this->live(id);
  if (row) {
    if (auto stored = from_row(*row)) live.job = *std::move(stored);
  }
  live.attempt.reset();
  if (shared::is_terminal(live.job.status)) publish(live, events::Urgency::state);
  retire(id);
}

void Manager::Impl::not_committed(const std::string& id, Change change, const Error& error) {
  log()->error("{}: {} could not be stored, trying again: {}", id, shared::to_string(change.next.status),
               error.message);
  Live& live = *this->live(id);
  if (live.cancel_wanted && change.next.status == Status::processing) {
    const auto row = store::readable([&] { return store_.conversion(id); });
    if (row && *row) {
      // Nothing runs yet, and unlike a start this end needs no room.
      if (is_row_of(**row, change.next)) live.job = std::move(change.next);
      live.committing = false;
      return commit_cancel(live);
    }
  }
  for (const Ended& waiter : std::exchange(live.waiters, {})) waiter(error);
  // With the patience of a drain over, the next start finds the row as it was and runs it again.
  if (patience_over_) return release_slot(live);
  live.timer = loop_.after(
      commit_again, [this, id, change = std::move(change)]() mutable { commit(*this->live(id), std::move(change)); });
}

void Manager::Impl::retire(const std::string& id) {
  const auto place = live_.find(id);
  const std::unique_ptr<Live> live = std::move(place->second);
  leave_queue(*live);
  release_slot(*live);
  leave_twins(id);
  live_.erase(place);
  if (shared::is_terminal(live->job.status)) count_end(*live);
  for (const Ended& waiter : live->waiters) waiter(live->job);
  dispatch();
}

void Manager::Impl::count_end(const Live& live) {
  const Job& job = live.job;
  log()->info("{}: {} after {} run(s): {}", job.id, shared::to_string(job.status), job.attempt, job.message);
  ended_rates_.at(job.status).count(loop_.now());
  ++counters_.finished[{live.engine, std::string(shared::to_string(job.status))}];
  if (job.status == shared::Status::error && job.error_info) {
    ++counters_.errors[std::string(shared::to_string(job.error_info->code))];
  }
  if (job.served_from || job.status != shared::Status::completed || !job.started_ms || !job.completed_ms) return;
  auto& samples = counters_.durations_s[live.engine];
  if (samples.size() >= duration_samples) samples.erase(samples.begin());
  samples.push_back(static_cast<double>(std::max<std::int64_t>(0, *job.completed_ms - *job.started_ms)) / 1000.0);
}

void Manager::Impl::publish(const Live& live, events::Urgency urgency) {
  events::Latest latest;
  latest.frame = std::make_shared<const std::string>(shared::to_json(computed(live)).dump());
  latest.rev = live.job.rev;
  latest.terminal = shared::is_terminal(live.job.status);
  latest.org = live.job.org;
  board_.publish(live.job.id, std::move(latest), urgency);
}

}  // namespace convd::jobs
