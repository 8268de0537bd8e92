// What the stream tells of uploads, by whatever request they come.

#include "tests/support/api_world.h"

using namespace tests;
using shared::Json;
using World = ApiWorld;

namespace {

using Told = std::vector<std::string>;

// The latest of each upload since the last time: "report.docx 55/55 stored".
Told uploads(Listener& listener) {
  Told told;
  for (const Json& event : listener.events()) {
    CHECK(event.read().at("type")->string().value() == "upload.progress");
    CHECK(event.read().at("class")->string().value() == "progress");
    const Json data = event.read().at("data")->clone();
    const auto member = [&](const char* key) {
      const auto value = data.read().find(key);
      return !value ? "null" : value->is_string() ? value->string().value() : value->clone().dump();
    };
    CHECK(member("id") == event.read().at("subject")->string().value());
    CHECK(member("principal") == "uid:1");
    told.push_back(member("filename") + " " + member("received") + "/" + member("total") + " " + member("state"));
  }
  return told;
}

const std::string size = std::to_string(a_docx.size());

}  // namespace

TEST_CASE("a document that is sent as it is has a known length") {
  World world;
  Listener listener(world, {"upload"});
  Asked asked = world.send("POST /documents?name=report.docx", {{"content-length", size}}, a_docx.substr(0, 14));
  CHECK(uploads(listener) == Told{"report.docx 14/" + size + " receiving"});
  asked.exchange->on_body(a_docx.substr(14));
  CHECK(uploads(listener) == Told{"report.docx " + size + "/" + size + " receiving"});
  asked.exchange->on_body_end();
  CHECK(uploads(listener) == Told{"report.docx " + size + "/" + size + " stored"});
}

TEST_CASE("each file of a form is told by itself") {
  World world;
  Listener listener(world, {"upload"});
  CHECK(world.ask("POST /documents", as_parts, file("a.docx", a_docx) + file("b.docx", a_docx) + end).last.status ==
        201);
  CHECK(uploads(listener) == Told{"a.docx " + size + "/null stored", "b.docx " + size + "/null stored"});
}

TEST_CASE("the file of a conversion is told, in the end by the name it is stored under") {
  World world;
  Listener listener(world, {"upload"});
  Asked asked = world.send("POST /convert", as_parts, file("tmp123", a_docx));
  CHECK(uploads(listener) == Told{"tmp123 " + size + "/null receiving"});
  asked.exchange->on_body(field("filename", "report.docx") + end);
  asked.exchange->on_body_end();
  CHECK(uploads(listener) == Told{"report.docx " + size + "/null stored"});
  CHECK(world.ask("POST /convert", as_parts, file("", a_docx) + field("filename", "second.docx") + end).last.status ==
        200);
  CHECK(uploads(listener) == Told{"second.docx " + size + "/null stored"});
}

TEST_CASE("an input that is not chosen, or already stored, is no upload") {
  World world;
  world.ask("POST /documents?name=report.docx", {}, a_docx);
  Listener listener(world, {"upload"});
  CHECK(world.ask("POST /convert", as_json, R"({"filename":"report.docx"})").last.status == 200);
  CHECK(world.ask("POST /convert", as_parts, file("", "") + field("filename", "report.docx") + end).last.status == 200);
  CHECK(uploads(listener).empty());
}

TEST_CASE("an upload fails when its client goes, when it is refused and when it cannot be stored") {
  World world;
  Listener listener(world, {"upload"});
  const std::string received = "report.docx 14/null ";
  world.send("POST /documents?name=report.docx", {}, a_docx.substr(0, 14)).exchange.reset();
  CHECK(uploads(listener) == Told{received + "failed"});

  world.ask("POST /convert", as_parts, file("report.docx", a_docx.substr(0, 14)) + field("to", "mp3") + end);
  CHECK(uploads(listener) == Told{received + "failed"});

  world.house.store.fail_commits(shared::Error{shared::ErrorCode::disk_full, "full", {}});
  CHECK(world.ask("POST /documents?name=report.docx", {}, a_docx).refusal() == "507 disk_full");
  world.house.store.fail_commits(std::nullopt);
  CHECK(uploads(listener) == Told{"report.docx " + size + "/null failed"});
}

TEST_CASE("a client that does not wait for the answer has uploaded all the same") {
  World world;
  Listener listener(world, {"upload"});
  world.house.store.hold();
  Asked asked = world.begin("POST /documents?name=report.docx", {}, a_docx);
  CHECK(asked.answer->times == 0);
  asked.exchange.reset();
  world.house.store.let_go();
  CHECK(uploads(listener) == Told{"report.docx " + size + "/null stored"});
}

TEST_CASE("uploads of others are not heard") {
  World world;
  Listener listener(world, {"upload"}, "uid:2");
  world.ask("POST /documents?name=report.docx", {}, a_docx);
  CHECK(listener.events().empty());
}
