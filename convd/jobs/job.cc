#include "convd/jobs/job.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

namespace convd::jobs {
namespace {

using shared::Status;

constexpr int most_running_progress = 99;
constexpr std::string_view from_cache = "Served from cache";

bool allowed(Status from, Status to) {
  switch (from) {
    case Status::pending:
      return to != Status::pending;
    case Status::processing:
      return to != Status::processing;
    case Status::completed:
    case Status::error:
    case Status::cancelled:
      return false;
  }
  return false;
}

bool enter(Job& job, Status to, std::string message) {
  if (!allowed(job.status, to)) return false;
  job.status = to;
  job.message = std::move(message);
  job.progress = to == Status::completed ? 100 : 0;
  job.stage.reset();
  ++job.rev;
  return true;
}

bool end(Job& job, Status to, std::string message, std::int64_t now_ms) {
  if (!enter(job, to, std::move(message))) return false;
  job.completed_ms = now_ms;
  return true;
}

auto visible(const shared::Stage& stage) {
  return std::tie(stage.name, stage.index, stage.count, stage.unit, stage.done, stage.total, stage.kind);
}

}  // namespace

bool start(Job& job, std::int64_t now_ms, shared::Stage stage, std::string message) {
  if (!enter(job, Status::processing, std::move(message))) return false;
  ++job.attempt;
  if (!job.started_ms) job.started_ms = now_ms;
  job.stage = std::move(stage);
  return true;
}

bool requeue(Job& job, Requeue why, std::string message) {
  if (!enter(job, Status::pending, std::move(message))) return false;
  if (why == Requeue::failed) ++job.failures;
  return true;
}

Reuse reused(const Job& job) {
  if (!job.served_from) return Reuse::none;
  return job.message == from_cache ? Reuse::cache : Reuse::run;
}

bool complete(Job& job, shared::ResultInfo result, std::int64_t now_ms) {
  if (job.status != Status::processing || !end(job, Status::completed, "Completed", now_ms)) return false;
  job.result = std::move(result);
  return true;
}

bool inherit(Job& job, const Job& source, shared::ResultInfo result, Reuse reuse, std::int64_t now_ms) {
  const std::string_view message = reuse == Reuse::cache ? from_cache : "Completed";
  if (!end(job, Status::completed, std::string(message), now_ms)) return false;
  job.result = std::move(result);
  job.receipt = source.receipt;
  job.served_from = source.id;
  return true;
}

bool fail(Job& job, shared::ErrorInfo info, std::string sentence, std::int64_t now_ms) {
  const bool ran = job.status == Status::processing;
  if (!end(job, Status::error, sentence, now_ms)) return false;
  if (ran) ++job.failures;
  job.error = std::move(sentence);
  job.error_info = std::move(info);
  return true;
}

bool cancel(Job& job, std::int64_t now_ms) {
  if (!end(job, Status::cancelled, "Cancelled", now_ms)) return false;
  job.error_info = shared::ErrorInfo{shared::ErrorCode::cancelled_by_user, true, {}, {}};
  return true;
}

bool recover(Job& job) {
  if (job.status != Status::processing || !requeue(job, Requeue::interrupted, "Queued again after a restart"))
    return false;
  job.rev += recovery_rev_step - 1;
  return true;
}

bool report(Job& job, const ProgressReport& report) {
  if (job.status != Status::processing) return false;
  const int progress = std::clamp(report.progress, job.progress, most_running_progress);
  const bool same = progress == job.progress && report.message == job.message && job.stage &&
                    visible(*job.stage) == visible(report.stage);
  if (same) return false;
  job.progress = progress;
  job.message = report.message;
  job.stage = report.stage;
  ++job.rev;
  return true;
}

}  // namespace convd::jobs
