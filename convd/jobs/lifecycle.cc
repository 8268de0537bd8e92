// The life of a conversion between its acceptance and its end.

#include <algorithm>
#include <utility>

#include "convd/jobs/job_record.h"
#include "convd/jobs/log.h"
#include "convd/jobs/manager_impl.h"
#include "convd/loop/crash_point.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Status;

constexpr loop::milliseconds runner_poll{500};

}  // namespace

Manager::Impl::Live* Manager::Impl::live(const std::string& id) {
  const auto found = live_.find(id);
  return found == live_.end() ? nullptr : found->second.get();
}

Manager::Impl::Live& Manager::Impl::adopt(Job job) {
  const std::string id = job.id;
  auto& place = live_[id] = std::make_unique<Live>();
  place->job = std::move(job);
  return *place;
}

void Manager::Impl::enqueue(Live& live) {
  const Job& job = live.job;
  if (live.waiting_since_ms == 0) live.waiting_since_ms = wall_ms();
  waiting_.enter(live.waiting_since_ms, job.id, job.org);
  if (live.deadline && job.attempt == 0) {
    deadlines_.add(job.id, *live.deadline);
    arm_deadline();
  }
  if (live.source || leader_of(live) != nullptr) return attend_soon(job.id);
  stand_in_line(live);
}

void Manager::Impl::stand_in_line(Live& live) {
  const Job& job = live.job;
  live.queued_priority = twins_.priority_of(job.id, job.priority);
  queue_.push({job.id, job.org, live.queued_priority, live.cost.ms, live.cost.known, slots_.length_of(live.cost.ms)});
}

void Manager::Impl::leave_queue(Live& live) {
  queue_.remove(live.job.id);
  waiting_.leave(live.waiting_since_ms, live.job.id, live.job.org);
  following_.leave(live.waiting_since_ms, live.job.id, live.job.org);
  live.waiting_since_ms = 0;
  live.timer.reset();
  if (live.deadline) deadlines_.remove(live.job.id, *live.deadline);
}

bool Manager::Impl::can_run() {
  const process::RunnerState state = spawner_.state();
  const bool exhausted = disk_.is_exhausted();
  if (state.connected && state.problem.empty() && !exhausted) return true;
  if (!runner_poll_) {
    log()->warn("conversions wait: {}", !state.problem.empty() ? state.problem
                                        : exhausted            ? "the disk is full"
                                                               : "the runner is away");
    runner_poll_ = loop_.every(runner_poll, [this] { dispatch(); });
  }
  return false;
}

void Manager::Impl::dispatch() {
  if (!recovered_ || draining_ || operation_ != Operation::running || queue_.size() == 0 ||
      slots_.room(steady_ms()) == Room::none || !can_run())
    return;
  runner_poll_.reset();
  const auto may_take = [this](const std::string& org) { return slots_.is_open_to(org); };
  while (const auto next = queue_.pop(slots_.room(steady_ms()), may_take)) begin(*live(next->id));
}

void Manager::Impl::begin(Live& live) {
  leave_queue(live);
  Job next = live.job;
  // Planned anew: an engine may have come or gone since the conversion was accepted.
  const auto route = planner_.plan(next.from, next.to);
  if (!route) {
    const shared::ErrorInfo info{route.error().code, shared::is_retryable(route.error().code), {}, {}};
    return end_unrun(live, info, route.error().message);
  }
  if (auto refusal = kept_away(next)) return end_kept_away(live, *std::move(refusal));
  const ProgressReport first = Track(*route, next.filename).enter(0);
  if (!start(next, wall_ms(), first.stage, first.message)) return;
  running_.push_back(&live);
  slots_.take(live.job.id, live.job.org, live.cost.ms, steady_ms());
  live.most_at_once = 1;
  for (Live* each : running_) each->most_at_once = std::max(each->most_at_once, running());
  commit(live, {std::move(next), {}, {}, [this](Live& started) { launch(started); }});
}

