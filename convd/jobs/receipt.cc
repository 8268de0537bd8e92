#include "convd/jobs/receipt.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "convd/jobs/manager_impl.h"

namespace convd::jobs {
namespace {

using shared::ReceiptAttempt;
using shared::Status;

constexpr std::ptrdiff_t most_kept = 50;

template <typename T>
void keep_last(std::vector<T>& items) {
  const auto excess = std::ssize(items) - most_kept;
  if (excess > 0) items.erase(items.begin(), items.begin() + excess);
}

// With those that ended with the daemon.
std::vector<ReceiptAttempt> all_attempts(const Job& job) {
  std::vector<ReceiptAttempt> all;
  int next = 1;
  const auto fill = [&](int end) {
    for (; next < end; ++next)
      all.push_back({next, std::string(to_string(shared::ErrorCode::interrupted)), {}, {}, {}});
  };
  for (const ReceiptAttempt& known : job.receipt.attempts) {
    // Of many attempts the first are forgotten.
    if (all.empty() && std::ssize(job.receipt.attempts) == most_kept) next = known.attempt;
    fill(known.attempt);
    all.push_back(known);
    next = known.attempt + 1;
  }
  const bool runs = job.status == Status::processing;
  fill(runs ? job.attempt : job.attempt + 1);
  if (runs && next == job.attempt) all.push_back({next, "running", {}, {}, {}});
  return all;
}

bool is_interruption(const ReceiptAttempt& attempt) {
  return attempt.outcome == to_string(shared::ErrorCode::interrupted) || attempt.outcome == "stopped";
}

bool is_failure(const ReceiptAttempt& attempt) {
  return !is_interruption(attempt) && attempt.outcome != "ok" && attempt.outcome != "running";
}

shared::ReceiptOutput output_of(const shared::ResultInfo& result) {
  shared::ReceiptOutput output;
  output.files = result.parts.empty() ? std::vector<shared::ResultFile>{result.file} : result.parts;
  for (const shared::ResultFile& file : output.files) output.size_bytes += file.size_bytes;
  return output;
}

std::optional<std::int64_t> between(std::int64_t start_ms, const std::optional<std::int64_t>& end_ms) {
  if (!end_ms) return std::nullopt;
  return std::max<std::int64_t>(0, *end_ms - start_ms);
}

// Those of the run that made the result.
void take_pages(const Job& job, shared::Receipt& receipt) {
  const auto& steps = job.receipt.steps;
  if (steps.empty() || !job.result) return;
  const auto of_last = [&](const auto& step) { return step.attempt == steps.back().attempt; };
  receipt.pages_in = std::find_if(steps.begin(), steps.end(), of_last)->pages_in;
  receipt.pages_out = steps.back().pages_out;
}

}  // namespace

void add_attempt(shared::ReceiptRecord& receipt, AttemptRecord attempt) {
  receipt.route = std::move(attempt.route);
  receipt.attempts.push_back(std::move(attempt.attempt));
  std::move(attempt.steps.begin(), attempt.steps.end(), std::back_inserter(receipt.steps));
  keep_last(receipt.attempts);
  keep_last(receipt.steps);
}

shared::Receipt receipt_of(const Job& job) {
  shared::Receipt receipt;
  receipt.id = job.id;
  receipt.filename = job.filename;
  receipt.from = job.from;
  receipt.to = job.to;
  receipt.status = job.status;
  receipt.served_from = job.served_from;
  if (const Reuse reuse = reused(job); reuse != Reuse::none) receipt.reused = reuse == Reuse::cache ? "cache" : "run";
  receipt.input = {job.input_bytes, job.input_sha256};
  if (job.result) receipt.output = output_of(*job.result);
  take_pages(job, receipt);
  receipt.timings.waited_ms = between(job.created_ms, job.started_ms);
  receipt.timings.total_ms = between(job.created_ms, job.completed_ms);
  receipt.route = job.receipt.route;
  receipt.attempts = all_attempts(job);
  if (!receipt.attempts.empty()) {
    receipt.timings.input_check_ms = receipt.attempts.back().input_check_ms;
    receipt.timings.publish_ms = receipt.attempts.back().publish_ms;
  }
  const auto& attempts = receipt.attempts;
  receipt.failures = static_cast<int>(std::count_if(attempts.begin(), attempts.end(), is_failure));
  receipt.interruptions = static_cast<int>(std::count_if(attempts.begin(), attempts.end(), is_interruption));
  receipt.steps = job.receipt.steps;
  return receipt;
}

// Stored with the next commit, which is the one that tells of this end.
void Manager::Impl::add_to_receipt(Job& job, AttemptRecord record) {
  record.attempt.attempt = job.attempt;
  for (shared::ReceiptStep& step : record.steps) {
    step.attempt = job.attempt;
    for (const engines::EngineState& state : registry_.engines()) {
      if (state.engine->name() == step.engine) step.version = state.version;
    }
  }
  add_attempt(job.receipt, std::move(record));
}

shared::Result<shared::Receipt> Manager::Impl::receipt(const std::string& org, const std::string& id) {
  const auto job = find(org, id);
  if (!job) return job.error();
  return receipt_of(*job);
}

}  // namespace convd::jobs
