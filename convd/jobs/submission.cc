// From a submission to a durable conversion in the queue.

#include <algorithm>
#include <utility>

#include "convd/jobs/job_record.h"
#include "convd/jobs/log.h"
#include "convd/jobs/manager_impl.h"

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

std::optional<Error> Manager::Impl::disk_refusal() const {
  if (store_.files().free_bytes() >= settings_.disk_floor_bytes) return std::nullopt;
  return Error{ErrorCode::disk_full, "the disk is nearly full: nothing new is accepted until there is room", {}};
}

std::optional<Error> Manager::Impl::refusal(const std::string& org) const {
  if (draining_) return Error{ErrorCode::shutting_down, "the daemon is shutting down; try again later", {}};
  const int waiting = waiting_.size() + accepting_all_;
  if (waiting >= settings_.queue_limit) {
    return Error{ErrorCode::queue_full, std::to_string(waiting) + " conversions are waiting, which is the limit", {}};
  }
  const auto accepting = accepting_.find(org);
  const int own = queue_.size_of(org) + (accepting == accepting_.end() ? 0 : accepting->second);
  if (own >= settings_.queue_limit_per_org) {
    return Error{
        ErrorCode::queue_full, std::to_string(own) + " of your conversions are waiting, which is the limit", {}};
  }
  return disk_refusal();
}

void Manager::Impl::submit(Submission submission, Accepted done) {
  auto admission = prepare(std::move(submission));
  if (admission) return admit(*std::move(admission), std::move(done));
  loop_.post(guarded([done = std::move(done), error = admission.error()] { done(error); }));
}

Result<Manager::Impl::Admission> Manager::Impl::prepare(Submission submission) {
  if (auto named = check_filename(submission.filename); !named) return named.error();
  if (auto bounded = check_bounds(submission); !bounded) return bounded.error();
  if (auto error = refusal(submission.org)) return *std::move(error);
  const auto document = submission.upload ? std::nullopt : store_.document(submission.org, submission.filename);
  if (!submission.upload && !document) return gone(submission.filename);
  auto wanted = resolve(planner_, submission);
  if (!wanted) return wanted.error();

  Admission admission;
  Job& job = admission.job;
  if (submission.upload) {
    if (submission.upload->size_bytes() > settings_.input_bytes) {
      return Error{ErrorCode::input_too_large,
                   "\"" + submission.filename + "\" has more than " + std::to_string(settings_.input_bytes) + " bytes",
                   {}};
    }
    admission.arrival = arrival(submission.org, submission.filename, std::move(submission.upload), wanted->from);
  }
  const store::DocumentRow& input = admission.arrival ? admission.arrival->row : *document;
  const std::int64_t now_ms = wall_ms();
  job.id = ids_.next(now_ms);
  job.org = std::move(submission.org);
  job.principal = std::move(submission.principal);
  job.filename = std::move(submission.filename);
  job.from = std::move(wanted->from);
  job.to = std::move(wanted->to);
  job.options = std::move(wanted->options);
  job.labels = std::move(submission.labels);
  job.prompt_mode = std::move(submission.prompt_mode);
  job.input_sha256 = input.sha256;
  job.input_bytes = input.size_bytes;
  job.priority = submission.priority;
  job.created_ms = now_ms;
  job.deadline_ms = later(now_ms, submission.deadline_ms);
  job.attempt_timeout_ms = submission.attempt_timeout_ms;
  job.stall_timeout_ms = submission.stall_timeout_ms;
  admission.cost = cost_of(estimator_, wanted->route, job.input_bytes);
  admission.engine = wanted->route.front().engine->name();
  return admission;
}

void Manager::Impl::admit(Admission admission, Accepted done) {
  admission.job.rev = 1;
  admission.job.message = "Queued";
  ++accepting_[admission.job.org];
  ++accepting_all_;
  const auto state = std::make_shared<Admission>(std::move(admission));
  store::Store::Preparation publish_input;
  if (state->arrival)
    publish_input = [state](store::Files& files) { return files.publish_blob(*state->arrival->upload); };
  const auto write = [state, row = to_row(state->job), event = event_of(state->job, "pending", state->job.created_ms)](
                         store::Transaction& transaction, store::Files& files) -> Result<void> {
    // The document may have been removed, and its bytes with it, since the submission was checked.
    if (!files.open_blob(row.input_sha256)) return gone(row.filename);
    if (state->arrival) write_arrival(transaction, *state->arrival);
    transaction.insert(row);
    transaction.append(event);
    return {};
  };
  store_.submit(std::move(publish_input), write, guarded([this, state, done = std::move(done)](Result<void> outcome) {
                  note_store(outcome);
                  if (--accepting_[state->job.org] == 0) accepting_.erase(state->job.org);
                  --accepting_all_;
                  if (state->arrival) arrived(*state->arrival);
                  if (!outcome) return done(outcome.error());
                  admitted(*state, done);
                }));
}

void Manager::Impl::admitted(Admission& admission, const Accepted& done) {
  ++counters_.submitted;
  log()->info("{}: accepted {} -> {}, {} bytes", admission.job.id, admission.job.from, admission.job.to,
              admission.job.input_bytes);
  Live& live = adopt(std::move(admission.job));
  live.cost = admission.cost;
  live.engine = std::move(admission.engine);
  enqueue(live);
  const shared::StatusObject accepted = computed(live);
  publish(live, events::Urgency::state);
  dispatch();
  done(accepted);
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
  admit(std::move(admission), std::move(done));
}

}  // namespace convd::jobs
