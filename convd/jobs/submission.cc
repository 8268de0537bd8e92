// From a submission to a durable conversion in the queue.

#include <algorithm>
#include <utility>

#include "convd/jobs/inheritance.h"
#include "convd/jobs/job_record.h"
#include "convd/jobs/log.h"
#include "convd/jobs/manager_impl.h"
#include "convd/loop/crash_point.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

Error gone(const std::string& filename) {
  return {ErrorCode::document_not_found, "there is no document \"" + filename + "\"", {}};
}

bool has_forgotten_secret(const engines::Options& options) {
  return std::any_of(options.begin(), options.end(),
                     [](const auto& option) { return engines::is_secret(option.first) && option.second.empty(); });
}

std::optional<std::int64_t> later(std::int64_t now_ms, const std::optional<std::int64_t>& delay_ms) {
  if (!delay_ms) return std::nullopt;
  return now_ms + *delay_ms;
}

}  // namespace

std::optional<Error> Manager::Impl::refusal(const std::string& org) const {
  if (auto refused = closed()) return refused;
  // Before the queue: what needs no place in it, because its result is there already, needs room all the same.
  if (auto full = disk_.refusal()) return full;
  if (auto exceeded = quota_.refusal(org)) return exceeded;
  const int waiting = waiting_.size() + following_.size() + accepting_all_;
  if (waiting >= settings_.queue_limit) {
    return Error{ErrorCode::queue_full, std::to_string(waiting) + " conversions are waiting, which is the limit", {}};
  }
  const int own = waiting_of(org);
  if (own >= settings_.queue_limit_per_org) {
    return Error{
        ErrorCode::queue_full, std::to_string(own) + " of your conversions are waiting, which is the limit", {}};
  }
  return std::nullopt;
}

void Manager::Impl::submit(Submission submission, Accepted done) {
  if (submission.idempotency_key && is_repetition(submission, done)) return;
  auto admission = prepare(std::move(submission));
  if (admission) return admit(*std::move(admission), std::move(done));
  loop_.post(guarded([done = std::move(done), error = admission.error()] { done(error); }));
}

Result<Manager::Impl::Admission> Manager::Impl::prepare(Submission submission) {
  if (auto named = check_filename(submission.filename); !named) return named.error();
  if (auto bounded = check_bounds(submission); !bounded) return bounded.error();
  auto refused = refusal(submission.org);
  if (refused && refused->code != ErrorCode::queue_full) return *std::move(refused);
  const auto document = submission.upload ? std::nullopt : store_.document(submission.org, submission.filename);
  if (!submission.upload && !document) return gone(submission.filename);
  auto wanted = resolve(planner_, submission);
  if (!wanted) return wanted.error();
  if (submission.upload && submission.upload->size_bytes() > settings_.input_bytes) {
    return Error{ErrorCode::input_too_large,
                 "\"" + submission.filename + "\" has more than " + std::to_string(settings_.input_bytes) + " bytes",
                 {}};
  }

  Admission admission;
  Job& job = admission.job;
  const std::int64_t now_ms = wall_ms();
  job.id = ids_.next(now_ms);
  job.org = submission.org;
  job.principal = submission.principal;
  job.filename = submission.filename;
  job.from = std::move(wanted->from);
  job.to = std::move(wanted->to);
  job.options = std::move(wanted->options);
  job.labels = submission.labels;
  job.prompt_mode = submission.prompt_mode;
  job.input_sha256 = submission.upload ? submission.upload->sha256() : document->sha256;
  job.input_bytes = submission.upload ? submission.upload->size_bytes() : document->size_bytes;
  job.priority = submission.priority;
  job.created_ms = now_ms;
  job.deadline_ms = later(now_ms, submission.deadline_ms);
  job.attempt_timeout_ms = submission.attempt_timeout_ms;
  job.stall_timeout_ms = submission.stall_timeout_ms;
  admission.cost = cost_of(estimator_, wanted->route, job.input_bytes);
  admission.engine = wanted->route.front().engine->name();
  if (submission.reuse) job.reuse_key = reuse_key_of(job, wanted->route);
  admission.source = stored_result_for(job);
  // What has its result needs no place in the queue.
  if (refused && !admission.source) return *std::move(refused);
  admission.refused = std::move(refused);
  if (submission.idempotency_key) admission.key = key_row(submission, job.input_sha256, job);
  admission.replayed = std::move(submission.replayed);
  if (submission.upload) admission.arrival = arrival(job.org, job.filename, std::move(submission.upload), job.from);
  return admission;
}

void Manager::Impl::admit(Admission admission, Accepted done) {
  admission.job.rev = 1;
  admission.job.message = "Queued";
  ++accepting_[admission.job.org];
  ++accepting_all_;
  if (admission.key) repeated_.try_emplace({admission.key->org, admission.key->key});
  const auto state = std::make_shared<Admission>(std::move(admission));
  const auto files_first = [state](store::Files& files) { return prepare_files(files, *state); };
  const auto write_it = [state, since_ms = keys_since_ms()](store::Transaction& transaction, store::Files& files) {
    return write(transaction, files, *state, since_ms);
  };
  auto stored = guarded([this, state, done = std::move(done)](Result<void> outcome) {
    if (--accepting_[state->job.org] == 0) accepting_.erase(state->job.org);
    --accepting_all_;
    if (state->arrival) arrived(*state->arrival);
    // After a failure the row may be there all the same: what no row names the sweep removes.
    if (state->inherited && outcome && state->earlier) remove_files(state->job.id, nullptr);
    if (!outcome) {
      done(outcome.error());
    } else if (state->earlier) {
      repeat(*state->key, *state->earlier, state->replayed, done);
    } else if (state->inherited) {
      served(*state, done);
    } else {
      admitted(*state, done);
    }
    repeat_waiting(*state);
  });
  // A result that is used again is read through, and perhaps zipped: that takes its time.
  if (state->source) return store_.submit(files_first, write_it, std::move(stored));
  if (state->arrival) return store_.submit_upload(files_first, write_it, std::move(stored));
  store_.submit(write_it, std::move(stored));
}

