// The same work is done once: stories about results that are used again, and about twins.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "convd/jobs/manager.h"
#include "convd/jobs/sweep.h"
#include "tests/support/house.h"

using namespace std::chrono_literals;
using convd::jobs::Settings;
using convd::jobs::Submission;
using convd::process::End;
using convd::process::Stream;
using shared::ErrorCode;
using tests::a_docx;
using tests::a_pdf;
using tests::House;

namespace {

using Story = std::vector<std::string>;

const Story served_story{"conversion.pending", "conversion.completed"};
const Story run_story{"conversion.pending", "conversion.processing", "conversion.completed"};

Settings slots(int count) {
  Settings settings;
  settings.slots = count;
  return settings;
}

// A house in which the same work is done once.
struct Thrifty : House {
  explicit Thrifty(Settings settings = slots(2)) : House(std::move(settings), Reuse::on) {
    registry.set_version("poppler", "22.12");
  }
  std::string completed(Submission submission) {
    const std::string id = accepted(std::move(submission));
    succeed(id, {{"source.pdf", "the pdf"}});
    REQUIRE(fate(id) == "completed");
    return id;
  }
  std::string result_path(const std::string& id, const std::string& name) {
    const auto fd = store.files().open_result(id, name);
    REQUIRE(fd);
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd->get()));
  }
  void remove(const std::string& id) {
    manager().remove("uid:1", id, [](shared::Result<void> outcome) { CHECK(outcome); });
    loop.turn();
  }
  std::int64_t cached() { return manager().counters().reused_cache; }
  std::int64_t shared_runs() { return manager().counters().reused_run; }
};

template <typename Change>
Submission changed(Submission submission, Change change) {
  change(submission);
  return submission;
}

}  // namespace

TEST_CASE("the same document in the same way is served from the result that is stored") {
  Thrifty house;
  const std::string first = house.completed(house.upload("report.docx", a_docx));
  const int started = house.spawner.started();
  auto again = house.upload("copy.docx", a_docx);
  again.labels = {{"team", "red"}};
  const auto accepted = house.submit(std::move(again));
  REQUIRE(accepted);
  CHECK(accepted->id != first);
  CHECK(accepted->status == shared::Status::completed);
  CHECK(accepted->progress == 100);
  CHECK(accepted->message == "Served from cache");
  CHECK(accepted->labels.at("team") == "red");
  CHECK(accepted->result->file.name == "copy.pdf");
  CHECK(house.result_text(accepted->id) == "the pdf");
  CHECK(house.result_text(accepted->id, "copy.pdf") == "the pdf");
  CHECK(house.store.story(accepted->id) == served_story);
  CHECK(house.store.conversion(accepted->id)->served_from == first);
  CHECK(house.manager().receipt("uid:1", accepted->id)->reused == "cache");
  CHECK(house.spawner.started() == started);
  CHECK(house.cached() == 1);
  CHECK(house.manager().capacity().waiting == 0);
  const auto receipt = house.manager().receipt("uid:1", accepted->id);
  REQUIRE(receipt->steps.size() == 1);
  CHECK(receipt->steps[0].engine == "office");
  CHECK(house.manager().document("uid:1", "copy.docx")->last_status == shared::Status::completed);

  house.remove(first);
  CHECK(house.result_text(accepted->id) == "the pdf");
}

TEST_CASE("a result is served while no engine can be had and no place is free") {
  Settings settings = slots(1);
  settings.queue_limit = 1;
  Thrifty house(settings);
  house.completed(house.upload("report.docx", a_docx));
  house.spawner.runner_goes();
  (void)house.accepted(house.upload("other.docx", a_docx + "other"));
  CHECK(house.submit(house.upload("third.docx", a_docx + "third")).error().code == ErrorCode::queue_full);
  CHECK(house.fate(house.accepted(house.upload("report.docx", a_docx))) == "completed");
}

