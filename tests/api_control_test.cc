#include "tests/support/api_world.h"

using namespace tests;

TEST_CASE("operators hold work back and let it go, and see how it is") {
  ApiWorld world;
  world.role = Role::operator_;
  Answer answer = world.ask("GET /v1/control");
  CHECK(answer.last.status == 200);
  CHECK(answer.member("state") == "running");
  CHECK(answer.member("log_level") == "info");
  const std::string since = answer.member("since");
  world.house.loop.advance(std::chrono::seconds(5));
  answer = world.ask("POST /v1/control/pause");
  CHECK(answer.member("state") == "paused");
  CHECK(answer.member("since") != since);
  CHECK(answer.member("uptime_ms") == "5000");
  CHECK(world.ask("GET /readyz").last.status == 200);
  CHECK(world.ask("GET /readyz?verbose").text().find("[+] paused: ") != std::string::npos);
  answer = world.ask("POST /v1/control/drain");
  CHECK(answer.member("state") == "draining");
  CHECK(answer.member("idle") == "true");
  CHECK(world.ask("GET /readyz").last.status == 503);
  CHECK(world.ask("GET /livez").last.status == 200);
  const Answer refused = world.ask("POST /v1/conversions", as_json, R"({"filename":"a.docx"})");
  CHECK(refused.refusal() == "503 shutting_down");
  CHECK(refused.header("Retry-After") == "10");
  CHECK(world.ask("POST /v1/control/resume").member("state") == "running");
  CHECK(world.ask("GET /readyz").last.status == 200);
}

TEST_CASE("nobody else does") {
  ApiWorld world;
  for (const char* line : {"GET /v1/control", "POST /v1/control/pause", "POST /v1/control/drain",
                           "POST /v1/control/resume", "POST /v1/control/reload", "POST /v1/control/log-level"}) {
    INFO(line);
    CHECK(world.ask(line, as_json, "{}").refusal() == "403 forbidden");
  }
  CHECK(world.house.manager().operation().operation == convd::jobs::Operation::running);
}

TEST_CASE("a daemon that is about to end takes no other order") {
  ApiWorld world;
  world.role = Role::operator_;
  world.accept("a.docx", a_docx);
  world.house.manager().drain(std::chrono::hours(1), [] {});
  for (const char* line : {"POST /v1/control/pause", "POST /v1/control/resume", "POST /v1/control/reload"})
    CHECK(world.ask(line).refusal() == "503 shutting_down");
  CHECK(world.ask("POST /v1/control/drain").member("stopping") == "true");
}

TEST_CASE("a reload answers with what changed and what needs a restart") {
  using Effect = convd::api::KeyChange::Effect;
  ApiWorld world;
  world.role = Role::operator_;
  world.control.changes = std::vector<convd::api::KeyChange>{{"slots", "1", "2", Effect::now},
                                                             {"listen", "none", "[::1]:1", Effect::restart}};
  CHECK(world.ask("POST /v1/control/reload").text() ==
        R"({"changed":[{"key":"slots","from":"1","to":"2"}],)"
        R"("needs_restart":[{"key":"listen","from":"none","to":"[::1]:1"}]})"
        "\n");
  world.control.changes = shared::Error{shared::ErrorCode::invalid_option, "convd.conf:3: slots: expected", {}};
  const Answer refused = world.ask("POST /v1/control/reload");
  CHECK(refused.refusal() == "422 invalid_option");
  CHECK(refused.member("detail") == "convd.conf:3: slots: expected");
}

TEST_CASE("the log level is a member of its own, and is checked") {
  ApiWorld world;
  world.role = Role::operator_;
  const std::string line = "POST /v1/control/log-level";
  CHECK(world.ask(line, as_json, R"({"level":"debug"})").member("log_level") == "debug");
  CHECK(world.ask(line, as_json, R"({"level":"loud"})").refusal() == "422 invalid_option");
  CHECK(world.ask(line, as_json, R"({"level":7})").refusal() == "400 invalid_json");
  CHECK(world.ask(line, as_json, R"({"lever":"debug"})").refusal() == "400 invalid_json");
  CHECK(world.ask(line, as_form, "level=debug").refusal() == "415 unsupported_media_type");
  CHECK(world.control.level == "debug");
}

TEST_CASE("what keeps the daemon from being ready is told from wherever it comes") {
  ApiWorld world;
  world.control.troubles = {{"store", "has not answered for 12 s"}};
  const Answer answer = world.ask("GET /readyz?verbose");
  CHECK(answer.last.status == 503);
  CHECK(answer.text().find("[-] store: has not answered for 12 s\n") != std::string::npos);
  CHECK(world.ask("GET /health").member("status") == "degraded");
  CHECK(world.ask("GET /livez").last.status == 200);
}

TEST_CASE("activity names one's own conversions; operators see all") {
  convd::jobs::Settings settings;
  settings.slots = 1;
  settings.short_slots = 0;
  ApiWorld world(settings);
  const std::string first = world.accept("a.docx", a_docx);
  world.org = "uid:2";
  const std::string second = world.accept("b.docx", a_docx);
  Answer answer = world.ask("GET /v1/activity");
  CHECK(answer.text().find(first) == std::string::npos);
  CHECK(answer.text().find("uid:1") == std::string::npos);
  CHECK(answer.text().find("a.docx") == std::string::npos);
  CHECK(answer.text().find(second) != std::string::npos);
  CHECK(answer.member("slots") == R"({"total":1,"short":0,"running":1,"running_short":1})");
  CHECK(answer.member("waiting_by_org") == R"([{"org":"uid:2","waiting":1}])");
  world.org = "uid:0";
  world.role = Role::operator_;
  answer = world.ask("GET /v1/activity");
  CHECK(answer.text().find(first) != std::string::npos);
  CHECK(answer.text().find(second) != std::string::npos);
  CHECK(answer.member("all_orgs") == "true");
}
