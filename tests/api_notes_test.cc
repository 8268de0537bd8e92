// Notes and watchers of a conversion, as transcripts, and what the stream tells of them.

#include "tests/support/api_world.h"

using namespace tests;
using shared::Json;
using World = ApiWorld;

namespace {

struct Peer final : Outlet {
  void want_write() override {}
  void flush() override {}
};

std::string note(const std::string& text) {
  return Json::object().set("text", text).dump();
}

}  // namespace

TEST_CASE("a note is answered with what is kept, listed, and told") {
  World world;
  const std::string id = world.accept("report.docx", a_docx);
  Listener listener(world, {"note"});
  const Answer added = world.ask("POST /v1/conversions/" + id + "/notes", as_json, note("  Looks good "));
  CHECK(added.last.status == 201);
  CHECK(added.member("conversion") == id);
  CHECK(added.member("author") == "uid:1");
  CHECK(added.member("text") == "Looks good");
  world.ask("POST /v1/conversions/" + id + "/notes", as_json, note("Again"));
  const Answer list = world.ask("GET /v1/conversions/" + id + "/notes");
  CHECK(list.last.status == 200);
  const Json whole = list.json();
  const auto notes = whole.read().at("notes")->items().value();
  REQUIRE(notes.size() == 2);
  CHECK(notes[0].clone().dump() == added.json().dump());
  CHECK(notes[1].at("text")->string().value() == "Again");

  const auto events = listener.events();
  REQUIRE(events.size() == 2);
  CHECK(events[0].read().at("type")->string().value() == "note.added");
  CHECK(events[0].read().at("subject")->string().value() == id);
  CHECK(events[0].read().at("class")->string().value() == "state");
  CHECK(events[0].read().at("data")->clone().dump() == added.json().dump());
}

TEST_CASE("what is wrong with a note is said") {
  World world;
  const std::string id = world.accept("report.docx", a_docx);
  const auto refusal = [&](const std::string& of, const Headers& headers, const std::string& body) {
    const Answer answer = world.ask("POST /v1/conversions/" + of + "/notes", headers, body);
    return answer.refusal() + ": " + answer.member("detail");
  };
  CHECK(refusal(id, as_form, "text=x") == "415 unsupported_media_type: Content-Type must be application/json");
  CHECK(refusal(id, as_json, "{") == "400 invalid_json: syntax error at byte 1");
  CHECK(refusal(id, as_json, "{}") == "400 invalid_json: $.text: required");
  CHECK(refusal(id, as_json, R"({"text":1})") == "400 invalid_json: $.text: expected a string, found a number");
  CHECK(refusal(id, as_json, R"({"text":"x","by":"me"})") == "400 invalid_json: $.by: unknown key; known are text");
  CHECK(refusal(id, as_json, note(" ")) == "400 invalid_request: text: required, and not only blanks");
  CHECK(refusal("none", as_json, note("x")) == "404 conversion_not_found: there is no conversion \"none\"");
  CHECK(world.ask("POST /v1/conversions/" + id + "/notes", as_json, std::string(70'000, ' ')).refusal() ==
        "413 body_too_large");
  CHECK(world.ask("GET /v1/conversions/none/notes").refusal() == "404 conversion_not_found");
  world.org = "uid:2";
  CHECK(refusal(id, as_json, note("x")).find("404 conversion_not_found") == 0);
  CHECK(world.ask("GET /v1/conversions/" + id + "/notes").refusal() == "404 conversion_not_found");
}

TEST_CASE("the longest note arrives however it is written") {
  World world;
  const std::string id = world.accept("report.docx", a_docx);
  std::string escapes;
  for (int i = 0; i < 4000; ++i) escapes += "\\ud83d\\udca1";
  CHECK(world.ask("POST /v1/conversions/" + id + "/notes", as_json, "{\"text\":\"" + escapes + "\"}").last.status ==
        201);
}

TEST_CASE("notes go with their conversion") {
  World world;
  const std::string id = world.accept("report.docx", a_docx);
  world.ask("POST /v1/conversions/" + id + "/notes", as_json, note("x"));
  world.house.succeed(id, {{"source.pdf", "x"}});
  CHECK(world.ask("DELETE /v1/conversions/" + id).last.status == 204);
  CHECK(world.ask("GET /v1/conversions/" + id + "/notes").refusal() == "404 conversion_not_found");
  CHECK(world.house.store.notes("uid:1", id).empty());
}

TEST_CASE("an open WebSocket of a conversion is a watcher of it") {
  World world;
  const std::string id = world.accept("report.docx", a_docx);
  const auto watchers = [&] { return world.ask("GET /v1/conversions/" + id + "/watchers").text(); };
  const std::string nobody = "{\"conversion\":\"" + id + "\",\"watchers\":[],\"total\":0}\n";
  const std::string two =
      "{\"conversion\":\"" + id + "\",\"watchers\":[{\"principal\":\"uid:1\",\"connections\":2}],\"total\":2}\n";
  CHECK(watchers() == nobody);
  Listener listener(world, {"presence"});
  Peer peer;
  auto first = world.router.open_socket(world.request("GET /ws/conversion/" + id)).session;
  auto second = world.router.open_socket(world.request("GET /ws/conversion/" + id)).session;
  REQUIRE(first);
  REQUIRE(second);
  first->on_open(peer);
  second->on_open(peer);
  CHECK(watchers() == two);
  const auto events = listener.events();
  REQUIRE_FALSE(events.empty());
  CHECK(events.back().read().at("type")->string().value() == "presence.changed");
  CHECK(events.back().read().at("data")->clone().dump() + "\n" == two);
  first.reset();
  second.reset();
  CHECK(watchers() == nobody);
  CHECK(listener.events().back().read().at("data")->clone().dump() + "\n" == nobody);
  CHECK(world.ask("GET /v1/conversions/none/watchers").refusal() == "404 conversion_not_found");
  world.org = "uid:2";
  CHECK(world.ask("GET /v1/conversions/" + id + "/watchers").refusal() == "404 conversion_not_found");
}