TEST_CASE("a result that is damaged or gone is made anew") {
  Thrifty house(slots(1));
  const std::string first = house.completed(house.upload("report.docx", a_docx));
  const std::string path = house.result_path(first, "report.pdf");
  SECTION("a byte has flipped") {
    std::ofstream(path) << "the pdF";
    // The clock of files stands still for some milliseconds, in which it was made as well.
    std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
  }
  SECTION("it was cut short") {
    std::filesystem::resize_file(path, 3);
  }
  SECTION("it has gone") {
    std::filesystem::remove(path);
  }
  SECTION("all of it has gone") {
    house.store.files().remove_results(first);
  }
  const std::string again = house.accepted(house.upload("report.docx", a_docx));
  house.succeed(again, {{"source.pdf", "a better one"}});
  CHECK(house.result_text(again) == "a better one");
  CHECK(house.store.story(again) == run_story);
  CHECK_FALSE(house.store.conversion(again)->served_from);
  CHECK(house.cached() == 0);
  const std::string third = house.accepted(house.upload("report.docx", a_docx));
  CHECK(house.result_text(third) == "a better one");
}

TEST_CASE("a damaged result does not open a full queue") {
  Settings settings = slots(1);
  settings.queue_limit = 1;
  Thrifty house(settings);
  const std::string first = house.completed(house.upload("report.docx", a_docx));
  house.store.files().remove_results(first);
  house.spawner.runner_goes();
  (void)house.accepted(house.upload("other.docx", a_docx + "other"));
  CHECK(house.submit(house.upload("report.docx", a_docx)).error().code == ErrorCode::queue_full);
}

TEST_CASE("a result of several files keeps what is inside, and takes the names of its new owner") {
  Thrifty house;
  auto submission = house.upload("slides.pdf", a_pdf);
  submission.to = "png";
  const std::string first = house.accepted(std::move(submission));
  house.succeed(first, {{"source-1.png", "one"}, {"source-2.png", "two"}});
  const auto again = [&](const std::string& name) {
    auto other = house.upload(name, a_pdf);
    other.to = "png";
    return house.status(house.accepted(std::move(other)));
  };
  const auto same = again("slides.pdf");
  CHECK(same.result->file.sha256 == house.status(first).result->file.sha256);
  CHECK(house.result_text(same.id, "slides-2.png") == "two");
  const auto copy = again("copy.pdf");
  CHECK(copy.result->file.name == "copy.zip");
  CHECK(house.result_text(copy.id, "copy-1.png") == "one");
  CHECK(house.result_text(copy.id).find("copy-2.png") != std::string::npos);
  CHECK(house.result_text(copy.id).find("slides") == std::string::npos);
  CHECK(house.cached() == 2);
}

TEST_CASE("what is not the same for certain is converted") {
  Thrifty house(slots(3));
  (void)house.completed(house.upload("report.docx", a_docx));
  const auto runs = [&](Submission submission) {
    const int started = house.spawner.started();
    const std::string org = submission.org;
    (void)house.accepted(std::move(submission));
    const bool ran = house.spawner.started() == started + 1;
    for (const auto child : house.spawner.running()) house.spawner.succeeds(child, {{"source.pdf", "x"}});
    house.loop.turn();
    return ran;
  };
  CHECK_FALSE(runs(house.upload("report.docx", a_docx)));
  CHECK(runs(house.upload("report.docx", a_docx + "!")));
  CHECK(runs(house.upload("report.docx", a_docx, "uid:2")));
  CHECK(runs(changed(house.upload("report.docx", a_docx), [](auto& s) { s.reuse = false; })));
  CHECK(runs(changed(house.upload("report.docx", a_docx), [](auto& s) { s.options.set("pages", "1"); })));
  for (int i = 0; i < 2; ++i)
    CHECK(runs(changed(house.upload("report.docx", a_docx), [](auto& s) { s.options.set("password", "x"); })));
  house.registry.set_version("office", "7.5.0");
  CHECK(runs(house.upload("report.docx", a_docx)));
  house.registry.set_version("office", "");
  for (int i = 0; i < 2; ++i) CHECK(runs(house.upload("report.docx", a_docx)));

  House wasteful(slots(3));
  for (int i = 0; i < 2; ++i) {
    const std::string id = wasteful.accepted(wasteful.upload("report.docx", a_docx));
    wasteful.succeed(id, {{"source.pdf", "x"}});
  }
  CHECK(wasteful.spawner.started() == 2);
}

