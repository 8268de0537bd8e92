// Who is let in, route by route, with a clock of our own. What goes over the wire is tests/e2e/test_trust.py's.

#include <fstream>
#include <set>
#include <sstream>

#include "convd/api/authentication.h"
#include "convd/api/expiry.h"
#include "tests/support/api_world.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"

namespace {

using convd::api::Permission;
using namespace convd::trust;
using std::chrono::milliseconds;

const std::string secret(32, 's');

// A daemon that asks for tokens, and a client far away.
class World : public tests::ApiWorld {
 public:
  World() {
    authority.set(
        {.demand = Demand::token, .keys = keys(), .expected = {}, .proxies = Proxies({*Network::parse("10.0.0.1")})});
  }
  static Keys keys() { return Keys({std::make_shared<const Key>(*Key::read("k", Algorithm::hs256, secret))}); }

  std::string token(const std::string& scope = "convert read", const std::string& of_org = "press") {
    const Order order{.principal = "ada", .org = of_org, .scopes = Scopes::parse(scope), .lifetime_s = 60};
    return authority.mint(order, "")->token;
  }
  convd::api::Request from_afar(const std::string& line, tests::Headers headers = {}) const {
    auto made = request(line, std::move(headers));
    made.caller = {"local", "local", convd::api::Role::user, "192.0.2.7"};
    return made;
  }
  tests::Answer ask_from_afar(const std::string& line, tests::Headers headers = {}) {
    tests::Answer answer;
    const auto exchange = router.begin(from_afar(line, std::move(headers)), answer);
    if (answer.times == 0) exchange->on_body_end();
    house.loop.turn();
    REQUIRE(answer.times == 1);
    return answer;
  }
  // Not answered yet.
  tests::Asked begin_from_afar(const std::string& line, tests::Headers headers, const std::string& body = {}) {
    tests::Asked asked;
    auto made = from_afar(line, std::move(headers));
    made.has_body = !body.empty();
    asked.exchange = router.begin(std::move(made), *asked.answer);
    if (!body.empty()) asked.exchange->on_body(body);
    asked.exchange->on_body_end();
    house.loop.turn();
    REQUIRE(asked.answer->times == 0);
    return asked;
  }
  // "token_refused GET /v1/usage ada 401"
  std::vector<std::string> told() const {
    std::vector<std::string> all;
    for (const AuditEntry& entry : audit.told)
      all.push_back(entry.action + " " + entry.route + " " + entry.principal + " " + std::to_string(entry.status));
    return all;
  }
};

tests::Headers bearer(const std::string& token) {
  return {{"authorization", "Bearer " + token}};
}

std::string ticket_for(World& world, const std::string& token) {
  return world.ask_from_afar("POST /v2/realtime/ticket", bearer(token)).member("ticket");
}

std::string word_for(Permission permission) {
  switch (permission) {
    case Permission::anyone:
      return "none";
    case Permission::convert:
      return "convert";
    case Permission::read:
      return "read";
    case Permission::operators:
      return "admin";
    case Permission::local_operators:
      return "operators, over the Unix socket";
  }
  return "";
}

std::set<std::string> rows_of_manual() {
  std::ifstream in(std::string(CONVD_SOURCE_DIR) + "/man/convd.8");
  std::set<std::string> rows;
  bool within = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(".It Sy \"\" Ta Sy route")) within = true;
    if (within && line == ".El") return rows;
    if (within && !line.starts_with(".It Sy")) CHECK(rows.insert(line).second);
  }
  return {};
}

}  // namespace

TEST_CASE("convd(8) says of every route what it asks for, and of no other") {
  World world;
  std::set<std::string> rows;
  const auto add = [&](std::string_view method, std::string_view pattern, Permission permission) {
    rows.insert(".It " + std::string(method) + " Ta Li " + std::string(pattern) + " Ta " + word_for(permission));
  };
  for (const auto& row : world.router.dispatcher().rows()) add(row.method, row.pattern, row.permission);
  for (const auto& row : world.router.dispatcher().sockets()) add("WS", row.pattern, row.permission);
  CHECK(rows_of_manual() == rows);
}

