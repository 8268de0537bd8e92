// Attempts as stories: what counts as one, what ends it, and what a stale one may still do.

#include <algorithm>
#include <functional>

#include "convd/jobs/manager.h"
#include "shared/time.h"
#include "tests/support/house.h"

using namespace std::chrono_literals;
using convd::jobs::Settings;
using convd::process::End;
using convd::process::Stream;
using shared::ErrorCode;
using tests::a_docx;
using tests::a_pdf;
using tests::House;

namespace {

using Story = std::vector<std::string>;

Settings one_slot() {
  Settings settings;
  settings.slots = 1;
  return settings;
}

Settings one_attempt() {
  Settings settings = one_slot();
  settings.attempts = 1;
  return settings;
}

// Runs the conversion again and again until it has ended, crashing each time.
void crash_to_the_end(House& house, const std::string& id) {
  while (house.status(id).status != shared::Status::error) {
    house.spawner.ends(house.child_of(id), End::signalled, 11);
    house.loop.advance(5s);
  }
}

}  // namespace

// --- The fence ---

TEST_CASE("a write of an earlier attempt, or of an earlier state of this one, is refused") {
  House house;
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  const auto stored = *house.store.conversion(id);
  REQUIRE(stored.attempt == 1);
  const auto write = [&](int attempt, std::int64_t rev) {
    bool written = false;
    auto row = stored;
    row.attempt = attempt;
    row.rev = rev;
    house.store.submit(
        [&, row](convd::store::Transaction& transaction, convd::store::Files&) -> shared::Result<void> {
          written = transaction.update(row);
          return {};
        },
        nullptr);
    house.loop.turn();
    return written;
  };
  CHECK_FALSE(write(0, stored.rev + 100));
  CHECK_FALSE(write(1, stored.rev));
  CHECK_FALSE(write(1, stored.rev - 1));
  CHECK(house.store.refused_updates() == 3);
  CHECK(write(2, stored.rev + 1));
  CHECK_FALSE(write(1, stored.rev + 2));
}

TEST_CASE("what was stored although the store could not say so is stored once, and goes on") {
  House house(one_slot());
  const shared::Error doubt{ErrorCode::unavailable, "the answer was lost", {}};
  const std::string id = house.accepted(house.upload("a.docx", a_docx));

  house.store.doubt_commit(doubt);
  house.spawner.ends(house.child_of(id), End::lost);
  house.loop.turn();
  house.loop.advance(60s);
  CHECK(house.status(id).attempt == 2);

  house.store.doubt_commit(doubt);
  house.spawner.succeeds(house.child_of(id), {{"source.pdf", "x"}});
  house.loop.turn();
  house.loop.advance(2s);
  CHECK(house.fate(id) == "completed");
  CHECK(house.result_text(id) == "x");
  CHECK(house.manager().capacity().running == 0);
  CHECK(house.store.story(id) == Story{"conversion.pending", "conversion.processing", "conversion.pending",
                                       "conversion.processing", "conversion.completed"});
}

TEST_CASE("a conversion whose row has come to a later attempt is given up, not overwritten") {
  House house(one_slot());
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  const std::string next = house.accepted(house.upload("b.docx", a_docx));
  auto row = *house.store.conversion(id);
  row.attempt += 1;
  row.rev += 1'000'000;
  row.message = "by another";
  house.store.submit(
      [row](convd::store::Transaction& transaction, convd::store::Files&) -> shared::Result<void> {
        transaction.update(row);
        return {};
      },
      nullptr);
  house.loop.turn();
  bool told_of_an_end = false;
  const auto watcher = house.manager().board().subscribe(
      id, [&](const convd::events::Latest& latest) { told_of_an_end = told_of_an_end || latest.terminal; });
  house.succeed(id, {{"source.pdf", "stale"}});
  house.loop.advance(std::chrono::seconds(1));
  CHECK_FALSE(told_of_an_end);
  CHECK(house.store.conversion(id)->message == "by another");
  CHECK(house.store.conversion(id)->status == "processing");
  CHECK(house.fate(next) == "processing");
}

// --- Interruptions ---