TEST_CASE("a retry of what has ended runs") {
  Thrifty house;
  const std::string first = house.completed(house.upload("report.docx", a_docx));
  const auto again = house.retry(first);
  REQUIRE(again);
  house.succeed(again->id, {{"source.pdf", "anew"}});
  CHECK(house.result_text(again->id) == "anew");
}

TEST_CASE("a result whose commit failed stays until the sweep knows that no row names it") {
  Thrifty house;
  (void)house.completed(house.upload("report.docx", a_docx));
  auto again = house.upload("report.docx", a_docx);
  house.store.fail_commits(shared::Error{ErrorCode::unavailable, "away", {}});
  CHECK(house.submit(std::move(again)).error().code == ErrorCode::unavailable);
  house.store.fail_commits(std::nullopt);
  house.loop.turn();
  const auto stored = [&] {
    const std::filesystem::directory_iterator results(house.state() + "/results");
    return std::distance(begin(results), end(results));
  };
  CHECK(stored() == 2);  // the failure may have come behind the commit
  for (int i = 0; i < 3; ++i) house.loop.advance(convd::jobs::Sweep::period);
  CHECK(stored() == 1);
}

TEST_CASE("two at once share one run, and are two conversions in all else") {
  Thrifty house;
  const std::string first = house.accepted(house.upload("report.docx", a_docx));
  auto twin = house.upload("copy.docx", a_docx);
  twin.labels = {{"team", "red"}};
  const std::string second = house.accepted(std::move(twin));
  CHECK(second != first);
  CHECK(house.spawner.started() == 1);
  house.spawner.prints(house.child_of(first), "page 13/31\n");
  CHECK(house.status(second).status == shared::Status::processing);
  CHECK(house.status(second).message == "Converting page 13 of 31");
  CHECK(house.status(second).progress == 41);
  CHECK(house.status(second).stage->done == 13);
  CHECK(house.status(second).labels.at("team") == "red");
  house.succeed(first, {{"source.pdf", "the pdf"}});
  CHECK(house.spawner.started() == 1);
  CHECK(house.fate(first) == "completed");
  CHECK(house.fate(second) == "completed");
  CHECK(house.status(second).result->file.name == "copy.pdf");
  CHECK(house.result_text(second) == "the pdf");
  CHECK(house.store.story(first) == run_story);
  CHECK(house.store.story(second) == run_story);
  CHECK(house.store.conversion(second)->served_from == first);
  CHECK(house.manager().receipt("uid:1", second)->reused == "run");
  CHECK_FALSE(house.store.conversion(first)->served_from);
  CHECK(house.manager().receipt("uid:1", second)->steps.size() == 1);
  CHECK(house.shared_runs() == 1);
  CHECK(house.cached() == 0);
  CHECK(house.manager().counters().attempts == 1);
  CHECK(house.manager().capacity().waiting == 0);
  CHECK(house.manager().capacity().running == 0);
}

TEST_CASE("watchers of one that follows hear of the run, with revs of its own") {
  Thrifty house;
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  const std::string second = house.accepted(house.upload("a.docx", a_docx));
  Story heard;
  std::int64_t rev = house.status(second).rev;
  bool terminal = false;
  const auto watcher = house.manager().board().subscribe(second, [&](const convd::events::Latest& latest) {
    CHECK_FALSE(terminal);
    CHECK(latest.rev > rev);
    rev = latest.rev;
    terminal = latest.terminal;
    heard.push_back(shared::status_object_from(shared::Json::parse(*latest.frame)->read())->message);
  });
  house.spawner.prints(house.child_of(first), "page 1/2\n");
  house.loop.advance(1s);
  CHECK(heard == Story{"Converting page 1 of 2"});
  house.spawner.prints(house.child_of(first), "page 2/2\n");
  house.loop.advance(1s);
  house.succeed(first, {{"source.pdf", "x"}});
  house.loop.advance(1s);
  CHECK(heard.back() == "Completed");
  CHECK(terminal);
}

TEST_CASE("who came while the twin waits is told its place, and costs no slot") {
  Thrifty house(slots(1));
  const std::string busy = house.accepted(house.upload("z.docx", a_docx + "z"));
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  const std::string second = house.accepted(house.upload("a.docx", a_docx));
  CHECK(house.status(first).position == 1);
  CHECK(house.status(second).position == 1);
  CHECK(house.status(second).status == shared::Status::pending);
  CHECK(house.manager().capacity().waiting == 2);
  house.succeed(busy, {{"source.pdf", "z"}});
  CHECK(house.manager().capacity().running == 1);
  CHECK(house.status(second).status == shared::Status::processing);
  house.succeed(first, {{"source.pdf", "x"}});
  CHECK(house.fate(second) == "completed");
}

