// What the end of a run means for its conversion: the end, another run, or a word about the document.

#include <utility>

#include "convd/jobs/error_class.h"
#include "convd/jobs/log.h"
#include "convd/jobs/manager_impl.h"
#include "convd/loop/crash_point.h"
#include "shared/version.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;

constexpr loop::milliseconds longest_lost_pause{10'000};
// A document that takes the runner down every time must not do so for ever: this many times when it was alone with it.
constexpr int most_lost_runs = 10;

}  // namespace

QuarantineRules quarantine_rules(const Settings& settings) {
  return {settings.quarantine_crashes, settings.quarantine_ms, most_lost_runs};
}

void Manager::Impl::attempt_ended(const std::string& id, Outcome outcome) {
  Live& live = *this->live(id);
  loop::crash_point("attempt.ended");
  live.attempt.reset();
  release_slot(live);
  for (const store::RuntimeRow& run : outcome.runtimes) estimator_.learn(run);
  add_to_receipt(live.job, std::move(outcome.receipt));
  settle(live, std::move(outcome));
  dispatch();
}

void Manager::Impl::settle(Live& live, Outcome outcome) {
  if (live.cancel_wanted) return commit_cancel(live);
  switch (outcome.kind) {
    case Outcome::Kind::completed: {
      Job next = live.job;
      Quarantine::Rows heard = hear(live, outcome);
      if (complete(next, std::move(outcome.result), wall_ms())) {
        commit(live, {std::move(next), std::move(outcome.runtimes), std::move(heard), {}});
      }
      return;
    }
    case Outcome::Kind::stopped:
      return run_again(live, Requeue::interrupted, loop::milliseconds(0), "Queued again", std::move(outcome));
    case Outcome::Kind::interrupted:
      return settle_interruption(live, std::move(outcome));
    case Outcome::Kind::failed:
      return settle_failure(live, std::move(outcome));
  }
}

// Nobody's failure, however often it comes, but for what happens to this document every time. Its share of the blame is
// the smaller the more ran with it, of which one may have been the cause.
void Manager::Impl::settle_interruption(Live& live, Outcome outcome) {
  if (outcome.lost) live.blame += 1.0 / live.most_at_once;
  if (live.blame < most_lost_runs) {
    const auto pause = jitter(++live.lost_runs, longest_lost_pause.count());
    return run_again(live, Requeue::interrupted, pause, "Queued again after an interruption", std::move(outcome));
  }
  outcome.error = {ErrorCode::interrupted, "The conversion was interrupted again and again", {}};
  settle_failure(live, std::move(outcome));
}

void Manager::Impl::settle_failure(Live& live, Outcome outcome) {
  const ErrorCode code = outcome.error.code;
  const int failures = live.job.failures + 1;
  if (is_tried_again(code, failures, settings_.attempts)) {
    ++counters_.retries;
    const auto delay = jitter(failures, settings_.retry_cap_ms);
    log()->warn("{}: {}, trying again in {} ms", live.job.id, outcome.error.message, delay.count());
    const std::string message = "Waiting to try again: " + outcome.error.message;
    return run_again(live, Requeue::failed, delay, message, std::move(outcome));
  }
  Job next = live.job;
  Quarantine::Rows heard = hear(live, outcome);
  const shared::ErrorInfo info{code, shared::is_retryable(code), std::move(outcome.stage),
                               std::move(outcome.error.detail)};
  if (fail(next, info, std::move(outcome.error.message), wall_ms())) {
    commit(live, {std::move(next), std::move(outcome.runtimes), std::move(heard), {}});
  }
}

void Manager::Impl::run_again(Live& live, Requeue why, loop::milliseconds delay, std::string message, Outcome outcome) {
  Job next = live.job;
  if (!requeue(next, why, std::move(message))) return;
  loop::crash_point("requeue.before_commit");
  Quarantine::Rows heard = hear(live, outcome);
  const auto wait_and_queue = [this, delay](Live& waiting) {
    waiting.waiting_since_ms = wall_ms();
    waiting_.enter(waiting.waiting_since_ms, waiting.job.id, waiting.job.org);
    waiting.timer = loop_.after(delay, [this, id = waiting.job.id] {
      enqueue(*this->live(id));
      dispatch();
    });
  };
  commit(live, {std::move(next), std::move(outcome.runtimes), std::move(heard), wait_and_queue});
}

// What has failed together shall not come back together.
loop::milliseconds Manager::Impl::jitter(int failures, std::int64_t cap_ms) {
  const std::int64_t most = longest_pause_ms(failures, settings_.retry_base_ms, cap_ms);
  std::uniform_int_distribution<std::int64_t> delay(0, most);
  return loop::milliseconds(delay(random_));
}

EngineVersion Manager::Impl::version_of(const std::string& engine) const {
  for (const engines::EngineState& state : registry_.engines()) {
    if (state.engine->name() == engine) return {engine, state.version};
  }
  return {engine, {}};
}

EngineVersion Manager::Impl::runner_version() {
  return {std::string(runner_as_engine), std::string(shared::version)};
}

// The rows to be stored with the end of the run.
Quarantine::Rows Manager::Impl::hear(const Live& live, const Outcome& outcome) {
  Evidence evidence{live.job.input_sha256, {}, {}};
  for (const store::RuntimeRow& run : outcome.runtimes) evidence.cleared.push_back(run.engine);
  if (outcome.kind == Outcome::Kind::completed) evidence.cleared.emplace_back(runner_as_engine);
  if (outcome.kind == Outcome::Kind::failed && is_crash(outcome.error.code))
    evidence.crashed = version_of(outcome.stage);
  // Only what was alone from its first moment to its last is known to be the cause.
  if (outcome.lost && live.most_at_once == 1) evidence.crashed = runner_version();
  return quarantine_.hear(evidence, wall_ms());
}

std::optional<Quarantine::Refusal> Manager::Impl::kept_away(const Job& job) const {
  if (!quarantine_.knows(job.input_sha256)) return std::nullopt;
  std::vector<EngineVersion> engines{runner_version()};
  const auto route = planner_.plan(job.from, job.to);
  if (!route) return std::nullopt;
  for (const RouteStep& step : *route) engines.push_back(version_of(step.engine->name()));
  return quarantine_.refusal(job.input_sha256, engines, wall_ms());
}

// Of what waits.
void Manager::Impl::end_unrun(Live& live, const shared::ErrorInfo& info, std::string sentence) {
  leave_queue(live);
  Job next = live.job;
  if (fail(next, info, std::move(sentence), wall_ms())) commit(live, {std::move(next), {}, {}, {}});
}

void Manager::Impl::end_kept_away(Live& live, Quarantine::Refusal refusal) {
  end_unrun(live, {ErrorCode::engine_crashed, false, std::move(refusal.engine), {}}, std::move(refusal.sentence));
}

}  // namespace convd::jobs
