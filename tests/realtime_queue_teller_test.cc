#include "convd/realtime/queue_teller.h"

#include <chrono>

#include "tests/support/fake_sink.h"
#include "tests/support/house.h"

using convd::realtime::QueueTeller;
using shared::Service;
using tests::a_docx;
using tests::House;
using namespace std::chrono_literals;

namespace {

using Told = std::vector<std::string>;

convd::jobs::Settings narrow() {
  convd::jobs::Settings settings;
  settings.slots = 1;
  settings.short_cost_ms = 1;  // nothing counts as short
  settings.queue_limit_per_org = 2;
  return settings;
}

struct World {
  House house{narrow()};
  tests::FakeSink sink;
  QueueTeller teller{house.loop, house.manager(), sink};

  Told second_later() {
    house.loop.advance(1s);
    return sink.take();
  }
  std::string submit(const std::string& org) { return house.accepted(house.upload("report.docx", a_docx, org)); }
};

std::string depth(const std::string& org, const std::string& members) {
  return org + " queue queue.depth queue {" + members + "}";
}

}  // namespace

TEST_CASE("nobody is told of a queue that nobody listens to") {
  World world;
  world.submit("uid:1");
  CHECK(world.second_later().empty());
  world.sink.heard = {{"uid:1", Service::conversion}};
  CHECK(world.second_later().empty());
}

TEST_CASE("each org hears of all and of itself, and again when something has changed") {
  World world;
  world.sink.heard = {{"uid:1", Service::queue}, {"uid:2", Service::queue}};
  const std::string idle = R"("slots":1,"short_slots":0,"running":0,"running_short":0,"waiting":0,"wait_ms":0,)"
                           R"("org_running":0,"org_waiting":0,"org_wait_ms":0,"org_next":[],"accepting":true)";
  CHECK(world.second_later() == Told{depth("uid:1", idle), depth("uid:2", idle)});
  CHECK(world.second_later().empty());

  const std::string first = world.submit("uid:1");
  const std::string second = world.submit("uid:2");
  const std::string third = world.submit("uid:2");
  const std::string busy = R"("slots":1,"short_slots":0,"running":1,"running_short":0,"waiting":2,"wait_ms":null,)";
  const std::string next =
      R"([{"id":")" + second + R"(","position":1,"eta_ms":null},{"id":")" + third + R"(","position":2,"eta_ms":null}])";
  CHECK(world.second_later() ==
        Told{depth("uid:1", busy + R"("org_running":1,"org_waiting":0,"org_wait_ms":null,"org_next":[],)" +
                                R"("accepting":true)"),
             depth("uid:2", busy + R"("org_running":0,"org_waiting":2,"org_wait_ms":null,"org_next":)" + next +
                                R"(,"accepting":false)")});
  CHECK(world.second_later().empty());

  world.house.succeed(first, {{"source.pdf", "x"}});
  const Told told = world.second_later();
  REQUIRE(told.size() == 2);
  CHECK(told[0].find(R"("running":1,"running_short":0,"waiting":1,)") != std::string::npos);
  CHECK(told[0].find(R"("org_running":0,"org_waiting":0,)") != std::string::npos);
  CHECK(told[1].find(R"("org_running":1,"org_waiting":1,)") != std::string::npos);
  CHECK(told[1].find(R"("org_next":[{"id":")" + third + R"(","position":1,)") != std::string::npos);
}

TEST_CASE("one that waits to be tried again waits") {
  World world;
  world.sink.heard = {{"uid:1", Service::queue}};
  const std::string id = world.submit("uid:1");
  world.house.spawner.ends(world.house.child_of(id), convd::process::End::signalled, 11);
  world.house.loop.turn();
  REQUIRE(world.house.status(id).status == shared::Status::pending);
  CHECK(world.house.manager().load("uid:1").waiting == 1);
  CHECK(world.house.manager().load("uid:2").waiting == 0);
  CHECK(world.house.manager().capacity().waiting == 1);
  world.house.loop.advance(2s);
  CHECK(world.house.status(id).status == shared::Status::processing);
  CHECK(world.house.manager().load("uid:1").running == 1);
  CHECK(world.house.manager().load("uid:1").waiting == 0);
}

TEST_CASE("who comes while others listen is told too, though nothing has changed") {
  World world;
  world.sink.heard = {{"uid:1", Service::queue}};
  CHECK(world.second_later().size() == 1);
  CHECK(world.second_later().empty());
  world.sink.came[{"uid:1", Service::queue}] = 2;
  CHECK(world.second_later().size() == 1);
  CHECK(world.second_later().empty());
}

TEST_CASE("who comes back is told at once, though nothing has changed") {
  World world;
  world.sink.heard = {{"uid:1", Service::queue}};
  CHECK(world.second_later().size() == 1);
  world.sink.heard.clear();
  CHECK(world.second_later().empty());
  world.sink.heard = {{"uid:1", Service::queue}};
  CHECK(world.second_later().size() == 1);
}
