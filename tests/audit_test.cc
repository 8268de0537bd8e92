// The audit log: its lines, its file, what floods do to it; and what of the API stands in it.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "convd/api/audit_actions.h"
#include "convd/trust/audit_log.h"
#include "tests/support/api_world.h"
#include "tests/support/catch.h"
#include "tests/support/temp_directory.h"

using namespace convd::trust;
using tests::ApiWorld;

namespace {

std::string content(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<shared::Json> lines(const std::string& path) {
  std::vector<shared::Json> all;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) all.push_back(shared::Json::parse(line).value());
  return all;
}

std::string member(const shared::Json& json, std::string_view key) {
  const auto found = json.read().find(key);
  return !found ? "null" : found->is_string() ? found->string().value() : found->clone().dump();
}

AuditEntry entry(const std::string& action, AuditKind kind = AuditKind::action) {
  AuditEntry made;
  made.kind = kind;
  made.principal = "uid:1";
  made.action = action;
  made.status = kind == AuditKind::refusal ? 403 : 200;
  return made;
}

AuditEntry refusal(const std::string& address) {
  AuditEntry made = entry("forbidden", AuditKind::refusal);
  made.address = address;
  return made;
}

// "delete_document a.md 404 document_not_found"
std::string told(const AuditEntry& entry) {
  return entry.action + " " + entry.subject + " " + std::to_string(entry.status) + (entry.code.empty() ? "" : " ") +
         entry.code;
}

std::vector<std::string> told(const ApiWorld& world) {
  std::vector<std::string> all;
  for (const AuditEntry& entry : world.audit.told) all.push_back(told(entry));
  return all;
}

// Asks for something and is gone before the answer.
void ask_and_leave(ApiWorld& world, const std::string& line, tests::Headers headers = {},
                   const std::string& body = {}) {
  tests::Asked asked = world.send(line, std::move(headers), body);
  asked.exchange->on_body_end();
  REQUIRE(asked.answer->times == 0);
  asked.exchange.reset();
  world.house.loop.turn();
  CHECK(asked.answer->times == 0);
}

// While it lives no file can grow beyond that: a disk that is full, for any user.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("a line of the audit log is JSON, whatever the names hold") {
  AuditEntry strange = entry("fetch_document");
  strange.org = "acme";
  strange.role = "user";
  strange.address = "127.0.0.1";
  strange.route = "GET /documents/{name}";
  strange.subject = "a\"\n{}\x1b[31m\x7f\u009b.md";
  strange.code = "document_not_found";
  strange.status = 404;
  strange.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  CHECK(to_line(strange, 1'790'000'000'123) ==
        "{\"ts\":\"2026-09-21T14:13:20.123Z\",\"principal\":\"uid:1\",\"org\":\"acme\",\"role\":\"user\",\"address\":"
        "\"127.0.0.1\",\"action\":\"fetch_document\",\"route\":\"GET /documents/{name}\",\"subject\":"
        "\"a\\\"\\n{}\\u001b[31m??.md\",\"outcome\":{\"status\":404,\"code\":\"document_not_found\"},"
        "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\"}\n");
  strange.subject = "\xff\x7f\xc2\x9b\xfe";
  CHECK(to_line(strange, 0).find("\"?????\"") != std::string::npos);
  strange.subject = std::string(299, 'x') + "\u00e4";
  CHECK(to_line(strange, 0).find("\"" + std::string(299, 'x') + "\"") != std::string::npos);
}