TEST_CASE("from afar a token is needed, and says who it is") {
  World world;
  CHECK(world.ask_from_afar("GET /v1/usage").refusal() == "401 unauthorized");
  CHECK(world.ask_from_afar("GET /livez").last.status == 200);
  CHECK(world.ask_from_afar("GET /v1/usage", bearer(world.token())).member("org") == "press");
  CHECK(world.ask_from_afar("GET /v1/control", bearer(world.token())).refusal() == "403 forbidden");
  CHECK(world.ask_from_afar("GET /v1/control", bearer(world.token("admin"))).last.status == 200);
  CHECK(world.ask_from_afar("POST /v1/tokens", bearer(world.token("admin"))).refusal() == "403 forbidden");
  CHECK(world.ask("GET /v1/usage").member("org") == "uid:1");
}

TEST_CASE("each scope opens its own routes") {
  World world;
  const auto status = [&](const std::string& line, const std::string& scope) {
    return world.ask_from_afar(line, bearer(world.token(scope))).last.status;
  };
  CHECK(status("GET /v1/conversions", "read") == 200);
  CHECK(status("DELETE /documents/none.md", "convert") == 404);
  for (const char* scope : {"", "convert", "admin"}) CHECK(status("GET /v1/conversions", scope) == 403);
  for (const char* scope : {"", "read", "admin"}) CHECK(status("DELETE /documents/none.md", scope) == 403);
  for (const char* scope : {"", "convert", "read", "convert read"}) CHECK(status("GET /v1/control", scope) == 403);
}

TEST_CASE("a token is taken from where it may be, and from nowhere else") {
  World world;
  const convd::api::Authentication authentication(world.authority);
  constexpr auto header = convd::api::Credentials::header;
  constexpr auto anywhere = convd::api::Credentials::header_or_url;
  const auto who = [&](const std::string& line, tests::Headers headers, convd::api::Credentials where) {
    auto request = world.from_afar(line, std::move(headers));
    const auto refused = authentication.identify(request, where);
    return refused ? std::string(refused->error.message) : request.caller.principal;
  };
  const std::string token = world.token();
  const tests::Headers protocols{{"sec-websocket-protocol", "convd.v1, bearer." + token}};
  CHECK(who("GET /x", bearer(token), header) == "ada");
  for (const std::string name : {"access_token", "token"}) {
    CHECK(who("GET /x?" + name + "=" + token, {}, anywhere) == "ada");
    CHECK(who("GET /x?" + name + "=" + token, {}, header) ==
          "here a token has to be in the Authorization header, not in the URL");
  }
  CHECK(who("GET /x", protocols, anywhere) == "ada");
  CHECK(who("GET /x", protocols, header) == "a token is needed here: Authorization: Bearer TOKEN");
  CHECK(who("GET /x?token=" + token, bearer(token), anywhere) == "more than one token is given");
  CHECK(who("GET /x", {{"authorization", "Basic " + token}}, header) ==
        "the Authorization header has to be: Bearer TOKEN");
}

TEST_CASE("a ticket lets in whom it was given to, with no more than they had") {
  World world;
  const std::string token = world.token("read");
  auto request = world.from_afar("GET /v2/realtime/sse?ticket=" + ticket_for(world, token));
  const convd::api::Authentication authentication(world.authority);
  REQUIRE_FALSE(authentication.identify(request, convd::api::Credentials::header_or_url).has_value());
  CHECK(request.caller.principal == "ada");
  CHECK(request.caller.org == "press");
  CHECK(request.caller.role == convd::api::Role::user);
  CHECK(request.caller.scopes == Scopes().with(Scope::read));
  CHECK(request.caller.token_ends_ms == world.authority.admit(token)->expires_ms);
}

TEST_CASE("a ticket is spent by the stream that it opens") {
  World world;
  const std::string events = "GET /v2/realtime/sse?ticket=" + ticket_for(world, world.token());
  CHECK(world.ask_from_afar(events).last.status == 200);
  CHECK(world.ask_from_afar(events).refusal() == "401 unauthorized");
  const auto handshake = world.from_afar("GET /v2/realtime/stream?ticket=" + ticket_for(world, world.token()));
  const auto first = world.router.open_socket(handshake);
  REQUIRE(first.session != nullptr);
  CHECK_FALSE(first.session->finished().has_value());
  const auto second = world.router.open_socket(handshake);
  REQUIRE(second.session != nullptr);
  REQUIRE(second.session->finished().has_value());
  CHECK(second.session->finished()->code == 4500);
}

