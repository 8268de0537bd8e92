// The life of a conversion between its acceptance and its end.

#include <algorithm>
#include <utility>

#include "convd/jobs/job_record.h"
#include "convd/jobs/log.h"
#include "convd/jobs/manager_impl.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Status;

constexpr loop::milliseconds runner_poll{500};
constexpr loop::milliseconds lost_pause{1'000};
// A document that takes the runner down every time must not do so for ever.
constexpr int most_lost_runs = 10;
constexpr std::ptrdiff_t most_receipt_steps = 50;

// A crash, a kill, an out-of-memory and what is our own fault may pass; the rest is a matter of the document.
bool is_tried_again(ErrorCode code) {
  return code == ErrorCode::engine_crashed || code == ErrorCode::out_of_memory || code == ErrorCode::internal;
}

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
  if (job.deadline_ms && job.attempt == 0 && deadlines_.emplace(*job.deadline_ms, job.id).second) arm_deadline();
  queue_.push({job.id, job.org, job.priority, live.cost.ms, live.cost.known});
}

void Manager::Impl::leave_queue(Live& live) {
  queue_.remove(live.job.id);
  waiting_.leave(live.waiting_since_ms, live.job.id, live.job.org);
  live.waiting_since_ms = 0;
  live.timer.reset();
  if (live.job.deadline_ms) deadlines_.erase({*live.job.deadline_ms, live.job.id});
}

bool Manager::Impl::can_run() {
  const process::RunnerState state = spawner_.state();
  if (state.connected && state.problem.empty()) return true;
  if (!runner_poll_) {
    log()->warn("conversions wait: {}", state.problem.empty() ? "the runner is away" : state.problem);
    runner_poll_ = loop_.every(runner_poll, [this] { dispatch(); });
  }
  return false;
}

void Manager::Impl::dispatch() {
  if (!recovered_ || draining_ || queue_.size() == 0 || running() >= settings_.slots || !can_run()) return;
  runner_poll_.reset();
  while (running() < settings_.slots) {
    const auto next = queue_.pop();
    if (!next) return;
    begin(*live(next->id));
  }
}

void Manager::Impl::begin(Live& live) {
  leave_queue(live);
  Job next = live.job;
  // Planned anew: an engine may have come or gone since the conversion was accepted.
  const auto route = planner_.plan(next.from, next.to);
  if (!route) {
    const shared::ErrorInfo info{route.error().code, shared::is_retryable(route.error().code), {}, {}};
    if (fail(next, info, route.error().message, wall_ms())) commit(live, {std::move(next), {}, {}});
    return;
  }
  const ProgressReport first = Track(*route, next.filename).enter(0);
  if (!start(next, wall_ms(), first.stage, first.message)) return;
  running_.push_back(&live);
  commit(live, {std::move(next), {}, [this](Live& started) { launch(started); }});
}

void Manager::Impl::launch(Live& live) {
  const Job& job = live.job;
  auto route = planner_.plan(job.from, job.to);
  if (!route || patience_over_) {
    release_slot(live);
    return run_again(live, Requeue::interrupted, loop::milliseconds(0), "Queued again", {});
  }
  ++counters_.attempts;
  AttemptPlan plan;
  plan.id = job.id;
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
  // A long document may use the slots that nobody waits for.
  if (queue_.size() == 0) plan.processes += std::max(0, settings_.slots - running());
  live.engine = plan.route.front().engine->name();
  live.attempt = std::make_unique<Attempt>(
      Attempt::World{loop_, store_, spawner_, estimator_}, std::move(plan),
      Attempt::Hooks{[this, id = job.id](const ProgressReport& news) { reported(id, news); },
                     [this, id = job.id](Outcome outcome) { attempt_ended(id, std::move(outcome)); }});
  live.attempt->start();
}

void Manager::Impl::reported(const std::string& id, const ProgressReport& news) {
  Live& live = *this->live(id);
  // Written out for watchers only: an engine may report a thousand pages a second.
  if (report(live.job, news) && board_.is_watched(id, live.job.org)) publish(live, events::Urgency::progress);
}

void Manager::Impl::release_slot(Live& live) {
  std::erase(running_, &live);
}

void Manager::Impl::attempt_ended(const std::string& id, Outcome outcome) {
  Live& live = *this->live(id);
  live.attempt.reset();
  release_slot(live);
  for (const store::RuntimeRow& run : outcome.runtimes) estimator_.learn(run);
  add_to_receipt(live.job, std::move(outcome.receipt));
  settle(live, std::move(outcome));
  dispatch();
}