TEST_CASE("no interruption is a failed attempt, however many there are") {
  struct Row {
    const char* what;
    std::function<void(House&, const std::string&)> interrupt;
  };
  const auto drained = [](House& house) {
    bool over = false;
    house.manager().drain(10s, [&] { over = true; });
    house.loop.advance(11s);
    CHECK(over);
    house.restart();
  };
  const std::vector<Row> rows{
      {"a drain out of patience", [&](House& house, const std::string&) { drained(house); }},
      {"a restart while it runs", [](House& house, const std::string&) { house.restart(); }},
      {"a crash with the start on its way to the disk",
       [](House& house, const std::string& id) {
         house.spawner.ends(house.child_of(id), End::lost);
         house.loop.turn();
         house.store.hold();
         house.loop.advance(30s);
         house.restart_held();
       }},
      {"a crash with the failure on its way to the disk",
       [](House& house, const std::string& id) {
         house.store.hold();
         house.spawner.ends(house.child_of(id), End::signalled, 11);
         house.loop.turn();
         house.restart_held();
       }},
      {"a crash between the result and its row",
       [](House& house, const std::string& id) {
         house.store.fail_commits(shared::Error{ErrorCode::unavailable, "away", {}});
         house.spawner.succeeds(house.child_of(id), {{"source.pdf", "early"}});
         house.loop.turn();
         house.store.fail_commits(std::nullopt);
         house.restart();
       }},
      {"a lost runner in company",
       [](House& house, const std::string&) {
         house.spawner.runner_goes();
         house.loop.turn();
         house.spawner.runner_comes();
         house.loop.advance(11s);
       }},
      {"a killed child that nobody of us killed",
       [](House& house, const std::string& id) {
         house.spawner.ends(house.child_of(id), End::killed, 9);
         house.loop.turn();
         house.loop.advance(11s);
       }},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    Settings settings = one_attempt();
    settings.slots = 2;
    House house(settings);
    const std::string other = house.accepted(house.upload("other.docx", a_docx));
    const std::string id = house.accepted(house.upload("a.docx", a_docx + "a"));
    for (int times = 0; times < 5; ++times) {
      row.interrupt(house, id);
      REQUIRE(house.fate(id) == "processing");
      CHECK(house.store.conversion(id)->failures == 0);
    }
    CHECK(house.status(id).attempt >= 5);
    house.succeed(id, {{"source.pdf", "x"}});
    CHECK(house.result_text(id) == "x");
    CHECK(house.manager().counters().retries == 0);
    CHECK(house.store.refused_updates() == 0);
  }
}

TEST_CASE("a disk of the server that is full is no fault of the document, and is tried again") {
  House house(one_slot());
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.spawner.disk_is_full();
  house.spawner.prints(house.child_of(id), "write error: No space left on device\n", Stream::err);
  house.spawner.ends(house.child_of(id), End::exited, 1);
  house.loop.turn();
  CHECK(house.status(id).status == shared::Status::pending);
  while (house.status(id).status != shared::Status::error) {
    house.loop.advance(5s);
    if (house.status(id).status == shared::Status::processing) house.spawner.ends(house.child_of(id), End::exited, 1);
    house.loop.turn();
  }
  CHECK(house.fate(id) == "error internal");
  CHECK(house.status(id).error == "The disk of the server is full");
  CHECK(house.status(id).error_info->retryable);
}

TEST_CASE("what an engine has written on a full disk is not believed, though it says that all is well") {
  House house(one_slot());
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.spawner.disk_is_full();
  house.spawner.succeeds(house.child_of(id), {{"a.pdf", "half of i"}});
  house.loop.turn();
  CHECK(house.status(id).status == shared::Status::pending);
  CHECK(house.status(id).attempt == 1);
}

TEST_CASE("the crash of the daemon is no crash of an engine") {
  House house(one_attempt());
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  for (int i = 0; i < 30; ++i) house.restart();
  CHECK(house.store.poisons(10).empty());
  CHECK(house.store.conversion(id)->failures == 0);
  house.succeed(id, {{"source.pdf", "x"}});
  CHECK(house.fate(id) == "completed");
}

// --- Retries ---

TEST_CASE("a stall is tried once more") {
  House house(one_slot());
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.loop.advance(60s);
  CHECK(house.fate(id) == "pending");
  house.loop.advance(1s);
  CHECK(house.status(id).attempt == 2);
  house.loop.advance(60s);
  CHECK(house.fate(id) == "error stalled");
  CHECK(house.spawner.started() == 2);
}

// --- Quarantine ---

TEST_CASE("a document that crashes its engine three times is kept from it, for all and after a restart") {
  House house(one_slot());
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  crash_to_the_end(house, first);
  CHECK(house.fate(first) == "error engine_crashed");
  const int started = house.spawner.started();

  const auto is_refused = [&](const std::string& org) {
    const std::string id = house.accepted(house.upload("again.docx", a_docx, org));
    const auto status = house.status(id, org);
    REQUIRE(status.error_info);
    CHECK(status.error_info->code == ErrorCode::engine_crashed);
    CHECK_FALSE(status.error_info->retryable);
    CHECK(status.error_info->stage == "office");
    CHECK(status.attempt == 0);
    const auto last_ms = house.store.poisons(1).at(0).last_ms;
    CHECK(status.error->find("crashed 3 times") != std::string::npos);
    CHECK(status.error->find(shared::to_rfc3339(last_ms + 24 * 3'600'000)) != std::string::npos);
    CHECK(house.store.story(id) == Story{"conversion.pending", "conversion.error"});
  };
  is_refused("uid:1");
  is_refused("uid:2");
  house.restart();
  is_refused("uid:1");
  CHECK(house.spawner.started() == started);

  // Other bytes and other engines are not concerned.
  house.succeed(house.accepted(house.upload("other.docx", a_docx + "x")), {{"source.pdf", "x"}});
  auto by_another = house.upload("again.pdf", a_pdf);
  by_another.to = "png";
  house.succeed(house.accepted(std::move(by_another)), {{"source.png", "x"}});

  // Time lifts it.
  house.loop.advance(24h);
  const std::string later = house.accepted(house.upload("a.docx", a_docx));
  house.succeed(later, {{"source.pdf", "x"}});
  CHECK(house.fate(later) == "completed");
  CHECK(house.store.poisons(10).empty());
}