TEST_CASE("nothing behind the dispatcher sees a token") {
  World world;
  auto request = world.from_afar("GET /x?access_token=a&token=b&ticket=c&kept=d",
                                 {{"authorization", "x"}, {"sec-websocket-protocol", "bearer.y"}, {"host", "h"}});
  convd::api::forget_credentials(request);
  CHECK(request.headers == tests::Headers{{"host", "h"}});
  CHECK(request.query == std::vector<std::pair<std::string, std::string>>{{"kept", "d"}});
}

TEST_CASE("a trusted proxy says for whom it asks") {
  World world;
  const convd::api::Authentication authentication(world.authority);
  auto request = world.from_afar("GET /x", {{"x-forwarded-for", "6.6.6.6"}, {"x-forwarded-for", "192.0.2.9"}});
  CHECK(authentication.address_of(request) == "192.0.2.7");
  request.caller.address = "10.0.0.1";
  CHECK(authentication.address_of(request) == "192.0.2.9");
  request.caller.address = "";
  CHECK(authentication.address_of(request).empty());
}

TEST_CASE("nobody is short of what a namesake in another organisation has used up") {
  World world;
  const auto press = bearer(world.token());
  const auto radio = bearer(world.token("convert read", "radio"));
  SECTION("requests") {
    world.limits.requests = 1;
    CHECK(world.ask_from_afar("GET /v1/usage", press).last.status == 200);
    CHECK(world.ask_from_afar("GET /v1/usage", press).refusal() == "429 rate_limited");
    CHECK(world.ask_from_afar("GET /v1/usage", radio).last.status == 200);
  }
  SECTION("connections") {
    world.realtime_settings.connections_per_principal = 1;
    const auto one = world.begin_from_afar("GET /v2/realtime/poll?wait=9", press);
    CHECK(world.ask_from_afar("GET /v2/realtime/poll", press).refusal() == "429 too_many_connections");
    world.begin_from_afar("GET /v2/realtime/poll?wait=9", radio);
  }
}

TEST_CASE("whoever watches a conversion has a connection of those that a principal may have") {
  World world;
  world.realtime_settings.connections_per_principal = 2;
  world.realtime_settings.rollout.enabled = false;  // which is about the stream alone
  const std::string id = world.accept("c.docx", tests::a_docx);
  const std::string line = "GET /ws/conversion/" + id;
  auto one = world.router.open_socket(world.request(line)).session;
  const auto two = world.router.open_socket(world.request(line)).session;
  REQUIRE(one);
  REQUIRE(two);
  const auto three = world.router.open_socket(world.request(line));
  CHECK_FALSE(three.session);
  CHECK(world.ask(line).refusal() == "429 too_many_connections");
  world.org = "uid:2";
  CHECK(world.ask(line).refusal() == "404 conversion_not_found");
  world.org = "uid:1";
  one.reset();
  CHECK(world.ask(line).refusal() == "426 upgrade_required");
  CHECK(world.router.open_socket(world.request(line)).session);
}

