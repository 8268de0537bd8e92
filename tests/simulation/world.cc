#include "tests/simulation/world.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "tests/simulation/documents.h"
#include "tests/support/fake_engine.h"

namespace simulation {
namespace {

using convd::loop::milliseconds;
using std::chrono::duration_cast;

constexpr std::int64_t most_steps = 60'000;
constexpr milliseconds most_calm_time{4 * 3600 * 1000};
// A slot is found free at the next poll of a runner that was away, at the latest.
constexpr milliseconds most_idle_time{1'000};

std::vector<std::unique_ptr<convd::engines::Engine>> engines() {
  using convd::engines::Edge;
  std::vector<std::unique_ptr<convd::engines::Engine>> engines;
  engines.push_back(std::make_unique<tests::FakeEngine>("office", std::vector<Edge>{{"docx", "pdf", 800, 90}},
                                                        std::vector<convd::engines::OptionSpec>{}, "version 1"));
  engines.push_back(std::make_unique<tests::FakeEngine>("poppler", std::vector<Edge>{{"pdf", "png", 200, 90}}));
  engines.push_back(std::make_unique<tests::FakeEngine>("layout", std::vector<Edge>{{"pdf", "md", 100, 90}}));
  return engines;
}

convd::jobs::Settings some_settings(Dice& dice) {
  convd::jobs::Settings settings;
  settings.slots = static_cast<int>(dice.between(1, 3));
  settings.short_slots = static_cast<int>(dice.between(0, 2));
  settings.slots_per_org = dice.chance(300) ? static_cast<int>(dice.between(1, 3)) : 0;
  if (dice.chance(300)) settings.org_weights["uid:1"] = 10;
  settings.reuse = dice.chance(600);
  settings.font_roots = {};
  settings.quarantine_crashes = static_cast<int>(dice.between(0, 4));
  settings.queue_limit = dice.chance(200) ? static_cast<int>(dice.between(2, 6)) : 1'000;
  settings.queue_limit_per_org = dice.chance(200) ? static_cast<int>(dice.between(2, 6)) : 1'000;
  settings.attempts = static_cast<int>(dice.between(1, 4));
  settings.attempt_timeout_ms = 12'000;
  settings.stall_timeout_ms = 5'000;
  settings.retry_cap_ms = 8'000;
  return settings;
}

}  // namespace

World::Life::Life(World& world, std::uint64_t seed)
    : registry(engines()),
      runner(world.loop_, world.dice_, world.ledger_),
      board(world.loop_),
      manager(world.loop_, world.store_, registry, runner, board, world.settings_, seed) {
  board.observe(&world.ledger_);
}

World::World(std::uint64_t seed, Trace trace)
    : dice_(seed),
      trace_(std::move(trace)),
      settings_(some_settings(dice_)),
      disk_(dice_),
      store_(loop_, *convd::store::Files::open(disk_.root())),
      ledger_(loop_, store_),
      client_(dice_, ledger_, loop_),
      loop_weight_(static_cast<int>(dice_.between(5, 100))),
      file_weight_(static_cast<int>(dice_.between(1, 40))),
      store_weight_(static_cast<int>(dice_.between(1, 40))),
      time_weight_(static_cast<int>(dice_.between(1, 30))),
      act_weight_(static_cast<int>(dice_.between(1, 20))),
      trouble_per_mille_(static_cast<int>(dice_.between(0, 20))),
      crash_per_mille_(dice_.chance(600) ? static_cast<int>(dice_.between(1, 10)) : 0),
      with_store_trouble_(dice_.chance(400)),
      with_disk_trouble_(dice_.chance(300)),
      with_runner_trouble_(dice_.chance(400)),
      with_clock_trouble_(dice_.chance(300)),
      with_drains_(dice_.chance(300)),
      with_operators_(dice_.chance(200)),
      acts_left_(static_cast<int>(dice_.between(5, 45))) {
  ledger_.limits(settings_);
  if (trace_) ledger_.tell([this](const std::string& what) { say("  " + what); });
}

World::~World() {
  end(Death::by_kill);
}

std::optional<Breach> World::run() {
  begin();
  while (acts_left_ > 0 && !ledger_.breach()) step();
  if (!ledger_.breach()) calm_down();
  if (!ledger_.breach()) rest();
  if (!ledger_.breach()) last_look();
  return ledger_.breach();
}

void World::say(const std::string& what) {
  if (trace_) trace_(steps_, duration_cast<milliseconds>(loop_.now().time_since_epoch()).count(), what);
}

void World::begin() {
  say("the daemon starts");
  batch_left_ = 0;
  life_ = std::make_unique<Life>(*this, dice_.next());
  if (!calm_) {
    life_->runner.misbehave(dice_.chance(600) ? static_cast<int>(dice_.between(0, 500)) : 0);
    life_->runner.slow_down(dice_.between(10, 8'000));
  }
  life_->manager.recover([this](const shared::Result<void>& outcome) {
    life_->recovering = false;
    life_->recovered = outcome.ok();
  });
}

// The order in which a process dies matters little, but nothing of what its objects do on the way out may be seen.
void World::end(Death death) {
  if (!life_) return;
  life_.reset();
  if (death == Death::by_drain) {
    store_.finish();
    ledger_.committed();
  }
  loop_.forget_posted();
  batch_left_ = 0;
  if (death == Death::by_power_cut) disk_.power_cut();
  if (death != Death::by_drain && dice_.chance(300)) disk_.litter("litter", sha256_of("nobody names this"));
  auto files = convd::store::Files::open(disk_.root());
  if (!files) {
    // A start that the disk refuses: somebody makes room and tries again.
    disk_.fill(false);
    disk_.fail(0, 0);
    files = convd::store::Files::open(disk_.root());
  }
  store_.crash(*std::move(files));
  client_.hang_up();
  ledger_.died();
  idle_since_.reset();
  needs_restart_ = false;
}

// A crash finds the store's threads anywhere: some of what was submitted is committed, nobody was told.
void World::crash() {
  while (store_.to_prepare() + store_.to_write() > 0 && dice_.chance(600)) {
    if (store_.to_prepare() > 0 && (store_.to_write() == 0 || dice_.chance(500))) {
      file_step();
    } else {
      store_step();
    }
  }
  ledger_.committed();
  const bool cut = dice_.chance(500);
  say(cut ? "power cut" : "kill -9");
  end(cut ? Death::by_power_cut : Death::by_kill);
  begin();
}

void World::step() {
  ++steps_;
  const bool under_way = loop_.posted() > 0 && batch_left_ > 0;
  if (dice_.chance(crash_per_mille_)) {
    crash();
  } else if (under_way) {
    loop_step();
  } else if (!life_->recovering && !life_->recovered) {
    say("recovery failed");
    end(Death::by_kill);
    begin();
  } else if (life_->drained) {
    say("drained");
    ledger_.check(life_->runner.running() == 0, "a drained daemon leaves no child", "");
    end(Death::by_drain);
    begin();
  } else if (dice_.chance(trouble_per_mille_)) {
    trouble();
  } else {
    const int loop = loop_.posted() > 0 ? loop_weight_ : 0;
    const int file = store_.to_prepare() > 0 ? file_weight_ : 0;
    const int store = store_.to_write() > 0 ? store_weight_ : 0;
    // Nobody is let in before the recovery is durable.
    const int people = life_->recovered ? act_weight_ : 0;
    auto at = static_cast<int>(dice_.below(static_cast<std::size_t>(loop + file + store + people + time_weight_)));
    if ((at -= loop) < 0) {
      loop_step();
    } else if ((at -= file) < 0) {
      file_step();
    } else if ((at -= store) < 0) {
      store_step();
    } else if ((at -= people) < 0) {
      act();
    } else {
      let_time_pass();
    }
  }
  after_step();
}

bool World::loop_step() {
  if (loop_.posted() == 0) return false;
  if (batch_left_ == 0) batch_left_ = loop_.posted();
  --batch_left_;
  loop_.run_one();
  return true;
}

void World::file_step() {
  const bool succeeded = store_.prepare_next();
  say(succeeded ? "files are prepared" : "files cannot be prepared");
  ledger_.disk_failed(disk_.failed());
}

void World::store_step() {
  const std::size_t most = 1 + dice_.below(store_.to_write());
  if (!store_failure_ || !dice_.chance(store_failing_per_mille_)) {
    store_.commit(most);
    say("a commit");
  } else if (dice_.chance(200)) {
    // The word of it was lost. A new conversion of which nobody knows waits for the next start.
    store_.commit(most, store_failure_, Store::Failed::gone_through);
    needs_restart_ = true;
    say("a commit goes through, and fails");
  } else {
    store_.commit(most, store_failure_);
    say("a commit fails");
  }
  ledger_.committed();
}

void World::let_time_pass() {
  const auto due = loop_.next_due();
  if (due && (calm_ || dice_.chance(700))) return loop_.fire_next();
  auto most = due ? duration_cast<milliseconds>(*due - loop_.now()).count() : 5'000;
  most = std::min<std::int64_t>(most, 5'000);
  if (most > 0) loop_.pass(milliseconds(dice_.between(0, most)));
}

void World::act() {
  --acts_left_;
  if (with_drains_ && !life_->draining && dice_.chance(40)) return drain();
  if (with_operators_ && dice_.chance(60)) return operate();
  const std::string what = client_.act(life_->manager);
  say(what);
}

void World::drain() {
  const milliseconds patience(dice_.between(0, 15'000));
  say("drain with " + std::to_string(patience.count()) + " ms of patience");
  life_->draining = true;
  ledger_.draining_until(loop_.now() + patience);
  life_->manager.drain(patience, [this] { life_->drained = true; });
}

void World::operate() {
  switch (dice_.below(4)) {
    case 0:
      life_->manager.pause();
      return say("an operator pauses");
    case 1:
      life_->manager.drain_and_stay([] {});
      return say("an operator drains");
    default:
      life_->manager.resume();
      return say("an operator resumes");
  }
}

void World::trouble() {
  switch (dice_.below(8)) {
    case 0:
    case 1:
      if (!with_store_trouble_) return;
      store_failing_per_mille_ = store_failing_per_mille_ > 0 ? 0 : static_cast<int>(dice_.between(100, 1'000));
      store_failure_ = dice_.chance(500)
                           ? shared::Error{shared::ErrorCode::disk_full, "the disk is full", {}}
                           : shared::Error{shared::ErrorCode::unavailable, "the database cannot be written", {}};
      return say(store_failing_per_mille_ > 0 ? "commits begin to fail" : "commits succeed again");
    case 2:
    case 3: {
      if (!with_disk_trouble_) return;
      const bool fails = dice_.chance(500);
      disk_.fail(fails ? dice_.chance(500) ? EIO : ENOSPC : 0, 400);
      disk_.fill(fails && dice_.chance(300));
      return say(fails ? "the disk begins to fail" : "the disk is well again");
    }
    case 4:
    case 5:
      if (!with_runner_trouble_) return;
      if (life_->runner.state().connected) {
        life_->runner.go();
        return say("the runner goes");
      }
      life_->runner.come();
      return say("a runner comes");
    case 6: {
      if (!with_clock_trouble_) return;
      const milliseconds by(dice_.between(-24 * 3600 * 1000, 24 * 3600 * 1000));
      loop_.set_wall_by(dice_.chance(500) ? by : by / 10'000);
      ledger_.clock_was_set();
      return say("the wall clock is set by " + std::to_string(by.count()) + " ms");
    }
    default:
      life_->runner.misbehave(static_cast<int>(dice_.between(0, 700)));
      life_->runner.slow_down(dice_.between(10, 20'000));
      return say("the children change their ways");
  }
}

bool World::is_busy() const {
  return store_.to_prepare() + store_.to_write() > 0;
}

void World::after_step() {
  const auto capacity = life_->manager.capacity();
  ledger_.check(capacity.running >= 0 && capacity.running <= settings_.slots + settings_.short_slots,
                "never more run than there are slots", std::to_string(capacity.running));
  ledger_.check(life_->runner.running() <= capacity.running, "what runs holds a slot",
                std::to_string(life_->runner.running()) + " children, " + std::to_string(capacity.running) + " slots");
  ledger_.check(!capacity.wait_ms || *capacity.wait_ms >= 0, "a wait is a time to come", "");
  check_idle_slots();
}

bool World::is_at_its_limit(const std::string& org) const {
  return settings_.slots_per_org > 0 && life_->manager.load(org).running >= settings_.slots_per_org;
}

// Nobody waits while a slot is free and nothing prevents.
void World::check_idle_slots() {
  const auto& manager = life_->manager;
  const auto capacity = manager.capacity();
  const bool prevented = !life_->recovered || manager.operation().operation != convd::jobs::Operation::running ||
                         !life_->runner.state().connected || manager.disk_refusal() || is_busy() ||
                         loop_.posted() > 0 || capacity.running >= capacity.slots || capacity.waiting == 0;
  bool waits = false;
  if (!prevented) {
    for (const auto& [id, row] : store_.rows()) {
      if (row.status != "pending" || is_at_its_limit(row.org)) continue;
      const auto object = life_->manager.status(row.org, id);
      waits = waits || (object && object->position);
    }
  }
  if (!waits) return idle_since_.reset();
  if (!idle_since_) idle_since_ = loop_.now();
  ledger_.check(loop_.now() - *idle_since_ <= most_idle_time, "nobody waits while a slot is free", "");
}

void World::calm_down() {
  say("the troubles are over");
  calm_ = true;
  store_failing_per_mille_ = 0;
  store_failure_.reset();
  disk_.fail(0, 0);
  disk_.fill(false);
  crash_per_mille_ = trouble_per_mille_ = 0;
  if (life_->draining || needs_restart_ || (!life_->recovering && !life_->recovered)) {
    end(Death::by_kill);
    begin();
  }
  life_->manager.resume();
  life_->runner.come();
  life_->runner.misbehave(0);
}

void World::calm_step() {
  ++steps_;
  if (loop_.posted() > 0) {
    loop_step();
  } else if (store_.to_prepare() > 0) {
    file_step();
  } else if (store_.to_write() > 0) {
    store_step();
  } else {
    let_time_pass();
  }
  after_step();
}

void World::rest() {
  const auto latest = loop_.now() + most_calm_time;
  const auto is_over = [this] {
    return ledger_.all_ended(nullptr) && !is_busy() && loop_.posted() == 0 && life_->recovered &&
           client_.unanswered().empty();
  };
  while (!is_over() && !ledger_.breach()) {
    std::string why;
    if (loop_.now() > latest || steps_ > most_steps) {
      (void)ledger_.all_ended(&why);
      for (const auto& call : client_.unanswered()) why += ", no answer to " + call;
      return ledger_.check(false, "everything comes to an end", why);
    }
    if (!loop_.next_due() && loop_.posted() == 0 && !is_busy()) {
      (void)ledger_.all_ended(&why);
      for (const auto& call : client_.unanswered()) why += ", no answer to " + call;
      return ledger_.check(false, "everything comes to an end", why + " and nothing will ever happen");
    }
    calm_step();
  }
}

void World::last_look() {
  const auto capacity = life_->manager.capacity();
  ledger_.check(capacity.running == 0, "no slot is held at the end", std::to_string(capacity.running));
  ledger_.check(capacity.waiting == 0, "nobody waits at the end", std::to_string(capacity.waiting));
  ledger_.check(life_->runner.kept() == 0, "no workspace is kept at the end", std::to_string(life_->runner.kept()));
  ledger_.check(life_->board.topics() == 0, "no topic is kept at the end", std::to_string(life_->board.topics()));
  ledger_.at_rest();
  ledger_.no_files_left(disk_.root(), Ledger::Swept::no);
  end(Death::by_kill);
  begin();
  while (!ledger_.breach() && (life_->recovering || loop_.posted() > 0 || is_busy())) calm_step();
  ledger_.no_files_left(disk_.root(), Ledger::Swept::yes);
}

}  // namespace simulation