TEST_CASE("how a run fails is how all fail, also when it is tried again before") {
  Thrifty house;
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  const std::string second = house.accepted(house.upload("a.docx", a_docx));
  house.spawner.ends(house.child_of(first), End::signalled, 11);
  house.loop.turn();
  CHECK(house.status(first).status == shared::Status::pending);
  CHECK(house.status(second).status == shared::Status::pending);
  house.loop.advance(10s);
  CHECK(house.status(second).status == shared::Status::processing);
  house.spawner.prints(house.child_of(first), "bad document\n", Stream::err);
  house.spawner.ends(house.child_of(first), End::exited, 1);
  house.loop.turn();
  CHECK(house.fate(first) == "error input_invalid");
  CHECK(house.fate(second) == "error input_invalid");
  CHECK(house.status(second).error == house.status(first).error);
  CHECK(house.status(second).error_info->detail == "bad document\n");
  CHECK(house.manager().receipt("uid:1", second)->steps.size() == 2);
  CHECK(house.spawner.started() == 2);
  CHECK(house.manager().capacity().waiting == 0);
  const std::string third = house.accepted(house.upload("a.docx", a_docx));
  house.succeed(third, {{"source.pdf", "x"}});
  CHECK(house.fate(third) == "completed");
}

TEST_CASE("when the one that runs is cancelled, the next one runs") {
  Thrifty house;
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  const std::string second = house.accepted(house.upload("a.docx", a_docx));
  const std::string third = house.accepted(house.upload("a.docx", a_docx));
  SECTION("cancelled") {
    REQUIRE(house.cancel(first));
  }
  SECTION("removed") {
    house.remove(first);
  }
  house.loop.advance(1s);
  CHECK(house.status(second).status == shared::Status::processing);
  CHECK(house.status(third).status == shared::Status::processing);
  CHECK(house.spawner.started() == 2);
  house.succeed(second, {{"source.pdf", "x"}});
  CHECK(house.fate(second) == "completed");
  CHECK(house.fate(third) == "completed");
  CHECK(house.store.conversion(third)->served_from == second);
  CHECK(house.spawner.started() == 2);
}

TEST_CASE("one that waits and is cancelled hands its place to the next, and one that follows touches nobody") {
  Thrifty house(slots(1));
  const std::string busy = house.accepted(house.upload("z.docx", a_docx + "z"));
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(house.accepted(house.upload("a.docx", a_docx)));
  REQUIRE(house.cancel(ids[0]));
  REQUIRE(house.cancel(ids[2]));
  CHECK(house.status(ids[1]).position == 1);
  house.succeed(busy, {{"source.pdf", "z"}});
  REQUIRE(house.cancel(ids[3]));
  CHECK(house.fate(ids[1]) == "processing");
  house.succeed(ids[1], {{"source.pdf", "x"}});
  CHECK(house.fate(ids[0]) == "cancelled cancelled_by_user");
  CHECK(house.fate(ids[1]) == "completed");
  CHECK(house.fate(ids[2]) == "cancelled cancelled_by_user");
  CHECK(house.fate(ids[3]) == "cancelled cancelled_by_user");
}

