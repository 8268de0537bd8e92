// What operators ask of the manager, as stories.

#include "tests/support/house.h"

using convd::jobs::Operation;
using convd::jobs::Settings;
using shared::ErrorCode;
using tests::House;

namespace {

Settings one_slot() {
  Settings settings;
  settings.slots = 1;
  return settings;
}

std::string state_of(const House::Manager& manager) {
  const auto state = manager.operation();
  const std::string name = state.operation == Operation::running  ? "running"
                           : state.operation == Operation::paused ? "paused"
                                                                  : "draining";
  return name + (state.idle ? " idle" : "") + (state.stopping ? " stopping" : "");
}

}  // namespace

TEST_CASE("a pause accepts and starts nothing, and what runs goes on") {
  House house(one_slot());
  const auto first = house.accepted(house.upload("a.docx", tests::a_docx));
  CHECK(house.manager().pause());
  CHECK_FALSE(house.manager().pause());
  CHECK(house.manager().paused());
  CHECK(state_of(house.manager()) == "paused");
  const auto second = house.accepted(house.upload("b.docx", tests::a_docx));
  house.succeed(first, {{"source.pdf", tests::a_pdf}});
  CHECK(house.fate(first) == "completed");
  CHECK(state_of(house.manager()) == "paused idle");
  CHECK(house.fate(second) == "pending");
  CHECK(house.spawner.running().empty());
  CHECK(house.manager().problems().empty());
  CHECK(house.manager().resume());
  CHECK_FALSE(house.manager().resume());
  house.loop.turn();
  house.succeed(second, {{"source.pdf", tests::a_pdf}});
  CHECK(house.fate(second) == "completed");
}

TEST_CASE("a drain refuses, tells when nothing runs any more, and stays") {
  House house(one_slot());
  const auto first = house.accepted(house.upload("a.docx", tests::a_docx));
  const auto second = house.accepted(house.upload("b.docx", tests::a_docx));
  int told = 0;
  CHECK(house.manager().drain_and_stay([&] { ++told; }));
  CHECK_FALSE(house.manager().drain_and_stay([&] { told += 100; }));
  CHECK(house.submit(house.library("a.docx")).error().code == ErrorCode::shutting_down);
  CHECK(house.manager().begin_upload("uid:1").error().code == ErrorCode::shutting_down);
  CHECK_FALSE(house.manager().capacity().accepting);
  CHECK(house.manager().problems().size() == 1);
  house.loop.turn();
  CHECK(told == 0);
  house.succeed(first, {{"source.pdf", tests::a_pdf}});
  CHECK(told == 1);
  CHECK(state_of(house.manager()) == "draining idle");
  CHECK(house.fate(second) == "pending");
  CHECK(house.manager().resume());
  house.loop.turn();
  CHECK(house.manager().problems().empty());
  house.succeed(second, {{"source.pdf", tests::a_pdf}});
  CHECK(told == 1);
}

TEST_CASE("a drain that is taken back tells nothing") {
  House house(one_slot());
  const auto id = house.accepted(house.upload("a.docx", tests::a_docx));
  bool told = false;
  house.manager().drain_and_stay([&] { told = true; });
  house.manager().pause();
  house.succeed(id, {{"source.pdf", tests::a_pdf}});
  CHECK_FALSE(told);
  CHECK(house.submit(house.library("a.docx")));
}

TEST_CASE("who has been drained leaves at once, and is not asked for anything more") {
  House house(one_slot());
  house.manager().drain_and_stay([] {});
  bool gone = false;
  house.manager().drain(std::chrono::hours(1), [&] { gone = true; });
  CHECK_FALSE(house.manager().resume());
  CHECK_FALSE(house.manager().pause());
  CHECK(state_of(house.manager()) == "draining idle stopping");
  house.loop.turn();
  CHECK(gone);
}

TEST_CASE("other settings are in force at once") {
  House house(one_slot());
  const auto first = house.accepted(house.upload("a.docx", tests::a_docx));
  const auto second = house.accepted(house.upload("b.docx", tests::a_docx));
  CHECK(house.fate(second) == "pending");
  Settings settings = house.manager().settings();
  settings.slots = 2;
  settings.queue_limit = 1;
  house.manager().set(settings);
  house.loop.turn();
  CHECK(house.fate(second) == "processing");
  house.accepted(house.library("a.docx"));
  CHECK(house.submit(house.library("a.docx")).error().code == ErrorCode::queue_full);
}

TEST_CASE("who looks sees what runs, what is next and how fast it goes") {
  House house(one_slot());
  const auto first = house.accepted(house.upload("a.docx", tests::a_docx));
  house.loop.advance(std::chrono::seconds(3));
  const auto second = house.accepted(house.upload("b.docx", tests::a_docx, "uid:2"));
  house.loop.advance(std::chrono::seconds(2));
  const auto all = house.manager().activity("");
  REQUIRE(all.running.size() == 1);
  CHECK(all.running[0].status.id == first);
  CHECK(all.running[0].org == "uid:1");
  CHECK(all.running[0].engine == "office");
  CHECK(all.running[0].elapsed_ms == 5'000);
  REQUIRE(all.next.size() == 1);
  CHECK(all.next[0].status.id == second);
  CHECK(all.next[0].waited_ms == 2'000);
  CHECK(all.waiting == std::map<std::string, int>{{"uid:2", 1}});
  CHECK(all.last_minute.accepted == 2 * 60.0 / 6);
  const auto own = house.manager().activity("uid:1");
  CHECK(own.running.size() == 1);
  CHECK(own.next.empty());
  CHECK(own.waiting.empty());
  CHECK(house.manager().activity("uid:2").running.empty());
  house.succeed(first, {{"source.pdf", tests::a_pdf}});
  CHECK(house.cancel(second, "uid:2"));
  const auto then = house.manager().activity("");
  CHECK(then.last_minute.completed == 10);
  CHECK(then.last_minute.cancelled == 10);
  CHECK(then.last_quarter.error == 0);
}
