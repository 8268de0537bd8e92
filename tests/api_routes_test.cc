// Whole routes as transcripts: the router over a real manager, with a clock, children and a disk of our own.

#include "convd/api/idempotency_key.h"
#include "convd/api/router.h"
#include "convd/api/submission.h"
#include "convd/api/text.h"
#include "tests/support/api_world.h"

using namespace convd::api;
using namespace tests;
using shared::Json;
using World = ApiWorld;

TEST_CASE("the original contract: four fields, by JSON, form and multipart") {
  World world;
  REQUIRE(world.ask("POST /documents?name=report.docx", {}, a_docx).last.status == 201);
  const auto check = [](const Answer& answer) {
    CHECK(answer.last.status == 200);
    const std::string id = answer.member("conversion_id");
    CHECK(id.size() == 36);
    CHECK(answer.text() == "{\"status\":\"accepted\",\"conversion_id\":\"" + id +
                               "\",\"filename\":\"report.docx\","
                               "\"message\":\"Conversion task started. Use WebSocket to track progress.\"}\n");
  };
  check(world.ask("POST /convert", as_json, R"({"filename":"report.docx"})"));
  check(world.ask("POST /convert", as_form, "filename=report.docx&to=pdf&prompt_mode="));
  check(world.ask("POST /convert", as_parts, field("filename", "report.docx") + end));
  check(world.ask("POST /convert", as_parts, field("to", "pdf") + file("report.docx", a_docx) + end));
  check(world.ask("POST /convert", as_parts, file("tmp123", a_docx) + field("filename", "report.docx") + end));
}

TEST_CASE("what is wrong with a submission is said at once") {
  World world;
  world.ask("POST /documents?name=report.docx", {}, a_docx);
  const auto refusal = [&](const Headers& headers, const std::string& body) {
    const Answer answer = world.ask("POST /v1/conversions", headers, body);
    return answer.refusal() + ": " + answer.member("detail");
  };
  CHECK(refusal({}, "x") ==
        "415 unsupported_media_type: Content-Type must be application/json, multipart/form-data or "
        "application/x-www-form-urlencoded");
  CHECK(refusal(as_json, "{") == "400 invalid_json: syntax error at byte 1");
  CHECK(
      refusal(as_json, R"({"filename":"a","colour":1})").find("400 invalid_json: $.colour: unknown key; known are ") ==
      0);
  CHECK(refusal(as_json, R"({"filename":"a","priority":10})") ==
        "400 invalid_json: $.priority: expected a whole number from 0 to 9");
  CHECK(refusal(as_json, R"({"filename":"a","options":{"pages":"1"},"pages":"2"})") ==
        "400 invalid_json: $.pages: given both here and in options");
  CHECK(refusal(as_json, R"({"filename":"a","labels":{"x":1}})") ==
        "400 invalid_json: $.labels.x: expected a string, found a number");
  CHECK(refusal(as_form, "filename=a&priority=high") ==
        "400 invalid_request: priority: expected a whole number, found \"high\"");
  CHECK(refusal(as_form, "filename=a&priority=10") ==
        "400 invalid_request: priority: expected a whole number from 0 to 9");
  CHECK(refusal(as_form, "filename=a&filename=b") == "400 invalid_request: filename: given twice");
  CHECK(refusal(as_form, "options={&filename=a") ==
        "400 invalid_request: options: expected JSON text: syntax error at byte 1");
  CHECK(refusal(as_form, "colour=red")
            .find("400 invalid_request: unknown field \"colour\"; known are file, filename, ") == 0);
  CHECK(refusal(as_parts, field("colour", "red") + end).find("400 invalid_request: unknown field \"colour\"") == 0);
  CHECK(refusal(as_parts, file("a.docx", "x") + file("b.docx", "x") + end) ==
        "400 invalid_request: file: given twice; a conversion has one input");
  CHECK(refusal(as_parts, field("to", "pdf")) ==
        "400 invalid_request: multipart body: it ends before the closing boundary");
  for (const char* name : {"../x.docx", "C:\\x.docx", "a%0D%0Ab.docx"}) {
    CHECK(refusal(as_parts, file(name, "x") + end).substr(0, 20) == "400 invalid_filename");
  }
  CHECK(refusal(as_json, "{}").substr(0, 20) == "400 invalid_filename");
  CHECK(refusal(as_parts, file("", "") + end).substr(0, 20) == "400 invalid_filename");
  CHECK(refusal(as_parts, file("", "bytes") + end).substr(0, 20) == "400 invalid_filename");
  CHECK(refusal(as_json, R"({"filename":"never.docx"})").substr(0, 22) == "404 document_not_found");
  const Answer impossible = world.ask("POST /convert", as_json, R"({"filename":"report.docx","to":"mp3"})");
  CHECK(impossible.refusal() == "422 unsupported_conversion");
  CHECK(impossible.member("targets").find("\"pdf\"") != std::string::npos);
  CHECK(world.house.spawner.started() == 0);
}