void Manager::Impl::launch(Live& live) {
  const Job& job = live.job;
  auto route = planner_.plan(job.from, job.to);
  if (!route || patience_over_) {
    release_slot(live);
    Outcome stopped;
    stopped.kind = Outcome::Kind::stopped;
    return settle(live, std::move(stopped));
  }
  ++counters_.attempts;
  AttemptPlan plan;
  plan.id = job.id;
  plan.attempt = job.attempt;
  plan.filename = job.filename;
  plan.input_sha256 = job.input_sha256;
  plan.input_bytes = job.input_bytes;
  plan.to = job.to;
  plan.route = *std::move(route);
  plan.options = job.options;
  plan.attempt_timeout = loop::milliseconds(job.attempt_timeout_ms.value_or(settings_.attempt_timeout_ms));
  plan.stall_timeout = loop::milliseconds(job.stall_timeout_ms.value_or(settings_.stall_timeout_ms));
  plan.output_bytes = settings_.output_bytes;
  plan.output_files = settings_.output_files;
  plan.input_limits = settings_.input_limits;
  // A long document may use the slots that nobody waits for.
  if (queue_.size() == 0) plan.processes += slots_.lend(job.id);
  live.engine = plan.route.front().engine->name();
  live.attempt = std::make_unique<Attempt>(
      Attempt::World{loop_, store_, spawner_, estimator_, registry_.formats()}, std::move(plan),
      Attempt::Hooks{[this, id = job.id](const ProgressReport& news) { reported(id, news); },
                     [this, id = job.id](Outcome outcome) { attempt_ended(id, std::move(outcome)); }});
  loop::crash_point("attempt.before_start");
  live.attempt->start();
  loop::crash_point("attempt.started");
}

void Manager::Impl::reported(const std::string& id, const ProgressReport& news) {
  Live& live = *this->live(id);
  // Written out for watchers only: an engine may report a thousand pages a second.
  if (!report(live.job, news)) return;
  if (board_.is_watched(id, live.job.org)) publish(live, events::Urgency::progress);
  if (!live.telling && twins_.is_followed(id))
    live.telling = loop_.after(events::Board::progress_interval, [this, id] { tell_followers(id); });
}

void Manager::Impl::release_slot(Live& live) {
  if (std::erase(running_, &live) == 0) return;
  slots_.release(live.job.id);
  if (queue_.size() > 0) return drain_rate_.freed(steady_ms());
  drain_rate_.emptied();
  if (running_.empty()) queue_.forget_accounts();
}

void Manager::Impl::cancel(const std::string& org, const std::string& id, Accepted done) {
  const auto answer = [this, &done](Error error) {
    loop_.post(guarded([done = std::move(done), error = std::move(error)] { done(error); }));
  };
  const auto job = find(org, id);
  if (!job) return answer(job.error());
  Live* found = live(id);
  const Error finished{ErrorCode::already_finished, "the conversion has already ended", {}};
  if (found == nullptr) return answer(finished);
  found->waiters.emplace_back([done = std::move(done), finished](const shared::Result<Job>& ended) {
    if (!ended) return done(ended.error());
    if (ended->status != Status::cancelled) return done(finished);
    done(to_status_object(*ended));
  });
  found->cancel_wanted = true;
  if (found->committing) return;
  if (found->attempt) return found->attempt->stop();
  commit_cancel(*found);
}

void Manager::Impl::commit_cancel(Live& live) {
  leave_queue(live);
  release_slot(live);
  Job next = live.job;
  loop::crash_point("cancel.before_commit");
  if (convd::jobs::cancel(next, wall_ms())) commit(live, {std::move(next), {}, {}, {}});
}

void Manager::Impl::arm_deadline() {
  const auto delay = deadlines_.next(loop_.now());
  if (!delay) return deadline_.reset();
  deadline_ = loop_.after(*delay, [this] { deadlines_passed(); });
}

void Manager::Impl::deadlines_passed() {
  while (const auto id = deadlines_.take_passed(loop_.now())) {
    Live& late = *live(*id);
    late.ends_alone = true;
    const shared::ErrorInfo info{ErrorCode::timed_out, shared::is_retryable(ErrorCode::timed_out), "queued", {}};
    end_unrun(late, info, "The conversion waited longer than its deadline");
  }
  arm_deadline();
}

std::optional<loop::TimePoint> Manager::Impl::deadline_of(const Job& job, std::int64_t wall_ms) const {
  if (!job.deadline_ms) return std::nullopt;
  return loop_.now() + deadline_left(job.created_ms, *job.deadline_ms, wall_ms);
}

}  // namespace convd::jobs
