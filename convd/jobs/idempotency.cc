// A request that is made again under the key of its first time starts nothing: it is answered with what the first one
// has come to. The store decides who was first.

#include <utility>

#include "convd/jobs/identity.h"
#include "convd/jobs/manager_impl.h"
#include "convd/store/readable.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

constexpr loop::milliseconds prune_period{60'000};
constexpr int most_pruned_at_once = 500;

}  // namespace

std::int64_t Manager::Impl::keys_since_ms() const {
  return wall_ms() - settings_.idempotency_ms;
}

std::optional<store::IdempotencyRow> Manager::Impl::remembered(const std::string& org, const std::string& key) {
  auto row = store_.idempotency_key(org, key);
  if (row && row->created_ms < keys_since_ms()) row.reset();
  return row;
}

bool Manager::Impl::remembers(const std::string& org, const std::string& idempotency_key) {
  return repeated_.contains({org, idempotency_key}) || remembered(org, idempotency_key);
}

store::IdempotencyRow Manager::Impl::key_row(const Submission& submission, const std::string& input_sha256,
                                             const Job& job) const {
  return {submission.org, *submission.idempotency_key, fingerprint(submission, input_sha256), job.id, job.created_ms};
}

// Takes the submission when it is one.
bool Manager::Impl::is_repetition(Submission& submission, Accepted& done) {
  const std::string& key = *submission.idempotency_key;
  if (const auto first = repeated_.find({submission.org, key}); first != repeated_.end()) {
    first->second.push_back({std::move(submission), std::move(done)});
    return true;
  }
  const auto earlier = remembered(submission.org, key);
  if (!earlier) return false;
  std::string input_sha256;
  if (submission.upload) {
    input_sha256 = submission.upload->sha256();
  } else if (const auto document = store_.document(submission.org, submission.filename)) {
    input_sha256 = document->sha256;
  } else if (const auto row = store_.conversion(earlier->conversion)) {
    // The document has gone since: what was meant is what it was then.
    input_sha256 = row->input_sha256;
  }
  const store::IdempotencyRow asked = key_row(submission, input_sha256, {});
  loop_.post(guarded([this, asked, earlier = *earlier, replayed = std::move(submission.replayed),
                      done = std::move(done)] { repeat(asked, earlier, replayed, done); }));
  return true;
}

void Manager::Impl::repeat(const store::IdempotencyRow& asked, const store::IdempotencyRow& earlier,
                           const std::function<void()>& replayed, const Accepted& done) {
  if (asked.fingerprint != earlier.fingerprint) {
    return done(Error{ErrorCode::idempotency_mismatch,
                      "the idempotency key was used before, for another request; a new request needs a key of its own",
                      {}});
  }
  const auto object = status(earlier.org, earlier.conversion);
  if (!object) return done(object.error());
  ++counters_.replays;
  if (replayed) replayed();
  done(*object);
}

// Whatever has become of the first one, it decides about the others now.
void Manager::Impl::repeat_waiting(const Admission& first) {
  if (!first.key) return;
  const auto waiting = repeated_.extract({first.key->org, first.key->key});
  if (!waiting) return;
  for (Repetition& repetition : waiting.mapped()) {
    const auto submitted = store::readable([&] {
      submit(std::move(repetition.submission), repetition.done);
      return true;
    });
    if (!submitted) repetition.done(submitted.error());
  }
}

void Manager::Impl::prune_keys() {
  pruning_ = loop_.after(prune_period, [this] { prune_keys(); });
  const auto removed = std::make_shared<std::int64_t>(0);
  const auto write = [removed, before_ms = keys_since_ms()](store::Transaction& transaction, store::Files&) {
    *removed = transaction.prune_keys(before_ms, most_pruned_at_once);
    return Result<void>();
  };
  store_.submit(write, guarded([this, removed](const Result<void>& outcome) {
                  if (outcome && *removed == most_pruned_at_once) prune_keys();
                }));
}

}  // namespace convd::jobs