TEST_CASE("the file is its owner's alone, only grows, and is gone on with where it ends") {
  const tests::TempDirectory directory;
  const std::string path = directory / "audit.log";
  REQUIRE(AuditFile::open(path)->append("one\n").ok());
  struct stat found {};
  REQUIRE(stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777U) == 0600U);
  auto again = AuditFile::open(path);
  std::ofstream(path, std::ios::app) << "other\n";
  REQUIRE(again->append("two\n").ok());
  CHECK(content(path) == "one\nother\ntwo\n");
  std::ofstream(path, std::ios::app) << "{\"ts\":\"20";
  REQUIRE(AuditFile::open(path)->append("three\n").ok());
  CHECK(content(path) == "one\nother\ntwo\n{\"ts\":\"20\nthree\n");
  CHECK(AuditFile::open(directory.path()).error().message.find("cannot be opened") != std::string::npos);
  REQUIRE(mkfifo((directory / "pipe").c_str(), 0600) == 0);
  CHECK(AuditFile::open(directory / "pipe").error().message.find("no regular file") != std::string::npos);
}

TEST_CASE("what cannot be written is counted, and the lines after it are whole") {
  const tests::TempDirectory directory;
  const std::string path = directory / "audit.log";
  tests::FakeLoop loop;
  AuditLog log(loop, *AuditFile::open(path));
  log.tell(entry("submit"));
  {
    const FileLimit limit(static_cast<rlim_t>(content(path).size()) + 10);
    log.tell(entry("cancel"));
    log.tell(entry("cancel"));
  }
  CHECK(log.counts().written == 1);
  CHECK(log.counts().lost == 2);
  log.tell(entry("retry"));
  CHECK(log.counts().written == 2);
  const std::string all = content(path);
  CHECK(shared::Json::parse(all.substr(all.rfind('\n', all.size() - 2) + 1)).ok());
}

TEST_CASE("a file that was moved away is left alone once it is reopened") {
  const tests::TempDirectory directory;
  const std::string path = directory / "audit.log";
  tests::FakeLoop loop;
  AuditLog log(loop, *AuditFile::open(path));
  log.tell(entry("submit"));
  REQUIRE(rename(path.c_str(), (path + ".1").c_str()) == 0);
  log.tell(entry("cancel"));
  log.reopen();
  log.tell(entry("retry"));
  REQUIRE(lines(path + ".1").size() == 2);
  REQUIRE(lines(path).size() == 1);
  CHECK(member(lines(path)[0], "action") == "retry");
  // What is there now cannot be written: the file at hand goes on.
  REQUIRE(rename(path.c_str(), (path + ".2").c_str()) == 0);
  REQUIRE(mkdir(path.c_str(), 0700) == 0);
  log.reopen();
  log.tell(entry("delete"));
  CHECK(lines(path + ".2").size() == 2);
}

TEST_CASE("a flood of refusals is told by its number") {
  const tests::TempDirectory directory;
  const std::string path = directory / "audit.log";
  tests::FakeLoop loop;
  {
    AuditLog log(loop, *AuditFile::open(path));
    for (int i = 0; i < 1000; ++i) log.tell(refusal("192.0.2.1"));
    for (int i = 0; i < 30; ++i) log.tell(entry("submit"));
    log.tell(refusal("192.0.2.2"));
    CHECK(lines(path).size() == 20 + 30 + 1);
    CHECK(log.counts().omitted == 980);
    loop.advance(std::chrono::minutes(1));
    REQUIRE(lines(path).size() == 52);
    CHECK(member(lines(path)[51], "omitted") == "980");
    CHECK(member(lines(path)[51], "address") == "192.0.2.1");
    log.tell(refusal("192.0.2.1"));
    CHECK(lines(path).size() == 53);
    for (int i = 0; i < 21; ++i) log.tell(refusal("192.0.2.1"));
  }
  // The end of the daemon is the end of the minute.
  CHECK(member(lines(path).back(), "omitted") == "2");
}

TEST_CASE("namesakes of two organisations are two senders") {
  RefusalFlood flood;
  AuditEntry one = refusal("192.0.2.1");
  one.org = "press";
  for (int i = 0; i < 30; ++i) flood.admits(one);
  CHECK_FALSE(flood.admits(one));
  one.org = "radio";
  CHECK(flood.admits(one));
}