// Stored with the next commit, which is the one that tells of this end.
void Manager::Impl::add_to_receipt(Job& job, std::vector<shared::ReceiptStep> steps) {
  for (shared::ReceiptStep& step : steps) {
    step.attempt = job.attempt;
    for (const engines::EngineState& state : registry_.engines()) {
      if (state.engine->name() == step.engine) step.version = state.version;
    }
    job.receipt.push_back(std::move(step));
  }
  const auto excess = static_cast<std::ptrdiff_t>(job.receipt.size()) - most_receipt_steps;
  if (excess > 0) job.receipt.erase(job.receipt.begin(), job.receipt.begin() + excess);
}

void Manager::Impl::settle(Live& live, Outcome outcome) {
  if (live.cancel_wanted) return commit_cancel(live);
  switch (outcome.kind) {
    case Outcome::Kind::completed: {
      Job next = live.job;
      if (complete(next, std::move(outcome.result), wall_ms())) {
        commit(live, {std::move(next), std::move(outcome.runtimes), {}});
      }
      return;
    }
    case Outcome::Kind::stopped:
      return run_again(live, Requeue::interrupted, loop::milliseconds(0), "Queued again", std::move(outcome.runtimes));
    case Outcome::Kind::interrupted:
      if (++live.lost_runs < most_lost_runs) {
        return run_again(live, Requeue::interrupted, lost_pause, "Queued again after an interruption",
                         std::move(outcome.runtimes));
      }
      outcome.error = {ErrorCode::interrupted, "The conversion was interrupted again and again", {}};
      return settle_failure(live, std::move(outcome));
    case Outcome::Kind::failed:
      return settle_failure(live, std::move(outcome));
  }
}

void Manager::Impl::settle_failure(Live& live, Outcome outcome) {
  const ErrorCode code = outcome.error.code;
  if (is_tried_again(code) && live.job.failures + 1 < settings_.attempts) {
    ++counters_.retries;
    const auto delay = jitter(live.job.failures + 1);
    log()->warn("{}: {}, trying again in {} ms", live.job.id, outcome.error.message, delay.count());
    return run_again(live, Requeue::failed, delay, "Waiting to try again: " + outcome.error.message,
                     std::move(outcome.runtimes));
  }
  Job next = live.job;
  const shared::ErrorInfo info{code, shared::is_retryable(code), std::move(outcome.stage),
                               std::move(outcome.error.detail)};
  if (fail(next, info, std::move(outcome.error.message), wall_ms())) {
    commit(live, {std::move(next), std::move(outcome.runtimes), {}});
  }
}

void Manager::Impl::run_again(Live& live, Requeue why, loop::milliseconds delay, std::string message,
                              std::vector<store::RuntimeRow> runtimes) {
  Job next = live.job;
  if (!requeue(next, why, std::move(message))) return;
  const auto wait_and_queue = [this, delay](Live& waiting) {
    waiting.waiting_since_ms = wall_ms();
    waiting_.enter(waiting.waiting_since_ms, waiting.job.id, waiting.job.org);
    waiting.timer = loop_.after(delay, [this, id = waiting.job.id] {
      enqueue(*this->live(id));
      dispatch();
    });
  };
  commit(live, {std::move(next), std::move(runtimes), wait_and_queue});
}

// Full jitter: anything between nothing and the base, doubled for each failure before, so that what failed together
// does not come back together.
loop::milliseconds Manager::Impl::jitter(int failures) {
  const int doublings = std::min(failures - 1, 30);
  const std::int64_t most = std::min(settings_.retry_cap_ms, settings_.retry_base_ms << doublings);
  std::uniform_int_distribution<std::int64_t> delay(0, std::max<std::int64_t>(0, most));
  return loop::milliseconds(delay(random_));
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
  if (convd::jobs::cancel(next, wall_ms())) commit(live, {std::move(next), {}, {}});
}

void Manager::Impl::arm_deadline() {
  if (deadlines_.empty()) return deadline_.reset();
  const auto delay = std::max<std::int64_t>(0, deadlines_.begin()->first - wall_ms());
  deadline_ = loop_.after(loop::milliseconds(delay), [this] { deadlines_passed(); });
}

void Manager::Impl::deadlines_passed() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= wall_ms()) {
    const std::string id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    Live& late = *live(id);
    leave_queue(late);
    Job next = late.job;
    const shared::ErrorInfo info{ErrorCode::timed_out, shared::is_retryable(ErrorCode::timed_out), "queued", {}};
    if (fail(next, info, "The conversion waited longer than its deadline", wall_ms()))
      commit(late, {std::move(next), {}, {}});
  }
  arm_deadline();
}

}  // namespace convd::jobs
