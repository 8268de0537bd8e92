#include "convd/realtime/uploads.h"

#include <optional>

#include "shared/json.h"
#include "tests/support/catch.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_sink.h"

using convd::realtime::Uploads;
using shared::Json;

namespace {

using Told = std::vector<std::string>;

struct World {
  tests::FakeLoop loop;
  tests::FakeSink sink;
  std::optional<Uploads> uploads;

  World() {
    uploads.emplace(loop, sink);
    sink.heard = {{"acme", shared::Service::upload}};
  }
  // What was told, without the id, which must be the subject: "a.docx 10/20 receiving".
  Told take() {
    Told told;
    for (const auto& progress : std::exchange(sink.offered, {})) {
      CHECK(progress.org == "acme");
      CHECK(progress.service == shared::Service::upload);
      CHECK(progress.type == "upload.progress");
      const Json json = Json::parse(progress.data_json).value();
      const auto member = [&](const char* key) { return json.read().at(key)->clone().dump(); };
      CHECK(member("id") == "\"" + progress.subject + "\"");
      CHECK(member("principal") == "\"uid:1\"");
      const auto total = json.read().find("total");
      told.push_back(member("filename") + " " + member("received") + "/" + (total ? total->clone().dump() : "null") +
                     " " + member("state"));
    }
    return told;
  }
};

}  // namespace

TEST_CASE("an upload is told from its beginning to its end") {
  World world;
  auto upload = world.uploads->begin("acme", "uid:1", "a.docx", 20);
  upload->received(10);
  upload->received(20);
  upload->stored("b.docx");
  upload.reset();
  CHECK(world.take() == Told{"\"a.docx\" 0/20 \"receiving\"", "\"a.docx\" 10/20 \"receiving\"",
                             "\"a.docx\" 20/20 \"receiving\"", "\"b.docx\" 20/20 \"stored\""});
}

TEST_CASE("one that goes before it was stored has failed") {
  World world;
  auto upload = world.uploads->begin("acme", "uid:1", "a.docx", std::nullopt);
  upload->received(10);
  upload.reset();
  CHECK(world.take() ==
        Told{"\"a.docx\" 0/null \"receiving\"", "\"a.docx\" 10/null \"receiving\"", "\"a.docx\" 10/null \"failed\""});
}

TEST_CASE("every upload is a subject of its own, and told only to those who listen") {
  World world;
  const auto a = world.uploads->begin("acme", "uid:1", "a", 1);
  const auto b = world.uploads->begin("acme", "uid:1", "a", 1);
  const auto elsewhere = world.uploads->begin("other", "uid:2", "a", 1);
  REQUIRE(world.sink.offered.size() == 2);
  CHECK(world.sink.offered[0].subject != world.sink.offered[1].subject);
}

TEST_CASE("an upload may outlive those who tell of it") {
  World world;
  auto upload = world.uploads->begin("acme", "uid:1", "a", 1);
  world.take();
  world.uploads.reset();
  upload->received(1);
  upload.reset();
  CHECK(world.sink.offered.empty());
}