TEST_CASE("nobody waits beyond the end of the token") {
  World world;
  const auto token = bearer(world.token());
  world.house.loop.advance(milliseconds(60'000));  // it is good for 30 s more, with the leeway
  world.org = "press";
  const std::string id = world.accept("c.docx", tests::a_docx);
  const tests::Answer now = world.ask("GET /v1/conversions/" + id);
  tests::Headers headers = token;
  std::string line;
  std::string body;
  int status = 0;
  SECTION("for news of a conversion") {
    line = "GET /v1/conversions/" + id + "?wait=60";
    headers.emplace_back("if-none-match", now.header("ETag"));
    status = 304;
  }
  SECTION("for the end of what was submitted") {
    line = "POST /v1/conversions";
    headers.emplace_back("content-type", "multipart/form-data; boundary=XX");
    headers.emplace_back("prefer", "wait=60");
    body = tests::file("d.docx", tests::a_docx) + tests::field("to", "pdf") + tests::end;
    status = 202;
  }
  SECTION("for the stream") {
    line = "GET /v2/realtime/poll?wait=60";
    status = 204;
  }
  const auto asked = world.begin_from_afar(line, headers, body);
  world.house.loop.advance(milliseconds(29'000));
  CHECK(asked.answer->times == 0);
  world.house.loop.advance(milliseconds(1'000));
  CHECK(asked.answer->times == 1);
  CHECK(asked.answer->last.status == status);
}

TEST_CASE("a token that is refused stands in the audit log, whatever it was shown for") {
  World world;
  const auto bad = bearer("a.b.c");
  CHECK(world.ask_from_afar("GET /nothing", bad).refusal() == "404 not_found");
  CHECK(world.ask_from_afar("PUT /v1/conversions/x", bad).refusal() == "405 method_not_allowed");
  CHECK(world.ask_from_afar("GET /livez", bad).last.status == 200);
  CHECK(world.ask_from_afar("GET /v1/usage", bad).refusal() == "401 unauthorized");
  REQUIRE(world.told() ==
          std::vector<std::string>{"token_refused unmatched  401", "token_refused other /v1/conversions/{id}  401",
                                   "token_refused GET /livez  401", "token_refused GET /v1/usage  401"});
  CHECK(world.audit.told[0].address == "192.0.2.7");
  CHECK(world.audit.told[0].code == "unauthorized");
  world.audit.told.clear();
  // Without one nothing is refused where none is needed.
  world.ask_from_afar("GET /nothing");
  world.ask_from_afar("PUT /v1/conversions/x", bearer(world.token()));
  CHECK(world.told().empty());
}

TEST_CASE("a token that is refused within a connection stands in the audit log") {
  World world;
  struct Quiet final : convd::api::Outlet {
    void want_write() override {}
    void flush() override {}
  } outlet;
  const auto stream =
      world.router.open_socket(world.from_afar("GET /v2/realtime/stream", bearer(world.token("read")))).session;
  REQUIRE(stream);
  stream->on_open(outlet);
  const auto refresh = [&](const std::string& token) {
    stream->on_message(R"({"type":"refresh","access_token":")" + token + "\"}", convd::api::MessageKind::text);
  };
  world.audit.told.clear();
  refresh("a.b.c");
  refresh(world.token("read", "radio"));
  refresh(world.token("read"));
  refresh("a.b.c");
  const std::string route = " GET /v2/realtime/stream ada ";
  REQUIRE(world.told() == std::vector<std::string>{"token_refused" + route + "401", "forbidden" + route + "403",
                                                   "token_refused" + route + "401"});
  CHECK(world.audit.told[0].org == "press");
  CHECK(world.audit.told[0].address == "192.0.2.7");
}

TEST_CASE("a trusted proxy has the connections of all its clients") {
  World world;
  world.limits.connections = 1;
  const auto peer = [](const std::string& address) {
    return convd::api::Caller{"local", "local", convd::api::Role::user, address};
  };
  const auto proxy = world.router.arrive(peer("10.0.0.1"));
  CHECK(proxy);
  CHECK(world.router.arrive(peer("10.0.0.1")));
  const auto client = world.router.arrive(peer("10.0.0.2"));
  CHECK(client);
  CHECK_FALSE(world.router.arrive(peer("10.0.0.2")));
}

TEST_CASE("the end of a token is told a minute before, and when it has come") {
  tests::FakeLoop loop;
  std::string told;
  convd::api::Expiry expiry(loop, {.soon = [&] { told += "soon "; }, .over = [&] { told += "over "; }});
  const auto now_ms = [&] { return std::chrono::duration_cast<milliseconds>(loop.wall().time_since_epoch()).count(); };
  expiry.set(now_ms() + 90'000);
  loop.advance(milliseconds(29'999));
  CHECK(told.empty());
  loop.advance(milliseconds(1));
  CHECK(told == "soon ");
  loop.advance(milliseconds(59'999));
  CHECK(told == "soon ");
  // A new one.
  expiry.set(now_ms() + 7'200'000);
  loop.advance(milliseconds(7'200'000));
  CHECK(told == "soon soon over ");
  loop.advance(milliseconds(7'200'000));
  CHECK(told == "soon soon over ");

  // The clock is set forward: noticed within the hour.
  told.clear();
  expiry.set(now_ms() + 7'200'000);
  loop.set_wall_by(milliseconds(7'200'000));
  loop.advance(milliseconds(3'600'000));
  CHECK(told == "over ");
  told.clear();
  expiry.set(now_ms() + 1'000);
  expiry.set(0);
  loop.advance(milliseconds(7'200'000));
  CHECK(told.empty());
}
