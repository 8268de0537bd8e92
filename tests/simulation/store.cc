#include "tests/simulation/store.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace simulation {

void Store::submit(Preparation prepare, Operation write, Done done) {
  auto& inbox = prepare ? to_prepare_ : to_write_;
  inbox.push_back({std::move(prepare), std::move(write), std::move(done), {}, {}});
}

bool Store::prepare_next() {
  Submission next = std::move(to_prepare_.front());
  to_prepare_.pop_front();
  next.outcome = next.prepare(files_);
  const bool succeeded = next.outcome.ok();
  if (succeeded && next.write) {
    to_write_.push_back(std::move(next));
    return true;
  }
  std::vector<Submission> ended;
  ended.push_back(std::move(next));
  announce(std::move(ended), {});
  return succeeded;
}

void Store::commit(std::size_t most, const std::optional<shared::Error>& failure, Failed failed) {
  const auto end = to_write_.begin() + static_cast<std::ptrdiff_t>(std::min(most, to_write_.size()));
  std::vector<Submission> batch(std::make_move_iterator(to_write_.begin()), std::make_move_iterator(end));
  to_write_.erase(to_write_.begin(), end);
  const bool writes = std::any_of(batch.begin(), batch.end(), [](const auto& one) { return one.write != nullptr; });
  const bool fails = failure && writes;
  std::optional<Tables> before;
  if (fails) before = tables_;
  Aftermath after;
  for (Submission& submission : batch) {
    if (!submission.write) continue;
    Aftermath own;
    submission.outcome = MemoryStore::write(submission.write, own);
    if (fails && submission.outcome) submission.outcome = *failure;
    std::move(own.drops.begin(), own.drops.end(), std::back_inserter(after.drops));
    std::move(own.appended.begin(), own.appended.end(), std::back_inserter(after.appended));
  }
  if (fails) after = {};
  if (fails && failed == Failed::undone) {
    // Numbers of events that were given out are lost, not given out again.
    before->last_seqs = std::move(tables_.last_seqs);
    tables_ = *std::move(before);
  }
  for (const Submission& submission : batch) {
    if (!submission.drops.empty()) (void)drop_unused(submission.drops);
  }
  announce(std::move(batch), std::move(after));
}

void Store::announce(std::vector<Submission> batch, Aftermath after) {
  const auto told = std::make_shared<std::vector<Submission>>(std::move(batch));
  loop_.post([this, told, after = std::move(after)] {
    for (Submission& submission : *told) {
      if (submission.done) submission.done(submission.outcome);
      submission = {};
    }
    if (appended_ && !after.appended.empty()) appended_(after.appended);
    if (!after.drops.empty()) to_write_.push_back({nullptr, nullptr, nullptr, {}, after.drops});
  });
}

void Store::finish() {
  while (to_prepare() > 0) prepare_next();
  while (to_write() > 0) commit(to_write());
}

void Store::crash(convd::store::Files files) {
  // What is dropped here may hold the last reference to something that looks at the inboxes.
  const auto prepared = std::exchange(to_prepare_, {});
  const auto written = std::exchange(to_write_, {});
  files_ = std::move(files);
}

std::vector<convd::store::EventRow> Store::take_events() {
  return std::exchange(tables_.events, {});
}

}  // namespace simulation
