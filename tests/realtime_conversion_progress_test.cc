#include "convd/realtime/conversion_progress.h"

#include <string>
#include <vector>

#include "tests/support/fake_sink.h"
#include "tests/support/house.h"

using convd::realtime::ConversionProgress;
using shared::Service;
using tests::a_docx;
using tests::House;

namespace {

using Told = std::vector<std::string>;

struct World {
  House house;
  tests::FakeSink sink;
  ConversionProgress progress{house.manager().board(), sink};

  std::string begun() {
    const std::string id = house.accepted(house.upload("report.docx", a_docx));
    sink.dropped.clear();
    return id;
  }
  void page(const std::string& id, int number) {
    house.spawner.prints(house.child_of(id), "page " + std::to_string(number) + "/10\n");
  }
};

}  // namespace

TEST_CASE("progress goes into the stream as the status object it is") {
  World world;
  world.sink.heard = {{"uid:1", Service::conversion}};
  const std::string id = world.begun();
  world.page(id, 3);
  REQUIRE(world.sink.offered.size() == 1);
  const auto& offered = world.sink.offered.front();
  CHECK(offered.org == "uid:1");
  CHECK(offered.service == Service::conversion);
  CHECK(offered.type == "conversion.progress");
  CHECK(offered.subject == id);
  CHECK(offered.data_json == shared::to_json(world.house.status(id)).dump());
  CHECK(offered.data_json.find("Converting page 3 of 10") != std::string::npos);
  CHECK(world.sink.dropped.empty());
}

TEST_CASE("a state is the store's to tell, and makes the progress before it untrue") {
  World world;
  world.sink.heard = {{"uid:1", Service::conversion}};
  const std::string id = world.begun();
  world.house.succeed(id, {{"source.pdf", "x"}});
  CHECK(world.house.fate(id) == "completed");
  CHECK(world.sink.dropped == Told{"uid:1 conversion " + id});
  for (const auto& offered : world.sink.offered) CHECK(offered.type == "conversion.progress");
}

TEST_CASE("progress that waits is taken back before the state is stored, not after") {
  World world;
  const std::string id = world.begun();
  world.house.store.hold();
  world.house.manager().cancel("uid:1", id, [](const auto&) {});
  world.house.loop.turn();
  CHECK(world.sink.dropped == Told{"uid:1 conversion " + id});
  CHECK(world.house.status(id).status == shared::Status::processing);
}

TEST_CASE("progress of an org that does not listen is not even made") {
  World world;
  world.sink.heard = {{"uid:2", Service::conversion}, {"uid:1", Service::queue}};
  const std::string id = world.begun();
  CHECK_FALSE(world.house.manager().board().is_watched(id, "uid:1"));
  CHECK(world.house.manager().board().is_watched("any", "uid:2"));
  world.page(id, 3);
  const auto watcher = world.house.manager().board().subscribe(id, [](const auto&) {});
  world.page(id, 4);
  CHECK(world.sink.offered.empty());
}

TEST_CASE("the board can go on without it") {
  World world;
  const std::string id = world.begun();
  {
    tests::FakeSink sink;
    sink.heard = {{"uid:1", Service::conversion}};
    const ConversionProgress other(world.house.manager().board(), sink);
    world.page(id, 3);
    CHECK(sink.offered.size() == 1);
  }
  world.page(id, 4);
  CHECK(world.sink.offered.empty());
}
