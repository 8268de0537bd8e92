// Who gets a slot when, and what is said of it, as stories.

#include <algorithm>
#include <string>
#include <vector>

#include "convd/jobs/manager.h"
#include "tests/support/house.h"

using namespace std::chrono_literals;
using convd::jobs::Settings;
using tests::a_docx;
using tests::a_pdf;
using tests::House;

namespace {

Settings settings_of(int slots, int short_slots) {
  Settings settings;
  settings.slots = slots;
  settings.short_slots = short_slots;
  return settings;
}

// Some hundred pages of text: nobody guesses that to be short.
const std::string a_book = tests::an_archive_of("[Content_Types].xml", std::string(400'000, 'x'));

std::string book(House& house, const std::string& org = "uid:1") {
  return house.accepted(house.upload("book.docx", a_book, org));
}
std::string letter(House& house, const std::string& org = "uid:1") {
  return house.accepted(house.upload("letter.docx", a_docx, org));
}
bool runs(House& house, const std::string& id, const std::string& org = "uid:1") {
  return house.status(id, org).status == shared::Status::processing;
}

}  // namespace

TEST_CASE("a letter never waits for books: a slot is kept for it") {
  House house(settings_of(1, 1));
  const std::string first = book(house);
  const std::string second = book(house);
  const std::string quick = letter(house);
  CHECK(runs(house, first));
  CHECK_FALSE(runs(house, second));
  CHECK(house.status(second).position == 1);
  CHECK(runs(house, quick));
  auto capacity = house.manager().capacity();
  CHECK(capacity.short_slots == 1);
  CHECK(capacity.running == 2);
  CHECK(capacity.running_short == 1);

  // In a line of its own, whatever waits of the long ones.
  const std::string next = letter(house);
  CHECK(house.status(next).position == 1);
  house.succeed(quick, {{"source.pdf", "x"}});
  CHECK(runs(house, next));
  house.succeed(next, {{"source.pdf", "x"}});
  CHECK_FALSE(runs(house, second));
  CHECK(house.manager().capacity().running == 1);
  house.succeed(first, {{"source.pdf", "x"}});
  CHECK(runs(house, second));
}

TEST_CASE("short work fills all slots when nothing else wants them") {
  House house(settings_of(1, 1));
  for (int i = 0; i < 3; ++i) (void)letter(house);
  CHECK(house.manager().capacity().running == 2);
  CHECK(house.manager().capacity().running_short == 2);
  CHECK(house.manager().capacity().waiting == 1);
}

TEST_CASE("a letter that takes long is a long one: no book is started in its place") {
  House house(settings_of(1, 1));
  const std::string slow = letter(house);
  house.loop.advance(2s);
  CHECK(house.manager().capacity().running_short == 0);
  const std::string waits = book(house);
  CHECK_FALSE(runs(house, waits));
  CHECK(runs(house, letter(house)));
  house.succeed(slow, {{"source.pdf", "x"}});
  CHECK(runs(house, waits));
}

TEST_CASE("an org has no more slots than it may, and the others go on") {
  Settings settings = settings_of(3, 0);
  settings.slots_per_org = 1;
  House house(settings);
  const std::string first = letter(house);
  const std::string second = letter(house);
  CHECK(runs(house, first));
  CHECK_FALSE(runs(house, second));
  CHECK(runs(house, letter(house, "uid:2"), "uid:2"));
  CHECK(house.manager().load("uid:1").running == 1);
  house.succeed(first, {{"source.pdf", "x"}});
  CHECK(runs(house, second));
}

TEST_CASE("one of Bob's is next, however many are Alice's and whatever their priority") {
  House house(settings_of(1, 0));
  std::vector<std::string> hers;
  for (int i = 0; i < 20; ++i) {
    auto submission = house.upload("letter.docx", a_docx, "alice");
    submission.priority = 9;
    hers.push_back(house.accepted(std::move(submission)));
  }
  const std::string his = letter(house, "bob");
  CHECK(house.status(his, "bob").position == 1);
  house.succeed(hers[0], {{"source.pdf", "x"}});
  CHECK(runs(house, his, "bob"));
}

TEST_CASE("orgs are served by their weights, which a reload changes") {
  Settings settings = settings_of(1, 0);
  settings.org_weights = {{"heavy", 3}};
  House house(settings);
  std::map<std::string, std::string> org_of;
  for (int i = 0; i < 16; ++i) {
    for (const auto* org : {"heavy", "light"}) org_of[letter(house, org)] = org;
  }
  const auto served = [&](int count) {
    std::map<std::string, int> all;
    for (int i = 0; i < count; ++i) {
      const auto child = house.spawner.running().front();
      const std::string job = house.spawner.child(child).spec.job;
      ++all[org_of.at(job.substr(0, job.find('/')))];
      house.spawner.succeeds(child, {{"source.pdf", "x"}});
      house.loop.turn();
    }
    return all;
  };
  CHECK(served(8)["heavy"] == 6);
  settings.org_weights = {{"light", 3}};
  house.manager().set(settings);
  (void)served(4);
  CHECK(served(8)["light"] == 6);
}

TEST_CASE("more slots after a reload start what waits, fewer kill nothing") {
  House house(settings_of(1, 0));
  for (int i = 0; i < 3; ++i) (void)letter(house);
  house.manager().set(settings_of(2, 1));
  CHECK(house.manager().capacity().running == 3);
  house.manager().set(settings_of(1, 0));
  house.loop.turn();
  CHECK(house.manager().capacity().running == 3);
  CHECK(house.spawner.running().size() == 3);
}

TEST_CASE("what is short is said anew by a reload, for what waits too") {
  Settings settings = settings_of(1, 1);
  House house(settings);
  const std::string first = book(house);
  const std::string second = book(house);
  const std::string third = book(house);
  CHECK_FALSE(runs(house, second));
  settings.short_cost_ms = 3'600'000;
  house.manager().set(settings);
  house.loop.turn();
  CHECK(runs(house, second));
  CHECK_FALSE(runs(house, third));
  CHECK(house.status(third).position.value_or(-1) == 1);
}

TEST_CASE("a step is known by the size of what it reads, not of what the route began with") {
  House house(settings_of(1, 1));
  auto slides = house.upload("slides.docx", a_docx);
  slides.to = "png";
  const std::string id = house.accepted(std::move(slides));
  const std::string pages(4 << 20, 'x');
  house.succeed(id, {{"source.pdf", a_pdf + pages}});
  house.loop.advance(30s);
  house.succeed(id, {{"source.png", "x"}});
  auto page = house.upload("page.pdf", a_pdf);
  page.to = "png";
  const std::string quick = house.accepted(std::move(page));
  CHECK(house.manager().capacity().running_short == 1);
  house.succeed(quick, {{"source.png", "x"}});
  auto as_large = house.upload("large.pdf", a_pdf + pages);
  as_large.to = "png";
  (void)house.accepted(std::move(as_large));
  CHECK(house.manager().capacity().running_short == 0);
}

TEST_CASE("the first ones of an org are told where they stand, and when they end once that is known") {
  House house(settings_of(1, 0));
  const std::string first = letter(house);
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(letter(house));
  auto places = house.manager().places("uid:1", 2);
  REQUIRE(places.size() == 2);
  CHECK(places[0].id == ids[0]);
  CHECK(places[0].position == 1);
  CHECK(places[0].eta_ms == std::nullopt);
  CHECK(house.manager().load("uid:1").wait_ms == std::nullopt);

  // What has been queued before the first run of its kind has ended learns from that run.
  house.loop.advance(4s);
  house.succeed(first, {{"source.pdf", "x"}});
  const std::string late = letter(house);
  house.succeed(ids[0], {{"source.pdf", "x"}});
  house.succeed(ids[1], {{"source.pdf", "x"}});
  CHECK(house.status(late).position == 1);
  CHECK(house.status(late).eta_ms.has_value());
  CHECK(house.manager().places("uid:2", 10).empty());
}

TEST_CASE("who finds the queue full is told when there will be room") {
  Settings settings = settings_of(1, 0);
  settings.queue_limit = 12;
  settings.queue_limit_per_org = 8;
  House house(settings);
  CHECK(house.manager().room_ms("uid:1") == 0);
  std::vector<std::string> running;
  for (int i = 0; i < 9; ++i) (void)letter(house);
  REQUIRE_FALSE(house.submit(house.upload("letter.docx", a_docx)));
  // Guessed: the engine's typical 800 ms.
  CHECK(house.manager().room_ms("uid:1") >= 800);
  CHECK(house.manager().room_ms("uid:1") < 1'000);
  CHECK(house.manager().room_ms("uid:2") == 0);
  for (int i = 0; i < 4; ++i) (void)letter(house, "uid:2");
  CHECK(house.manager().room_ms("uid:2") > 0);

  // Seen: one in ten seconds, with one of the other between two of one's own.
  for (int i = 0; i < 5; ++i) {
    house.loop.advance(10s);
    house.spawner.succeeds(house.spawner.running().front(), {{"source.pdf", "x"}});
    house.loop.turn();
  }
  const auto waiting = house.manager().load("uid:1").waiting;
  for (int i = waiting; i < 8; ++i) (void)letter(house);
  CHECK(house.manager().room_ms("uid:1") >= 10'000);
  CHECK(house.manager().room_ms("uid:1") <= 20'000);
}

TEST_CASE("the slots that nobody uses are lent to one long document, once") {
  House house(settings_of(3, 1));
  const std::string first = book(house);
  const std::string second = book(house);
  const auto processes = [&](const std::string& id) {
    return house.spawner.child(house.child_of(id)).spec.office->processes;
  };
  CHECK(processes(first) == 3);
  CHECK(processes(second) == 1);
  CHECK(runs(house, letter(house)));
}