TEST_CASE("senders without number share what is told of them") {
  RefusalFlood flood;
  std::int64_t admitted = 0;
  for (int i = 0; i < 3000; ++i) admitted += flood.admits(refusal(std::to_string(i))) ? 1 : 0;
  CHECK(admitted == 1000 + RefusalFlood::told_each);
  std::int64_t omitted = 0;
  flood.end_of_minute([&](const AuditEntry&, std::int64_t count) { omitted += count; });
  CHECK(omitted == 3000 - admitted);
}

TEST_CASE("without a file nothing is told") {
  tests::FakeLoop loop;
  AuditLog log(loop, std::nullopt);
  log.tell(entry("submit"));
  log.reopen();
  CHECK(log.counts().written == 0);
  CHECK(log.counts().lost == 0);
}

TEST_CASE("what clients do stands in the audit log with what became of it") {
  ApiWorld world;
  world.ask("POST /documents", tests::as_parts,
            tests::file("a.md", "CANARY") + tests::file("b.md", "CANARY") + tests::end);
  const std::string id = world.accept("c.docx", tests::an_archive_of("[Content_Types].xml", "CANARY"));
  world.ask("GET /v1/conversions/" + id + "?token=CANARY");
  world.ask("GET /v1/conversions/" + id + "/result?token=CANARY");
  world.ask("POST /v1/conversions/" + id + "/notes", tests::as_json, R"({"text":"CANARY"})");
  world.ask("POST /v1/conversions/" + id + "/cancel");
  world.ask("POST /v1/conversions/" + id + "/cancel");
  world.ask("GET /documents/a.md");
  world.ask("DELETE /documents/none.md");
  world.ask("POST /convert", tests::as_form, "filename=none.md&to=pdf");
  CHECK(told(world) == std::vector<std::string>{
                           "upload a.md 201", "upload b.md 201", "submit " + id + " 202",
                           "fetch_result " + id + " 409 not_finished", "note " + id + " 201", "cancel " + id + " 200",
                           "cancel " + id + " 409 already_finished", "fetch_document a.md 200",
                           "delete_document none.md 404 document_not_found", "submit  404 document_not_found"});
  for (const AuditEntry& entry : world.audit.told) {
    CHECK(entry.principal == "uid:1");
    CHECK(entry.role == "user");
    CHECK(entry.trace_id.size() == 32);
    CHECK(to_line(entry, 0).find("CANARY") == std::string::npos);
  }
  CHECK(world.audit.told[3].route == "GET /v1/conversions/{id}/result");
}

TEST_CASE("what was done stands in the audit log, whether or not its client has waited to hear of it") {
  ApiWorld world;
  const std::string docx = tests::file("c.docx", tests::a_docx) + tests::field("to", "pdf") + tests::end;
  ask_and_leave(world, "POST /v1/conversions", tests::as_parts, docx);
  ask_and_leave(world, "POST /convert", tests::as_parts, docx);
  REQUIRE(world.audit.told.size() == 2);
  const std::string id = world.audit.told[0].subject;
  const std::string other = world.audit.told[1].subject;
  CHECK_FALSE(id.empty());
  ask_and_leave(world, "POST /v1/conversions/" + id + "/notes", tests::as_json, R"({"text":"x"})");
  ask_and_leave(world, "POST /v1/conversions/" + id + "/cancel");
  ask_and_leave(world, "POST /v1/conversions/" + id + "/retry");
  ask_and_leave(world, "POST /documents", tests::as_parts, tests::file("a.md", "x") + tests::end);
  ask_and_leave(world, "DELETE /documents/a.md");
  world.house.store.fail_commits(shared::Error{shared::ErrorCode::unavailable, "the disk is away", {}});
  ask_and_leave(world, "POST /v1/conversions", tests::as_parts, docx);
  CHECK(told(world) == std::vector<std::string>{"submit " + id + " 202", "submit " + other + " 200",
                                                "note " + id + " 201", "cancel " + id + " 200", "retry " + id + " 202",
                                                "upload a.md 201", "delete_document a.md 204",
                                                "submit  503 unavailable"});
  CHECK(world.audit.told[0].principal == "uid:1");
}