TEST_CASE("crashes add up over conversions, what had been accepted before is kept away as well") {
  Settings settings = one_attempt();
  House house(settings);
  const std::string blocker = house.accepted(house.upload("blocker.docx", a_docx + "other"));
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(house.accepted(house.upload("a.docx", a_docx)));
  house.succeed(blocker, {{"source.pdf", "x"}});
  for (int i = 0; i < 3; ++i) {
    house.spawner.ends(house.child_of(ids[static_cast<std::size_t>(i)]), i == 1 ? End::out_of_memory : End::signalled,
                       11);
    house.loop.turn();
  }
  CHECK(house.fate(ids[1]) == "error out_of_memory");
  CHECK(house.fate(ids[3]) == "error engine_crashed");
  CHECK(house.status(ids[3]).attempt == 0);
  CHECK(house.manager().capacity().waiting == 0);
  CHECK(house.manager().capacity().running == 0);
}

TEST_CASE("a success in between clears the record, a failure that is no crash does not add to it") {
  House house(one_slot());
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  for (int i = 0; i < 2; ++i) {
    house.spawner.ends(house.child_of(id), End::signalled, 11);
    house.loop.advance(5s);
  }
  CHECK(house.store.poisons(1).at(0).crashes == 2);
  house.succeed(id, {{"source.pdf", "x"}});
  CHECK(house.store.poisons(1).empty());
  Settings settings = one_attempt();
  House other(settings);
  for (int i = 0; i < 4; ++i) {
    const std::string failed = other.accepted(other.upload("a.docx", a_docx));
    other.spawner.ends(other.child_of(failed), End::exited, 1);
    other.loop.turn();
    CHECK(other.fate(failed) == "error engine_failed");
  }
}

TEST_CASE("another version of the engine gets the document") {
  House house(one_slot());
  crash_to_the_end(house, house.accepted(house.upload("a.docx", a_docx)));
  house.registry.set_version("office", "7.5.0");
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.succeed(id, {{"source.pdf", "x"}});
  CHECK(house.fate(id) == "completed");
}

TEST_CASE("without a quarantine crashes are tried again for every conversion anew") {
  Settings settings = one_attempt();
  settings.quarantine_crashes = 0;
  House house(settings);
  for (int i = 0; i < 5; ++i) {
    const std::string id = house.accepted(house.upload("a.docx", a_docx));
    house.spawner.ends(house.child_of(id), End::signalled, 11);
    house.loop.turn();
    CHECK(house.status(id).attempt == 1);
  }
}

TEST_CASE("a runner lost ten times with one document alone is blamed on it, also over restarts") {
  House house(one_slot());
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  const auto lose = [&] {
    house.spawner.runner_goes();
    house.loop.turn();
    house.spawner.runner_comes();
    house.loop.advance(11s);
  };
  for (int i = 0; i < 6; ++i) lose();
  house.restart();
  for (int i = 0; i < 3; ++i) {
    CHECK(house.fate(id) == "processing");
    lose();
  }
  CHECK(house.fate(id) == "processing");
  lose();
  CHECK(house.fate(id) == "error engine_crashed");
  CHECK(house.status(id).error->find("runner was lost 10 times") != std::string::npos);
  const std::string again = house.accepted(house.upload("a.docx", a_docx));
  CHECK(house.fate(again) == "error engine_crashed");
}

TEST_CASE("a runner lost with several documents is blamed on none of them for good") {
  Settings settings;
  settings.slots = 2;
  House house(settings);
  const std::string a = house.accepted(house.upload("a.docx", a_docx));
  const std::string b = house.accepted(house.upload("b.docx", a_docx + "b"));
  for (int i = 0; i < 12; ++i) {
    CHECK(house.fate(a) == "processing");
    CHECK(house.fate(b) == "processing");
    house.spawner.runner_goes();
    house.loop.turn();
    house.spawner.runner_comes();
    house.loop.advance(11s);
  }
  CHECK(house.store.poisons(10).empty());
  house.succeed(a, {{"source.pdf", "a"}});
  house.succeed(b, {{"source.pdf", "b"}});
  CHECK(house.result_text(b) == "b");
}