Result<void> Manager::Impl::prepare_files(store::Files& files, Admission& admission) {
  if (admission.arrival) {
    if (auto published = files.publish_blob(*admission.arrival->upload); !published) return published;
  }
  if (!admission.source) return {};
  auto result = inherit_result(files, *admission.source, admission.job.id, admission.job.filename);
  if (!result) {
    log()->warn("{}: the result of {} is of no use, converting anew: {}", admission.job.id, admission.source->id,
                result.error().message);
    return {};
  }
  admission.inherited = *std::move(result);
  return {};
}

Result<void> Manager::Impl::write(store::Transaction& transaction, store::Files& files, Admission& admission,
                                  std::int64_t keys_since_ms) {
  Job& job = admission.job;
  if (admission.key) {
    admission.earlier = transaction.claim_key(*admission.key, keys_since_ms);
    // The bytes of a repetition may have come a second time. Its document is left as it is: it may be a newer one.
    if (admission.earlier) {
      transaction.maybe_drop_blob(job.input_sha256);
      return {};
    }
  }
  // The document may have been removed, and its bytes with it, since the submission was checked.
  if (auto there = files.confirm_blob(job.input_sha256); !there) {
    if (there.error().code == ErrorCode::not_found) return gone(job.filename);
    return there;
  }
  if (admission.refused && !admission.inherited) return *admission.refused;
  if (admission.arrival)
    write_arrival(transaction, *admission.arrival);
  else
    transaction.use_document(job.org, job.filename, job.created_ms);
  transaction.insert(to_row(job));
  transaction.append(event_of(job, "pending", job.created_ms));
  if (!admission.inherited) return {};
  if (!inherit(job, *admission.source, *admission.inherited, Reuse::cache, job.created_ms)) return {};
  transaction.update(to_row(job));
  transaction.append(event_of(job, "completed", job.created_ms));
  transaction.maybe_drop_blob(job.input_sha256);
  return {};
}

void Manager::Impl::admitted(Admission& admission, const Accepted& done) {
  ++counters_.submitted;
  accepted_rate_.count(loop_.now());
  log()->info("{}: accepted {} -> {}, {} bytes", admission.job.id, admission.job.from, admission.job.to,
              admission.job.input_bytes);
  Live& live = adopt(std::move(admission.job));
  live.cost = admission.cost;
  live.engine = std::move(admission.engine);
  live.deadline = deadline_of(live.job, live.job.created_ms);
  join_twins(live);
  enqueue(live);
  const shared::StatusObject accepted = computed(live);
  publish(live, events::Urgency::state);
  // At once, not when its turn comes.
  if (auto refusal = kept_away(live.job)) end_kept_away(live, *std::move(refusal));
  dispatch();
  loop::crash_point("submission.before_answer");
  done(accepted);
  loop::crash_point("submission.answered");
}

void Manager::Impl::retry(const std::string& org, const std::string& principal, const std::string& id, Accepted done) {
  const auto answer = [this, &done](Error error) {
    loop_.post(guarded([done = std::move(done), error = std::move(error)] { done(error); }));
  };
  auto old = find(org, id);
  if (!old) return answer(old.error());
  if (has_forgotten_secret(old->options)) {
    return answer({ErrorCode::invalid_option,
                   "the password of this conversion was forgotten when it ended; submit the document again with it",
                   {}});
  }
  if (auto error = refusal(org)) return answer(*std::move(error));
  const auto route = planner_.plan(old->from, old->to);
  if (!route) return answer(route.error());

  Admission admission;
  Job& job = admission.job;
  const std::int64_t now_ms = wall_ms();
  job.id = ids_.next(now_ms);
  job.retry_of = old->id;
  job.org = org;
  job.principal = principal;
  job.filename = old->filename;
  job.from = old->from;
  job.to = old->to;
  job.options = old->options;
  job.labels = old->labels;
  job.prompt_mode = old->prompt_mode;
  job.input_sha256 = old->input_sha256;
  job.input_bytes = old->input_bytes;
  job.priority = old->priority;
  job.created_ms = now_ms;
  job.attempt_timeout_ms = old->attempt_timeout_ms;
  job.stall_timeout_ms = old->stall_timeout_ms;
  if (old->deadline_ms) job.deadline_ms = now_ms + (*old->deadline_ms - old->created_ms);
  admission.cost = cost_of(estimator_, *route, job.input_bytes);
  admission.engine = route->front().engine->name();
  job.reuse_key = reuse_key_of(job, *route);
  admit(std::move(admission), std::move(done));
}

}  // namespace convd::jobs