TEST_CASE("a submission whose client leaves while it waits for the end has been accepted") {
  ApiWorld world;
  tests::Headers waits = tests::as_parts;
  waits.emplace_back("prefer", "wait=9");
  SECTION("and ends with its client") {}
  SECTION("and goes on without it") {
    waits.emplace_back("idempotency-key", "order-17");
  }
  tests::Asked asked = world.begin("POST /v1/conversions", waits,
                                   tests::file("c.docx", tests::a_docx) + tests::field("to", "pdf") + tests::end);
  REQUIRE(asked.answer->times == 0);
  CHECK(told(world).empty());
  asked.exchange.reset();
  world.house.loop.advance(std::chrono::seconds(10));
  REQUIRE(told(world).size() == 1);
  CHECK_FALSE(world.audit.told[0].subject.empty());
  CHECK(told(world)[0] == "submit " + world.audit.told[0].subject + " 202");
}

TEST_CASE("who is kept out stands in the audit log, whatever was asked for") {
  ApiWorld world;
  world.ask("POST /v1/control/pause");
  world.ask("GET /v1/control");
  CHECK(told(world) == std::vector<std::string>{"forbidden  403 forbidden", "forbidden  403 forbidden"});
  CHECK(world.audit.told[0].kind == AuditKind::refusal);
  CHECK(world.audit.told[0].route == "POST /v1/control/pause");
  world.role = convd::api::Role::operator_;
  world.ask("POST /v1/control/pause");
  CHECK(told(world.audit.told[2]) == "pause  200");
  CHECK(world.audit.told[2].kind == AuditKind::action);
  CHECK(world.audit.told[2].role == "operator");
}

TEST_CASE("a token that is refused stands in the audit log, and nothing of it") {
  ApiWorld world;
  Policy policy;
  policy.demand = Demand::token;
  world.authority.set(std::move(policy));
  auto request = world.request("GET /v1/conversions", {{"authorization", "Bearer CANARY"}});
  request.caller = {"local", "local", convd::api::Role::user, "192.0.2.7"};
  tests::Answer answer;
  world.router.begin(std::move(request), answer)->on_body_end();
  CHECK(told(world) == std::vector<std::string>{"token_refused  401 unauthorized"});
  CHECK(world.audit.told[0].kind == AuditKind::refusal);
  CHECK(world.audit.told[0].address == "192.0.2.7");
  CHECK(to_line(world.audit.told[0], 0).find("CANARY") == std::string::npos);
}

TEST_CASE("whoever watches stands in the audit log from the opening on") {
  ApiWorld world;
  const std::string id = world.accept("c.docx", tests::a_docx);
  world.audit.told.clear();
  const auto session = world.router.open_socket(world.request("GET /ws/conversion/" + id));
  REQUIRE(session.session);
  const auto stream = world.router.open_socket(world.request("GET /v2/realtime/stream"));
  REQUIRE(stream.session);
  CHECK_FALSE(world.router.open_socket(world.request("GET /ws/conversion/none")).session);
  world.ask("GET /ws/conversion/none");
  world.ask("GET /v2/realtime/sse");
  CHECK(told(world) == std::vector<std::string>{"watch " + id + " 101", "stream  101",
                                                "watch none 404 conversion_not_found", "stream  200"});
  CHECK(world.audit.told[0].route == "GET /ws/conversion/{id}");
}

TEST_CASE("no route that changes something is without an action") {
  // The router of every test has looked at the real table; these are wrong ones.
  const ApiWorld world;
  CHECK_THROWS_AS(convd::api::check_audit_actions({}, {}), std::logic_error);
  CHECK(convd::api::audit_action("POST", "/v1/conversions") == "submit");
  CHECK(convd::api::audit_action("HEAD", "/documents/{name}") == "fetch_document");
  CHECK(convd::api::audit_action("GET", "/v1/formats").empty());
}