// --- Three clocks ---

TEST_CASE("the deadline is for the queue: a clock that is set neither hastens nor stops it") {
  for (const auto jump : {std::chrono::milliseconds(24h * 365), std::chrono::milliseconds(-1h)}) {
    House house(one_slot());
    const std::string running = house.accepted(house.upload("a.docx", a_docx));
    house.store.hold();
    auto submission = house.upload("b.docx", a_docx);
    submission.deadline_ms = 100'000;
    std::string waiting;
    house.manager().submit(std::move(submission), [&](auto accepted) { waiting = accepted->id; });
    house.loop.set_wall_by(jump);  // on its way to the disk
    house.store.let_go();
    house.loop.turn();
    house.loop.advance(50s);
    house.spawner.uses_cpu(house.child_of(running), 1'000);
    house.loop.set_wall_by(jump);  // in the queue
    house.loop.advance(49s);
    CHECK(house.fate(waiting) == "pending");
    house.loop.advance(2s);
    CHECK(house.fate(waiting) == "error timed_out");
    CHECK(house.status(waiting).error == "The conversion waited longer than its deadline");
    CHECK(house.status(waiting).error_info->stage == "queued");
    CHECK(house.fate(running) == "processing");
  }
}

TEST_CASE("a deadline goes on after a restart, for as long as it gave at most") {
  Settings settings = one_slot();
  settings.stall_timeout_ms = 3'600'000;
  House house(settings);
  const std::string running = house.accepted(house.upload("a.docx", a_docx));
  const auto wait = [&] {
    auto submission = house.upload("b.docx", a_docx + "b");
    submission.deadline_ms = 100'000;
    return house.accepted(std::move(submission));
  };
  const std::string first = wait();
  house.loop.advance(40s);
  const std::string second = wait();
  house.restart();
  house.loop.advance(50s);
  house.loop.set_wall_by(-1h);
  house.restart();
  house.loop.advance(20s);
  // The clock says that the first has more than an hour: it never had more than 100 s.
  CHECK(house.fate(first) == "pending");
  house.loop.advance(79s);
  CHECK(house.fate(second) == "pending");
  house.loop.advance(2s);
  CHECK(house.fate(first) == "error timed_out");
  CHECK(house.fate(second) == "error timed_out");
  CHECK(house.fate(running) == "processing");
}

TEST_CASE("the deadline of the queue is over once a run has begun, and the timeout of a run begins with it") {
  Settings settings = one_slot();
  settings.attempt_timeout_ms = 50'000;
  House house(settings);
  const std::string before = house.accepted(house.upload("a.docx", a_docx));
  auto submission = house.upload("b.docx", a_docx);
  submission.deadline_ms = 45'000;
  const std::string id = house.accepted(std::move(submission));
  house.loop.advance(40s);
  house.succeed(before, {{"source.pdf", "x"}});
  house.loop.set_wall_by(24h * 365);
  house.loop.advance(49s);
  CHECK(house.fate(id) == "processing");
  house.loop.set_wall_by(-24h * 365);
  house.loop.advance(1s);
  CHECK(house.fate(id) == "error timed_out");
  CHECK(house.status(id).error == "The conversion took longer than 50 s");
  CHECK(house.spawner.started() == 2);
}

TEST_CASE("a stall is silence without work: each sign of life begins it anew, the clock on the wall is none") {
  House house(one_slot());
  const std::string id = house.accepted(house.upload("a.docx", a_docx));
  house.loop.advance(59s);
  house.spawner.prints(house.child_of(id), "page 1/9\n");
  house.loop.advance(59s);
  house.spawner.uses_cpu(house.child_of(id), 5'000);
  house.loop.set_wall_by(24h * 365);
  house.loop.advance(59s);
  CHECK(house.status(id).attempt == 1);
  house.loop.set_wall_by(-24h * 365);
  house.loop.advance(2s);
  CHECK(house.store.conversion(id)->failures == 1);
  CHECK(house.manager().receipt("uid:1", id)->steps.at(0).outcome == "stalled");
}

TEST_CASE("cancel frees the slot for the next, whatever runs") {
  House house(one_slot());
  for (int i = 0; i < 3; ++i) {
    const std::string id = house.accepted(house.upload("a.docx", a_docx));
    const std::string next = house.accepted(house.upload("b.docx", a_docx));
    const auto child = house.child_of(id);
    CHECK(house.cancel(id)->status == shared::Status::cancelled);
    CHECK_FALSE(house.spawner.child(child).running);
    CHECK(house.fate(next) == "processing");
    CHECK(house.manager().capacity().running == 1);
    house.succeed(next, {{"source.pdf", "x"}});
  }
}