TEST_CASE("a deadline is of one alone, whether it leads or follows") {
  Thrifty house(slots(1));
  const std::string busy = house.accepted(house.upload("z.docx", a_docx + "z"));
  const auto patient_for = [&](std::int64_t deadline_ms) {
    return house.accepted(changed(house.upload("a.docx", a_docx), [&](auto& s) { s.deadline_ms = deadline_ms; }));
  };
  const std::string leads = patient_for(5'000);
  const std::string follows = patient_for(3'000);
  const std::string waits = patient_for(20'000);
  house.loop.advance(4s);
  CHECK(house.fate(follows) == "error timed_out");
  CHECK(house.fate(leads) == "pending");
  house.loop.advance(2s);
  CHECK(house.fate(leads) == "error timed_out");
  CHECK(house.fate(waits) == "pending");
  CHECK(house.status(waits).position == 1);
  house.succeed(busy, {{"source.pdf", "z"}});
  house.loop.advance(30s);
  house.succeed(waits, {{"source.pdf", "x"}});
  CHECK(house.fate(waits) == "completed");
}

TEST_CASE("the one that runs takes the highest priority of those that wait for it") {
  Thrifty house(slots(1));
  const std::string busy = house.accepted(house.upload("z.docx", a_docx + "z"));
  const std::string low = house.accepted(changed(house.upload("a.docx", a_docx), [](auto& s) { s.priority = 1; }));
  const std::string middle = house.accepted(house.upload("m.docx", a_docx + "m"));
  CHECK(house.status(low).position == 2);
  const std::string high = house.accepted(changed(house.upload("a.docx", a_docx), [](auto& s) { s.priority = 9; }));
  CHECK(house.status(low).position == 1);
  CHECK(house.status(high).position == 1);
  CHECK(house.status(middle).position == 2);
}

TEST_CASE("who may run for another time is nobody's twin, nor is one of another org") {
  Thrifty house(slots(4));
  (void)house.accepted(house.upload("a.docx", a_docx));
  (void)house.accepted(house.upload("a.docx", a_docx, "uid:2"));
  (void)house.accepted(changed(house.upload("a.docx", a_docx), [](auto& s) { s.attempt_timeout_ms = 1'000; }));
  (void)house.accepted(changed(house.upload("a.docx", a_docx), [](auto& s) { s.reuse = false; }));
  CHECK(house.spawner.running().size() == 4);
}

TEST_CASE("twins find each other again after a crash") {
  Thrifty house;
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  const std::string second = house.accepted(house.upload("a.docx", a_docx));
  house.spawner.prints(house.child_of(first), "page 1/2\n");
  const auto before = house.status(second);
  house.restart();
  CHECK(house.spawner.running().size() == 1);
  CHECK(house.status(second).rev > before.rev);
  house.succeed(first, {{"source.pdf", "x"}});
  CHECK(house.fate(first) == "completed");
  CHECK(house.fate(second) == "completed");
  CHECK(house.result_text(second) == "x");
}

TEST_CASE("a crash between the end of a run and those of its twins costs no second run") {
  Thrifty house;
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  const std::string second = house.accepted(house.upload("a.docx", a_docx));
  house.spawner.succeeds(house.child_of(first), {{"source.pdf", "x"}});
  const int started = house.spawner.started();
  // Until the one that ran has its end, and not a turn further.
  while (house.store.conversion(first)->status != "completed") REQUIRE(house.loop.step());
  REQUIRE(house.store.conversion(second)->status == "processing");
  house.restart();
  CHECK(house.fate(second) == "completed");
  CHECK(house.status(second).message == "Served from cache");
  CHECK(house.result_text(second) == "x");
  CHECK(house.spawner.started() == started);
}

TEST_CASE("a stored result whose row is damaged serves nobody, and stops no start") {
  Thrifty house;
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  const std::string second = house.accepted(house.upload("a.docx", a_docx));
  house.spawner.succeeds(house.child_of(first), {{"source.pdf", "x"}});
  while (house.store.conversion(first)->status != "completed") REQUIRE(house.loop.step());
  house.store.damage(first);
  house.restart();
  CHECK(house.fate(second) == "processing");
  house.succeed(second, {{"source.pdf", "anew"}});
  CHECK(house.result_text(second) == "anew");
}

TEST_CASE("a twin whose inheritance is gone runs itself") {
  Thrifty house;
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  const std::string second = house.accepted(house.upload("a.docx", a_docx));
  const std::string third = house.accepted(house.upload("a.docx", a_docx));
  house.spawner.succeeds(house.child_of(first), {{"source.pdf", "x"}});
  while (house.store.conversion(first)->status != "completed") REQUIRE(house.loop.step());
  house.store.files().remove_results(first);
  house.loop.advance(1s);
  CHECK(house.fate(first) == "completed");
  CHECK(house.fate(second) == "processing");
  CHECK(house.fate(third) == "processing");
  house.succeed(second, {{"source.pdf", "y"}});
  CHECK(house.result_text(second) == "y");
  CHECK(house.result_text(third) == "y");
  CHECK(house.spawner.started() == 2);
}

TEST_CASE("many twins are attended to in turns, and count as waiting") {
  Settings settings = slots(1);
  settings.queue_limit_per_org = 100;
  Thrifty house(settings);
  std::vector<std::string> ids;
  for (int i = 0; i <= 100; ++i) ids.push_back(house.accepted(house.upload("a.docx", a_docx)));
  CHECK(house.spawner.started() == 1);
  CHECK(house.submit(house.upload("a.docx", a_docx)).error().code == ErrorCode::queue_full);
  house.succeed(ids[0], {{"source.pdf", "x"}});
  for (const auto& id : ids) CHECK(house.result_text(id) == "x");
  CHECK(house.shared_runs() == 100);
}

TEST_CASE("a drain waits for the twins of what it lets finish") {
  Thrifty house;
  const std::string first = house.accepted(house.upload("a.docx", a_docx));
  const std::string second = house.accepted(house.upload("a.docx", a_docx));
  bool drained = false;
  house.manager().drain(30s, [&] {
    drained = true;
    CHECK(house.store.conversion(second)->status == "completed");
  });
  house.succeed(first, {{"source.pdf", "x"}});
  CHECK(drained);
}

// As its namesake in manager_test, with few documents, so that almost everything is somebody's twin.
TEST_CASE("whatever happens in whatever order, each of many twins ends exactly once") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto chance = [&](unsigned of) { return random() % of == 0; };
  Thrifty house(slots(2));
  std::vector<std::string> ids;
  const auto any = [&] { return ids[random() % ids.size()]; };
  for (int step = 0; step < 900; ++step) {
    const auto running = house.spawner.running();
    if (ids.size() < 120 && chance(2)) {
      auto submission = house.upload("a.docx", a_docx + std::to_string(random() % 3));
      submission.priority = static_cast<int>(random() % 10);
      if (chance(5)) submission.deadline_ms = 1 + random() % 3'000;
      if (chance(9)) submission.reuse = false;
      house.manager().submit(std::move(submission), [&](auto accepted) {
        if (accepted) ids.push_back(accepted->id);
      });
    }
    if (!ids.empty() && chance(5)) house.manager().cancel("uid:1", any(), [](auto) {});
    if (!ids.empty() && chance(6)) house.store.files().remove_results(any());
    if (!running.empty()) {
      const auto child = running[random() % running.size()];
      const auto kind = random() % 14;
      if (kind < 3) house.spawner.succeeds(child, {{"source.pdf", "x"}});
      if (kind == 3) house.spawner.ends(child, End::signalled, 11);
      if (kind == 4) house.spawner.ends(child, End::lost);
      if (kind == 5) house.spawner.ends(child, End::exited, 1);
      if (kind == 6) house.spawner.prints(child, "page " + std::to_string(random() % 9) + "/9\n");
    }
    if (chance(20)) house.store.fail_commits(shared::Error{ErrorCode::unavailable, "away", {}});
    if (chance(3)) house.store.fail_commits(std::nullopt);
    if (chance(2)) house.loop.turn();
    if (chance(3)) house.loop.step();
    if (chance(4)) house.loop.advance(std::chrono::milliseconds(random() % 2000));
    if (chance(60)) {
      house.store.fail_commits(std::nullopt);
      house.restart();
    }
  }
  house.store.fail_commits(std::nullopt);
  for (int i = 0; i < 1000 && !house.store.unfinished().empty(); ++i) {
    for (const auto child : house.spawner.running()) house.spawner.succeeds(child, {{"source.pdf", "x"}});
    house.loop.advance(1s);
  }
  CHECK(house.store.unfinished().empty());
  CHECK(house.manager().capacity().running == 0);
  CHECK(house.manager().capacity().waiting == 0);
  CHECK(house.store.refused_updates() == 0);
  for (const auto& id : ids) {
    int ends = 0;
    for (const auto& type : house.store.story(id))
      ends += type == "conversion.completed" || type == "conversion.error" || type == "conversion.cancelled";
    CHECK(ends == 1);
    CHECK(house.store.story(id).back() == "conversion." + house.store.conversion(id)->status);
  }
}
