#include "convd/jobs/sweep.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

#include "convd/jobs/log.h"

namespace convd::jobs {
namespace {

using shared::Result;

constexpr std::size_t uploads_at_once = 100;
constexpr std::size_t names_at_once = 1'000;
constexpr std::size_t judged_at_once = 100;  // a read of the store each
constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();

std::vector<std::string> take_some(std::vector<std::string>& names) {
  const auto first = names.end() - static_cast<std::ptrdiff_t>(std::min(names.size(), judged_at_once));
  std::vector<std::string> some(std::make_move_iterator(first), std::make_move_iterator(names.end()));
  names.erase(first, names.end());
  return some;
}

}  // namespace

// The walks are the file thread's, the rest is the loop thread's.
struct Sweep::Round {
  store::DirectoryWalk incoming;
  store::DirectoryWalk results;
  store::DirectoryWalk prefixes;
  Names found = {};
  Names leftovers = {};
  Names unwalked = {};  // prefixes of blobs
  std::set<std::string> suspects = {};
  Removed removed = {};
};

Sweep::Sweep(loop::Loop& loop, store::Store& store, IsLive is_live)
    : loop_(loop), store_(store), is_live_(std::move(is_live)) {}

Sweep::~Sweep() {
  *alive_ = false;
}

void Sweep::start() {
  begin();
  timer_ = loop_.every(period, [this] { begin(); });
}

template <typename Found>
void Sweep::ask(std::function<Found(store::Files&)> work, std::function<void(Found)> next) {
  const auto found = std::make_shared<Found>();
  const auto prepare = [round = round_, found, work = std::move(work)](store::Files& files) -> Result<void> {
    *found = work(files);
    return {};
  };
  store_.submit(prepare, nullptr, [alive = alive_, found, next = std::move(next)](const Result<void>&) {
    if (*alive) next(std::move(*found));
  });
}

void Sweep::later(void (Sweep::*step)()) {
  loop_.post([this, alive = alive_, step] {
    if (!*alive) return;
    try {
      (this->*step)();
    } catch (const std::exception& error) {
      // What nobody seems to own may be owned by a row that cannot be read.
      log()->error("the search for leftovers is given up: {}", error.what());
      round_.reset();
    }
  });
}

void Sweep::begin() {
  if (round_) return;
  const store::Files& files = store_.files();
  round_ = std::make_shared<Round>(Round{files.walk_incoming(), files.walk_results(), files.walk_blobs()});
  walk_results();
}

// All at once at start, where nothing has been submitted before: whatever is told was there before.
void Sweep::walk_results() {
  const std::size_t most = is_first_ ? everything : names_at_once;
  ask<Names>([round = round_.get(), most](store::Files&) { return round->results.next(most); },
             [this](Names names) {
               if (names.empty()) return walk_prefixes();
               round_->found = std::move(names);
               later(&Sweep::judge_results);
             });
}

bool Sweep::is_leftover(const std::string& name) {
  const std::string id = store::Files::conversion_of(name);
  // What an attempt has not sealed: at start no attempt of this run has come so far yet.
  if (id != name) return is_first_ || !is_live_(id);
  return !is_live_(id) && !store_.has_result(id);
}

void Sweep::judge_results() {
  for (std::string& id : take_some(round_->found)) {
    if (!is_leftover(id)) continue;
    const bool goes = is_first_ || suspects_.contains(id);
    if (goes)
      round_->leftovers.push_back(std::move(id));
    else
      round_->suspects.insert(std::move(id));
  }
  later(round_->found.empty() ? &Sweep::remove_results : &Sweep::judge_results);
}

// Judged again right before: what comes to life from here on publishes behind the removal.
void Sweep::remove_results() {
  Names& leftovers = round_->leftovers;
  while (!leftovers.empty() && !is_leftover(leftovers.back())) leftovers.pop_back();
  if (leftovers.empty()) return walk_results();
  const auto remove = [id = std::move(leftovers.back())](store::Files& files) {
    files.remove_results(id);
    return true;
  };
  leftovers.pop_back();
  ask<bool>(remove, [this](bool) {
    ++round_->removed.results;
    later(&Sweep::remove_results);
  });
}

void Sweep::walk_prefixes() {
  ask<Names>([round = round_.get()](store::Files&) { return round->prefixes.next(everything); },
             [this](Names names) {
               round_->unwalked = std::move(names);
               walk_blobs();
             });
}

void Sweep::walk_blobs() {
  if (round_->unwalked.empty()) return sweep_incoming();
  const std::string prefix = std::move(round_->unwalked.back());
  round_->unwalked.pop_back();
  ask<Names>([prefix](store::Files& files) { return files.walk_blobs(prefix).next(everything); },
             [this](Names names) {
               round_->found = std::move(names);
               later(&Sweep::judge_blobs);
             });
}

void Sweep::judge_blobs() {
  if (round_->found.empty()) return walk_blobs();
  Names unused = take_some(round_->found);
  std::erase_if(unused, [this](const std::string& sha256) { return store_.blob_in_use(sha256); });
  if (unused.empty()) return later(&Sweep::judge_blobs);
  drop_blobs(std::move(unused));
}

// By the store, which looks again whether anything names them or is about to.
void Sweep::drop_blobs(Names unused) {
  round_->removed.blobs += static_cast<std::int64_t>(unused.size());
  const auto drop = [unused = std::move(unused)](store::Transaction& transaction, store::Files&) -> Result<void> {
    for (const std::string& sha256 : unused) transaction.maybe_drop_blob(sha256);
    return {};
  };
  store_.submit_essential(drop, [this, alive = alive_](const Result<void>&) {
    if (*alive) later(&Sweep::judge_blobs);
  });
}

void Sweep::sweep_incoming() {
  struct Swept {
    bool more = false;
    std::int64_t removed = 0;
  };
  const auto sweep = [round = round_.get()](store::Files& files) {
    const Names names = round->incoming.next(uploads_at_once);
    Swept swept{names.size() == uploads_at_once};
    for (const std::string& name : names) swept.removed += files.remove_incoming(name) ? 1 : 0;
    return swept;
  };
  ask<Swept>(sweep, [this](Swept swept) {
    round_->removed.uploads += swept.removed;
    if (swept.more) return sweep_incoming();
    end();
  });
}

void Sweep::end() {
  const auto round = std::exchange(round_, nullptr);
  suspects_ = std::move(round->suspects);
  is_first_ = false;
  removed_.uploads += round->removed.uploads;
  removed_.results += round->removed.results;
  removed_.blobs += round->removed.blobs;
  const std::int64_t all = round->removed.uploads + round->removed.results + round->removed.blobs;
  if (all > 0) {
    log()->info("removed what nobody owned: {} upload(s), {} result(s), {} blob(s)", round->removed.uploads,
                round->removed.results, round->removed.blobs);
  }
}

}  // namespace convd::jobs