TEST_CASE("every field of the full form arrives") {
  World world;
  const std::string options = R"({"dpi":300})";
  const Answer answer = world.ask("POST /v1/conversions", as_parts,
                                  field("to", "png") + file("a.pdf", a_pdf) + field("options", options) +
                                      field("labels", R"({"team":"red"})") + field("pages", "1-2") +
                                      field("password", "harbour") + field("priority", "9") + end);
  REQUIRE(answer.last.status == 202);
  const std::string id = answer.member("id");
  CHECK(answer.header("Location") == "/v1/conversions/" + id);
  CHECK(answer.header("ETag") == "\"r" + answer.member("rev") + "\"");
  CHECK(answer.member("labels") == R"({"team":"red"})");
  const auto argv = world.house.spawner.child(world.house.child_of(id)).spec.argv;
  const std::set<std::string> arguments(argv.begin(), argv.end());
  for (const char* option : {"dpi=300", "pages=1-2", "password=harbour"}) CHECK(arguments.count(option) == 1);
}

TEST_CASE("a body over the limit is refused, and what had come is gone") {
  convd::jobs::Settings settings;
  settings.input_bytes = 100;
  World world(settings);
  CHECK(world.ask("POST /documents?name=a.md", {}, std::string(100, 'x')).last.status == 201);
  CHECK(world.ask("POST /documents?name=a.md", {}, std::string(101, 'x')).refusal() == "413 body_too_large");
  CHECK(world.ask("POST /documents?name=a.md", {{"content-length", "101"}}, "x").last.status == 413);
  CHECK(world.ask("POST /convert", as_parts, file("a.docx", std::string(101, 'x')) + end).refusal() ==
        "413 body_too_large");
}

TEST_CASE("a client that goes in the middle of its upload leaves nothing") {
  World world;
  Request request;
  request.method = "POST";
  request.path = {"documents"};
  request.query = {{"name", "half.md"}};
  request.caller = {"uid:1", "uid:1", Role::user, {}};
  Answer answer;
  auto exchange = world.router.begin(std::move(request), answer);
  exchange->on_body("# half");
  exchange.reset();
  world.house.loop.turn();
  CHECK(answer.times == 0);
  CHECK(world.ask("GET /documents/half.md").refusal() == "404 document_not_found");
  // And one that goes before its conversion was accepted: the conversion goes on.
  world.house.store.hold();
  { const Asked gone = world.begin("POST /convert", as_parts, file("a.docx", a_docx) + end); }
  world.house.store.let_go();
  world.house.loop.turn();
  CHECK(world.ask("GET /v1/conversions").member("conversions").find("\"a.docx\"") != std::string::npos);
}

