#include "convd/realtime/presence.h"

#include <optional>
#include <utility>

#include "tests/support/catch.h"
#include "tests/support/fake_sink.h"

using convd::realtime::Presence;

namespace {

using Told = std::vector<std::string>;

struct World {
  tests::FakeSink sink;
  std::optional<Presence> presence{sink};
};

}  // namespace

TEST_CASE("watchers are counted by principal, and every change is told") {
  World world;
  world.sink.heard = {{"acme", shared::Service::presence}};
  auto first = world.presence->enter("acme", "c1", "uid:2");
  auto second = world.presence->enter("acme", "c1", "uid:1");
  auto third = world.presence->enter("acme", "c1", "uid:2");
  const std::string three =
      R"({"conversion":"c1","watchers":[{"principal":"uid:1","connections":1},{"principal":"uid:2","connections":2}],"total":3})";
  CHECK(world.presence->describe("acme", "c1").dump() == three);
  CHECK(
      world.sink.take() ==
      Told{
          R"(acme presence presence.changed c1 {"conversion":"c1","watchers":[{"principal":"uid:2","connections":1}],"total":1})",
          R"(acme presence presence.changed c1 {"conversion":"c1","watchers":[{"principal":"uid:1","connections":1},{"principal":"uid:2","connections":1}],"total":2})",
          "acme presence presence.changed c1 " + three});

  const Presence::Ticket moved = std::move(first);
  CHECK(world.sink.take().empty());
  second.reset();
  third.reset();
  CHECK(
      world.sink.take().back() ==
      R"(acme presence presence.changed c1 {"conversion":"c1","watchers":[{"principal":"uid:2","connections":1}],"total":1})");
}

TEST_CASE("the last one to leave is told too") {
  World world;
  world.sink.heard = {{"acme", shared::Service::presence}};
  world.presence->enter("acme", "c1", "uid:1").reset();
  CHECK(world.sink.take().back() == R"(acme presence presence.changed c1 {"conversion":"c1","watchers":[],"total":0})");
  CHECK(world.presence->describe("acme", "c1").dump() == R"({"conversion":"c1","watchers":[],"total":0})");
}

TEST_CASE("orgs and conversions do not see each other's watchers") {
  World world;
  world.sink.heard = {{"other", shared::Service::presence}};
  const auto here = world.presence->enter("acme", "c1", "uid:1");
  CHECK(world.sink.take().empty());
  CHECK(world.presence->describe("other", "c1").dump() == R"({"conversion":"c1","watchers":[],"total":0})");
  CHECK(world.presence->describe("acme", "c2").dump() == R"({"conversion":"c2","watchers":[],"total":0})");
}

TEST_CASE("a ticket may outlive the presence") {
  World world;
  world.sink.heard = {{"acme", shared::Service::presence}};
  auto ticket = world.presence->enter("acme", "c1", "uid:1");
  world.sink.take();
  world.presence.reset();
  ticket.reset();
  CHECK(world.sink.take().empty());
}
