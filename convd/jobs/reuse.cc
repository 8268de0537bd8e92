// The same work is done once: what an earlier conversion has come to is taken from the store, and of those that live at
// the same time one runs and the others go through what it goes through.

#include <algorithm>
#include <utility>

#include "convd/jobs/identity.h"
#include "convd/jobs/inheritance.h"
#include "convd/jobs/job_record.h"
#include "convd/jobs/log.h"
#include "convd/jobs/manager_impl.h"
#include "convd/loop/crash_point.h"
#include "convd/store/readable.h"

namespace convd::jobs {
namespace {

using shared::Result;
using shared::ResultInfo;
using shared::Status;

constexpr int most_attended_at_once = 64;

// Who may run for a different time is not the same work: it may end in another way.
std::string twin_key(const Job& job) {
  return *job.reuse_key + " " + std::to_string(job.attempt_timeout_ms.value_or(0)) + " " +
         std::to_string(job.stall_timeout_ms.value_or(0)) + " " + job.org;
}

}  // namespace

std::optional<std::string> Manager::Impl::reuse_key_of(const Job& job, const Route& route) {
  if (!settings_.reuse) return std::nullopt;
  Work work{job.input_sha256, job.from, job.to, job.options, {}, fonts_.stamp()};
  for (const RouteStep& step : route) {
    const auto& engines = registry_.engines();
    const auto state = std::find_if(engines.begin(), engines.end(),
                                    [&](const engines::EngineState& known) { return known.engine == step.engine; });
    const std::string version = state == engines.end() ? "" : state->version;
    work.route.push_back({step.engine->name(), version, step.from, step.to});
  }
  return reuse_key(work);
}

std::optional<Job> Manager::Impl::stored_result_for(const Job& job) {
  if (!settings_.reuse || !job.reuse_key) return std::nullopt;
  const auto row = store::readable([&] { return store_.reusable(job.org, *job.reuse_key); });
  if (!row || !*row) return std::nullopt;
  auto source = from_row(**row);
  if (!source || !source->result) return std::nullopt;
  return *std::move(source);
}

void Manager::Impl::served(Admission& admission, const Accepted& done) {
  ++counters_.submitted;
  ++counters_.reused_cache;
  accepted_rate_.count(loop_.now());
  Live live;
  live.job = std::move(admission.job);
  live.engine = std::move(admission.engine);
  count_end(live);
  loop::crash_point("reuse.before_answer");
  done(to_status_object(live.job));
  loop::crash_point("reuse.answered");
}

void Manager::Impl::join_twins(Live& live) {
  const Job& job = live.job;
  if (!settings_.reuse || !job.reuse_key || twins_.join(twin_key(job), job.id, job.priority)) return;
  log()->info("{}: the same work as {}, waiting for that", job.id, *twins_.leader_of(job.id));
  Live& leader = *this->live(*twins_.leader_of(job.id));
  if (job.priority > leader.queued_priority && queue_.remove(leader.job.id)) stand_in_line(leader);
}

const Manager::Impl::Live* Manager::Impl::leader_of(const Live& live) const {
  const auto leader = twins_.leader_of(live.job.id);
  return leader ? live_.at(*leader).get() : nullptr;
}

// In a later turn, some at a time: there may be thousands.
void Manager::Impl::attend_soon(const std::string& id) {
  to_attend_.push_back(id);
  if (to_attend_.size() == 1) loop_.post(guarded([this] { attend_some(); }));
}

void Manager::Impl::attend_some() {
  for (int i = 0; i < most_attended_at_once && !to_attend_.empty(); ++i) {
    const std::string id = std::move(to_attend_.front());
    // One that may stay for a while: attend_soon() posts only when it finds none.
    if (Live* found = live(id)) attend(*found);
    to_attend_.pop_front();
  }
  if (!to_attend_.empty()) return loop_.post(guarded([this] { attend_some(); }));
  check_drained();
}

// Brings a twin a step nearer to where it should be by now. Comes again after each step.
void Manager::Impl::attend(Live& live) {
  if (live.committing || live.cancel_wanted) return;
  if (live.source) return take_inheritance(live);
  if (live.takes_lead) return take_lead(live);
  if (const Live* leader = leader_of(live)) follow(live, *leader);
}

void Manager::Impl::follow(Live& live, const Live& leader) {
  if (live.job.status == leader.job.status) return;
  const Job& job = live.job;
  const auto on = [this](Live& changed) { attend(changed); };
  Job next = job;
  next.failures = std::max(next.failures, leader.job.failures);
  if (leader.job.status == Status::processing) {
    if (!start(next, wall_ms(), leader.job.stage.value_or(shared::Stage{}), leader.job.message)) return;
    if (live.deadline) deadlines_.remove(job.id, *live.deadline);
    waiting_.leave(live.waiting_since_ms, job.id, job.org);
    following_.enter(live.waiting_since_ms, job.id, job.org);
  } else {
    if (!requeue(next, Requeue::interrupted, leader.job.message)) return;
    following_.leave(live.waiting_since_ms, job.id, job.org);
    waiting_.enter(live.waiting_since_ms, job.id, job.org);
  }
  commit(live, {std::move(next), {}, {}, on});
}

void Manager::Impl::take_lead(Live& live) {
  live.takes_lead = false;
  following_.leave(live.waiting_since_ms, live.job.id, live.job.org);
  if (live.job.status == Status::processing)
    return run_again(live, Requeue::interrupted, loop::milliseconds(0), "Queued again", {});
  enqueue(live);
  dispatch();
}

void Manager::Impl::leave_twins(const std::string& id) {
  const auto next = twins_.leave(id);
  if (!next) return;
  live(*next)->takes_lead = true;
  attend_soon(*next);
}

// A cancel or a deadline is of one alone; how a run has ended is of all.
void Manager::Impl::bequeath(const Live& live) {
  const Status status = live.job.status;
  if (status != Status::completed && (status != Status::error || live.ends_alone)) return;
  const auto followers = twins_.disband(live.job.id);
  if (followers.empty()) return;
  const auto source = std::make_shared<const Job>(live.job);
  for (const std::string& id : followers) {
    Live& follower = *this->live(id);
    follower.source = source;
    follower.reuse = Reuse::run;
    attend_soon(id);
  }
}

void Manager::Impl::take_inheritance(Live& live) {
  const Job& job = live.job;
  if (live.deadline) deadlines_.remove(job.id, *live.deadline);
  if (live.source->status == Status::error) {
    Job next = job;
    next.receipt = live.source->receipt;
    if (fail(next, live.source->error_info.value_or(shared::ErrorInfo{}), live.source->error.value_or(""), wall_ms()))
      commit(live, {std::move(next), {}, {}, {}});
    return;
  }
  live.committing = true;
  ++committing_;
  const auto result = std::make_shared<Result<ResultInfo>>(ResultInfo{});
  const auto link = [result, source = live.source, id = job.id, filename = job.filename](store::Files& files) {
    *result = inherit_result(files, *source, id, filename);
    return Result<void>();
  };
  store_.submit(link, nullptr, guarded([this, id = job.id, result](const Result<void>& outcome) {
                  --committing_;
                  inherited(id, outcome ? std::move(*result) : Result<ResultInfo>(outcome.error()));
                  check_drained();
                }));
}

void Manager::Impl::inherited(const std::string& id, Result<ResultInfo> result) {
  Live& live = *this->live(id);
  live.committing = false;
  if (live.cancel_wanted) {
    if (result) remove_files(id, nullptr);
    return commit_cancel(live);
  }
  if (result) {
    ++(live.reuse == Reuse::cache ? counters_.reused_cache : counters_.reused_run);
    Job next = live.job;
    if (inherit(next, *live.source, *std::move(result), live.reuse, wall_ms()))
      commit(live, {std::move(next), {}, {}, {}});
    return;
  }
  log()->warn("{}: the result of {} is of no use, converting anew: {}", id, live.source->id, result.error().message);
  live.source.reset();
  live.reuse = Reuse::none;
  join_twins(live);
  take_lead(live);
}

// What watchers of a follower see of a run. Not while a change of its own is on its way, which has its rev already.
bool Manager::Impl::keep_up(Live& follower) {
  const Live* leader = leader_of(follower);
  if (leader == nullptr || follower.committing || !leader->job.stage) return false;
  return report(follower.job, {leader->job.progress, leader->job.message, *leader->job.stage});
}

void Manager::Impl::tell_followers(const std::string& leader) {
  for (const std::string& id : twins_.followers_of(leader)) {
    Live& follower = *live(id);
    if (keep_up(follower) && board_.is_watched(id, follower.job.org)) publish(follower, events::Urgency::progress);
  }
  live(leader)->telling.reset();
}

}  // namespace convd::jobs