TEST_CASE("documents come in, are listed, read back and removed") {
  World world;
  const Answer raw =
      world.ask("POST /documents?name=a b%.md", {{"content-type", "application/x-www-form-urlencoded"}}, "# a");
  CHECK(raw.last.status == 201);
  CHECK(raw.header("Location") == "/documents/a%20b%25.md");
  CHECK(raw.member("documents").find(R"([{"name":"a b%.md","media_type":"text/markdown","size":3,"sha256":")") == 0);
  const Answer two = world.ask("POST /documents", as_parts, file("b.md", "# b") + file("c.md", "") + end);
  CHECK(two.last.status == 201);
  CHECK(two.header("Location") == "");

  CHECK(world.ask("POST /documents", {}, "x").refusal() == "400 invalid_request");
  CHECK(world.ask("POST /documents?name=..", {}, "x").refusal() == "400 invalid_filename");
  CHECK(world.ask("POST /documents", as_parts, file("x.md", "") + file("x.md", "") + end).refusal() ==
        "400 invalid_request");
  CHECK(world.ask("POST /documents", as_parts, end).refusal() == "400 invalid_request");

  const Answer page = world.ask("GET /documents?limit=2");
  CHECK(page.member("next") == "b.md");
  CHECK(world.ask("GET /documents?limit=2&after=b.md").member("next") == "null");
  CHECK(world.ask("GET /documents?limit=0").refusal() == "400 invalid_request");

  const Answer bytes = world.ask("GET /documents/a b%.md", {{"accept", "application/json, text/plain, */*"}});
  CHECK(bytes.text() == "# a");
  CHECK(bytes.header("Content-Type") == "text/markdown");
  CHECK(bytes.header("Content-Disposition") == "attachment; filename=\"a b_.md\"; filename*=UTF-8''a%20b%25.md");
  const Answer about = world.ask("GET /documents/a b%.md", {{"accept", "application/json"}});
  CHECK(about.member("size") == "3");
  CHECK(about.member("pages") == "null");
  world.org = "uid:2";
  CHECK(world.ask("GET /documents/b.md").refusal() == "404 document_not_found");
  world.org = "uid:1";
  CHECK(world.ask("DELETE /documents/b.md").last.status == 204);
  CHECK(world.ask("DELETE /documents/b.md").refusal() == "404 document_not_found");
}

TEST_CASE("a request has so many documents") {
  World world;
  std::string many;
  for (int i = 0; i < 100; ++i) many += file(std::to_string(i) + ".md", "x");
  CHECK(world.ask("POST /documents", as_parts, many + end).last.status == 201);
  CHECK(world.ask("POST /documents", as_parts, many + file("more.md", "x") + end).refusal() == "400 invalid_request");
}

TEST_CASE("results follow RFC 9110") {
  World world;
  const std::string id = world.accept("report.docx", a_docx);
  const std::string result = "GET /v1/conversions/" + id + "/result";
  CHECK(world.ask(result).refusal() == "409 not_finished");
  world.house.succeed(id, {{"source.pdf", "0123456789"}});

  const Answer whole = world.ask(result);
  const std::string etag = whole.header("ETag");
  CHECK(whole.last.status == 200);
  CHECK(whole.text() == "0123456789");
  CHECK(etag.size() == 66);
  CHECK(whole.header("Accept-Ranges") == "bytes");
  CHECK(whole.header("Content-Type") == "application/pdf");
  const Answer part = world.ask(result, {{"range", "bytes=-3"}, {"if-range", etag}});
  CHECK(part.last.status == 206);
  CHECK(part.text() == "789");
  CHECK(part.header("Content-Range") == "bytes 7-9/10");
  CHECK(world.ask(result, {{"range", "bytes=1-2"}, {"if-range", "\"x\""}}).last.status == 200);
  CHECK(world.ask("HEAD" + result.substr(3), {{"range", "bytes=1-2"}}).last.status == 200);
  const Answer beyond = world.ask(result, {{"range", "bytes=10-"}});
  CHECK(beyond.refusal() == "416 range_not_satisfiable");
  CHECK(beyond.header("Content-Range") == "bytes */10");
  const Answer same = world.ask(result, {{"if-none-match", "\"x\", W/" + etag}, {"range", "bytes=10-"}});
  CHECK(same.last.status == 304);
  CHECK(same.header("ETag") == etag);
  CHECK(same.text() == "");
  CHECK(world.ask(result + "/report.pdf").text() == "0123456789");
  CHECK(world.ask(result + "/other.pdf").refusal() == "404 not_found");
}

TEST_CASE("a long poll answers when something has changed") {
  World world;
  const std::string id = world.accept("report.docx", a_docx);
  const std::string status = "GET /conversion-status/" + id;
  const std::string etag = world.ask(status).header("ETag");
  CHECK(world.ask(status, {{"if-none-match", etag}}).last.status == 304);
  CHECK(world.ask(status + "?wait=9").last.status == 200);
  for (const char* wrong : {"0", "61", "x", ""})
    CHECK(world.ask(status + "?wait=" + wrong).refusal() == "400 invalid_request");

  const Asked idle = world.begin(status + "?wait=9", {{"if-none-match", etag}});
  world.house.loop.advance(std::chrono::milliseconds(8'999));
  CHECK(idle.answer->times == 0);
  world.house.loop.advance(std::chrono::milliseconds(1));
  CHECK(idle.answer->last.status == 304);

  const Asked poll = world.begin(status + "?wait=9", {{"if-none-match", etag}});
  { const Asked gone = world.begin(status + "?wait=9", {{"if-none-match", etag}}); }
  CHECK(poll.answer->times == 0);
  world.house.succeed(id, {{"source.pdf", "pdf"}});
  REQUIRE(poll.answer->times == 1);
  CHECK(poll.answer->last.status == 200);
  CHECK(poll.answer->header("ETag") != etag);
  const std::string last = world.ask(status).header("ETag");
  CHECK(world.ask(status + "?wait=9", {{"if-none-match", last}}).last.status == 304);
  CHECK(world.ask("GET /conversion-status/nonsense?wait=9").refusal() == "404 conversion_not_found");
}

TEST_CASE("a submission can wait for its end") {
  World world;
  Headers headers = as_parts;
  headers.emplace_back("prefer", "wait=90");
  const Asked asked = world.begin("POST /v1/conversions", headers, file("report.docx", a_docx) + end);
  CHECK(asked.answer->times == 0);
  world.house.spawner.succeeds(world.house.spawner.newest(), {{"source.pdf", "pdf"}});
  world.house.loop.turn();
  REQUIRE(asked.answer->times == 1);
  CHECK(asked.answer->last.status == 200);
  CHECK(asked.answer->header("Preference-Applied") == "wait=60");
  CHECK(asked.answer->member("status") == "completed");

  headers.back().second = "wait=1";
  const Asked slow = world.begin("POST /v1/conversions", headers, file("report.docx", a_docx) + end);
  world.house.loop.advance(std::chrono::seconds(1));
  REQUIRE(slow.answer->times == 1);
  CHECK(slow.answer->last.status == 202);
  CHECK(slow.answer->header("Preference-Applied") == "");
  CHECK(slow.answer->header("Location") == "/v1/conversions/" + slow.answer->member("id"));
}

TEST_CASE("a client that waits for a conversion and leaves takes it along, and nothing else") {
  World world;
  Headers waits = as_parts;
  waits.emplace_back("prefer", "wait=9");
  const auto fate = [&](const std::string& id) { return world.ask("GET /v1/conversions/" + id).member("status"); };
  const auto newest = [&] {
    const shared::Json list = world.ask("GET /v1/conversions?limit=1").json();
    return list.read().find("conversions")->items()->front().find("id")->string().value();
  };
  const auto begin = [&](const std::string& route, const Headers& headers) {
    return world.begin(route, headers, file("report.docx", a_docx) + end);
  };
  const auto leave = [&](Asked& asked) {
    asked.exchange->on_client_left();
    asked.exchange.reset();
    world.house.loop.turn();
  };
  const std::string other = world.accept("report.docx", a_docx);

  SECTION("while it runs or waits") {
    Asked asked = begin("POST /v1/conversions", waits);
    const std::string id = newest();
    REQUIRE(id != other);
    leave(asked);
    CHECK(fate(id) == "cancelled");
    CHECK(asked.answer->times == 0);
  }
  SECTION("before it was accepted") {
    world.house.store.hold();
    Asked asked = begin("POST /v1/conversions", waits);
    leave(asked);
    world.house.store.let_go();
    world.house.loop.turn();
    CHECK(newest() != other);
    CHECK(fate(newest()) == "cancelled");
  }
  SECTION("over TCP, where it may listen still") {
    Asked asked = begin("POST /v1/conversions", waits);
    asked.exchange->on_client_left();
    world.house.loop.turn();
    REQUIRE(asked.answer->times == 1);
    CHECK(asked.answer->member("status") == "cancelled");
  }
  SECTION("not when it did not wait") {
    Asked asked = begin("POST /v1/conversions", as_parts);
    leave(asked);
    CHECK(fate(newest()) == "processing");
  }
  SECTION("not when it had waited long enough") {
    Asked asked = begin("POST /v1/conversions", waits);
    world.house.loop.advance(std::chrono::seconds(9));
    REQUIRE(asked.answer->last.status == 202);
    leave(asked);
    CHECK(fate(asked.answer->member("id")) == "processing");
  }
  SECTION("not by the original contract, which never waits") {
    world.house.store.hold();
    Asked asked = begin("POST /convert", waits);
    leave(asked);
    world.house.store.let_go();
    world.house.loop.turn();
    CHECK(newest() != other);
    CHECK(fate(newest()) == "processing");
  }
  SECTION("not when it is the daemon that leaves") {
    Asked asked = begin("POST /v1/conversions", waits);
    asked.exchange.reset();
    world.house.loop.turn();
    CHECK(fate(newest()) == "processing");
  }
  CHECK(fate(other) == "processing");
}

TEST_CASE("conversions are listed, cancelled, retried and removed") {
  World world;
  const std::string first = world.accept("a.docx", a_docx);
  const std::string second = world.accept("b.docx", a_docx);
  const Answer page = world.ask("GET /v1/conversions?limit=1");
  CHECK(page.member("conversions").find("[{\"id\":\"" + second) == 0);
  CHECK(page.member("next") == second);
  CHECK(world.ask("GET /v1/conversions?limit=1&before=" + second).member("conversions").find(first) !=
        std::string::npos);
  CHECK(world.ask("GET /v1/conversions?filename=a.docx").member("conversions").find(second) == std::string::npos);
  CHECK(world.ask("GET /v1/conversions?status=asleep").refusal() == "400 invalid_request");

  const Answer cancelled = world.ask("POST /v1/conversions/" + first + "/cancel", as_json, "{}");
  CHECK(cancelled.last.status == 200);
  CHECK(cancelled.member("status") == "cancelled");
  CHECK(world.ask("POST /v1/conversions/" + first + "/cancel").refusal() == "409 already_finished");
  const Answer again = world.ask("POST /v1/conversions/" + first + "/retry");
  CHECK(again.last.status == 202);
  CHECK(again.member("retry_of") == first);
  CHECK(again.header("Location") == "/v1/conversions/" + again.member("id"));
  CHECK(world.ask("DELETE /v1/conversions/" + first).last.status == 204);
  CHECK(world.ask("GET /v1/conversions/" + first).refusal() == "404 conversion_not_found");
  world.org = "uid:2";
  CHECK(world.ask("POST /v1/conversions/" + second + "/cancel").refusal() == "404 conversion_not_found");
}

TEST_CASE("a socket is there for a conversion that is, and plain HTTP says why not") {
  World world;
  const std::string id = world.accept("a.docx", a_docx);
  Request request;
  request.method = "GET";
  request.path = {"ws", "conversion", id};
  request.caller = {"uid:1", "uid:1", Role::user};
  const auto socket = world.router.open_socket(request).session;
  REQUIRE(socket);
  struct Peer final : Outlet {
    void want_write() override {}
    void flush() override {}
  } peer;
  socket->on_open(peer);
  CHECK(socket->next_frames(1 << 15).find("{\"id\":\"" + id) != std::string_view::npos);
  request.caller.org = "uid:2";
  CHECK(world.router.open_socket(request).session == nullptr);
  CHECK(world.ask("GET /ws/conversion/" + id).refusal() == "426 upgrade_required");
  CHECK(world.ask("GET /v2/realtime/stream").refusal() == "426 upgrade_required");
  CHECK(world.ask("GET /ws/conversion/" + id).header("Upgrade") == "websocket");
  CHECK(world.ask("GET /ws/conversion/nonsense").refusal() == "404 conversion_not_found");
  request.caller.org = "uid:1";
  request.query = {{"progress_ms", "10"}};
  CHECK(world.router.open_socket(request).session != nullptr);
  request.query = {{"progress_ms", "9"}};
  CHECK(world.router.open_socket(request).session == nullptr);
  CHECK(world.ask("GET /ws/conversion/" + id + "?progress_ms=9").refusal() == "400 invalid_request");
}

TEST_CASE("receipt and early page of a conversion") {
  World world;
  const std::string id = world.accept("a.docx", a_docx);
  auto& spawner = world.house.spawner;
  const Answer before = world.ask("GET /v1/conversions/" + id + "/receipt");
  CHECK(before.member("status") == "processing");
  CHECK(before.member("output") == "null");
  CHECK(before.member("attempts") ==
        R"([{"attempt":1,"outcome":"running","wall_ms":null,"input_check_ms":null,"publish_ms":null}])");
  CHECK(before.member("steps") == "[]");
  CHECK(world.ask("GET /v1/conversions/" + id + "/early-page").refusal() == "404 not_found");
  spawner.writes(world.house.child_of(id), "early-page.png", "a picture");
  spawner.prints(world.house.child_of(id), "early page\npages 3\n");
  world.house.loop.turn();
  const Answer page = world.ask("GET /v1/conversions/" + id + "/early-page");
  CHECK(page.text() == "a picture");
  CHECK(page.header("Content-Type") == "image/png");
  CHECK(page.header("ETag").empty());
  world.house.succeed(id, {{"source.pdf", "x"}});
  CHECK(world.ask("GET /v1/conversions/" + id + "/early-page").text() == "a picture");
  const Answer receipt = world.ask("GET /v1/conversions/" + id + "/receipt");
  CHECK(receipt.member("status") == "completed");
  CHECK(receipt.member("steps") ==
        R"([{"attempt":1,"engine":"office","version":"7.4.7","from":"docx","to":"pdf","warm":false,"outcome":"ok",)"
        R"("ended":"exited","exit_status":0,"wall_ms":0,"cpu_ms":0,"peak_rss_bytes":0,"pages_in":3,"pages_out":null,)"
        R"("fonts_requested":[],"fonts_substituted":[],"links_blocked":[],"warnings":[],"warnings_total":0}])");
  CHECK(receipt.member("timings") == R"({"waited_ms":0,"input_check_ms":0,"publish_ms":0,"total_ms":0})");
  CHECK(receipt.member("route") == R"([{"engine":"office","from":"docx","to":"pdf"}])");
  CHECK(receipt.member("pages_in") == "3");
  CHECK(receipt.member("reused") == "null");
  CHECK(world.ask("GET /v1/conversions/nonsense/receipt").refusal() == "404 conversion_not_found");
  CHECK(world.ask("GET /v1/conversions/nonsense/early-page").refusal() == "404 conversion_not_found");
}

TEST_CASE("the daemon says what it can do") {
  World world;
  CHECK(
      world.ask("GET /v1/formats").text() ==
      R"({"routes":[{"from":"docx","to":["json","md","pdf","png","txt"]},{"from":"pdf","to":["json","md","png","txt"]}]})"
      "\n");
  CHECK(world.ask("GET /v1/formats?from=PDF&to=png").text() ==
        R"({"from":"pdf","to":"png","steps":[{"engine":"poppler","from":"pdf","to":"png"}],"options":[)"
        R"({"name":"pages","type":"page_range","least":null,"most":null,"choices":[],"default":null,"help":"pages"},)"
        R"({"name":"password","type":"text","least":0,"most":255,"choices":[],"default":null,"help":"password"},)"
        R"({"name":"dpi","type":"integer","least":10,"most":600,"choices":[],"default":null,"help":"resolution"}]})"
        "\n");
  CHECK(world.ask("GET /v1/formats?from=pdf&to=mp3").refusal() == "422 unsupported_conversion");
  CHECK(
      world.ask("GET /v1/engines")
          .text()
          .find(
              R"({"engines":[{"name":"office","title":"The office","version":"7.4.7","available":true,"package":"office-package")") ==
      0);
  CHECK(world.ask("GET /v1/capacity").text() ==
        "{\"slots\":2,\"short_slots\":0,\"running\":0,\"running_short\":0,\"waiting\":0,\"wait_ms\":0,\"accepting\":"
        "true}\n");
}

TEST_CASE("everybody may ask the doctor, operators hear of paths") {
  World world;
  const std::string text = world.ask("GET /v1/doctor").text();
  CHECK(text.find(R"("caller":{"principal":"uid:1","operator":false},"sandbox":{"sandboxed":true,)") !=
        std::string::npos);
  CHECK(text.find(R"({"name":"state","verdict":"ok","message":"(path) is on ext4","advice":null,"ok":true})") !=
        std::string::npos);
  CHECK(text.find(world.host.facts.state_dir) == std::string::npos);
  world.role = Role::operator_;
  CHECK(world.ask("GET /v1/doctor").text().find(R"("message":"/var/lib/convd is on ext4")") != std::string::npos);
  world.house.spawner.runner_goes();
  world.house.loop.turn();
  const Answer sick = world.ask("GET /v1/doctor");
  CHECK(sick.last.status == 200);
  CHECK(sick.text().find(R"({"name":"runner","verdict":"fail",)") != std::string::npos);
}

TEST_CASE("health follows the house") {
  World world;
  CHECK(world.ask("GET /livez").text() == "ok\n");
  CHECK(world.ask("GET /readyz").text() == "ok\n");
  CHECK(world.ask("GET /health").member("status") == "ok");
  world.house.spawner.runner_goes();
  world.house.loop.turn();
  CHECK(world.ask("GET /livez").last.status == 200);
  CHECK(world.ask("GET /readyz").last.status == 503);
  CHECK(world.ask("GET /readyz").text().find("[-] runner: ") == 0);
  CHECK(world.ask("GET /readyz?verbose").text().find("[+] store: ok\n[+] files: ok\n[+] uploads: ok\n[-] runner: ") ==
        0);
  CHECK(world.ask("GET /health").member("status") == "degraded");
  const std::string metrics = world.ask("GET /metrics").text();
  CHECK(metrics.find("\nconvd_runner_up 0\n") != std::string::npos);
  CHECK(metrics.find("\nconvd_engine_available{engine=\"office\",version=\"7.4.7\"} 1\n") != std::string::npos);
}

TEST_CASE("a full queue says when to come back") {
  convd::jobs::Settings settings;
  settings.queue_limit = 0;
  World world(settings);
  const Answer answer = world.ask("POST /convert", as_parts, file("a.docx", a_docx) + end);
  CHECK(answer.refusal() == "429 queue_full");
  // As the queue knows it, with nothing before the one who asks; not the ten seconds of a code that says no more.
  CHECK(answer.header("Retry-After") == "1");
}

TEST_CASE("a request made again under its key is answered with the same conversion") {
  World world;
  const std::string body = file("a.docx", a_docx) + field("to", "pdf") + end;
  const auto ask = [&](const std::string& key, const std::string& sent, const char* route = "POST /v1/conversions") {
    Headers headers = as_parts;
    headers.emplace_back("idempotency-key", key);
    return world.ask(route, headers, sent);
  };
  const Answer first = ask("\"order-17\"", body);
  REQUIRE(first.last.status == 202);
  CHECK(first.header("Idempotency-Replayed").empty());
  const Answer again = ask("order-17", body);
  CHECK(again.last.status == 202);
  CHECK(again.header("Idempotency-Replayed") == "true");
  CHECK(again.member("id") == first.member("id"));
  CHECK(again.header("Location") == first.header("Location"));
  const Answer original = ask("order-17", body, "POST /convert");
  CHECK(original.last.status == 200);
  CHECK(original.header("Idempotency-Replayed") == "true");
  CHECK(original.member("conversion_id") == first.member("id"));
  CHECK(ask("order-17", file("a.docx", a_docx) + field("to", "md") + end).refusal() == "422 idempotency_mismatch");
  CHECK(world.house.spawner.started() == 1);
  world.house.manager().drain(std::chrono::seconds(1), [] {});
  CHECK(ask("order-17", body).member("id") == first.member("id"));
  CHECK(ask("order-18", body).refusal() == "503 shutting_down");
}

TEST_CASE("a key is a word or a quoted string") {
  World world;
  const auto key = [&](const Headers& headers) {
    const auto read = convd::api::idempotency_key(world.request("POST /convert", headers));
    return !read ? std::string(shared::to_string(read.error().code)) : read->value_or("none");
  };
  const auto of = [&](const std::string& value) { return key({{"idempotency-key", value}}); };
  CHECK(key({}) == "none");
  CHECK(of("abc") == "abc");
  CHECK(of("\"abc\"") == "abc");
  CHECK(of(R"("a\"b\\c")") == R"(a"b\c)");
  CHECK(of(std::string(255, 'k')) == std::string(255, 'k'));
  CHECK(of('"' + std::string(255, 'k') + '"') == std::string(255, 'k'));
  for (const std::string& bad :
       {std::string(), std::string("\"\""), std::string("\""), std::string("\"abc"), std::string("abc\""),
        std::string("\"abc\"x"), std::string("a b"), std::string("\"a b\""), std::string("\"a\\x\""),
        std::string("\"a\\"), std::string("\"abc\";a=1"), std::string("k\xc3\xa4"), std::string(256, 'k')}) {
    INFO(bad);
    CHECK(of(bad) == "invalid_request");
  }
  CHECK(key({{"idempotency-key", "a"}, {"idempotency-key", "b"}}) == "invalid_request");
  Headers headers = as_json;
  headers.emplace_back("idempotency-key", "");
  CHECK(world.ask("POST /convert", headers, "{}").refusal() == "400 invalid_request");
}

TEST_CASE("a request may ask for a run of its own") {
  const auto reuse = [](const std::string& json) {
    const auto submission = convd::api::read_submission(shared::Json::parse(json)->read());
    return !submission ? std::string(shared::to_string(submission.error().code)) : submission->reuse ? "reuse" : "anew";
  };
  CHECK(reuse(R"({"filename":"a"})") == "reuse");
  CHECK(reuse(R"({"filename":"a","no_cache":false})") == "reuse");
  CHECK(reuse(R"({"filename":"a","no_cache":true})") == "anew");
  CHECK(reuse(R"({"filename":"a","no_cache":"true"})") == "invalid_json");
  const auto form = [](const std::string& value) {
    const auto submission = convd::api::read_form_submission({{"filename", "a"}, {"no_cache", value}});
    return !submission ? submission.error().message : submission->reuse ? "reuse" : "anew";
  };
  CHECK(form("") == "reuse");
  CHECK(form("0") == "reuse");
  CHECK(form("true") == "anew");
  CHECK(form("1") == "anew");
  CHECK(form("yes") == "no_cache: expected true or false, found \"yes\"");
}

TEST_CASE("a daemon that drains accepts nothing") {
  World world;
  world.house.manager().drain(std::chrono::seconds(1), [] {});
  const Answer answer = world.ask("POST /documents?name=a.md", {}, "x");
  CHECK(answer.refusal() == "503 shutting_down");
  CHECK(answer.header("Retry-After") == "10");
}
