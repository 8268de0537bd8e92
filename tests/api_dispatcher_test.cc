// Rows to answers, over tiny routes; problems.

#include "convd/api/dispatcher.h"

#include <stdexcept>

#include "convd/api/readiness.h"
#include "tests/support/catch.h"
#include "tests/support/fake_audit.h"
#include "tests/support/fake_loop.h"

using namespace convd::api;
using shared::ErrorCode;

namespace {

class Answer final : public Responder {
 public:
  void send(Response response) override {
    ++times;
    last = std::move(response);
    if (when_sent) when_sent();
  }
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : last.headers) {
      if (key == name) return value;
    }
    return "";
  }
  std::string body() const { return std::get<std::string>(last.body); }
  shared::Json json() const { return shared::Json::parse(body()).value(); }
  std::string code() const { return json().read().at("code")->string().value(); }

  int times = 0;
  Response last;
  std::function<void()> when_sent;
};

std::string names_in(const Request& request) {
  std::string names;
  for (const auto& pairs : {request.headers, request.query}) {
    for (const auto& [name, value] : pairs) names += name + " ";
  }
  return names;
}

// Routes that say what they were given.
class World {
 public:
  World() : authority(loop), dispatcher(routes(), sockets(), metrics, authority, edge, audit, loop) {}

  Answer ask(const std::string& method, std::vector<std::string> path, Headers headers = {},
             const std::string& body = {}) {
    Answer answer;
    auto exchange = dispatcher.begin(request(method, std::move(path), std::move(headers)), answer);
    if (answer.times == 0 && !body.empty()) exchange->on_body(body);
    if (answer.times == 0) exchange->on_body_end();
    return answer;
  }
  static Request request(const std::string& method, std::vector<std::string> path, Headers headers = {}) {
    Request made;
    made.method = method;
    made.path = std::move(path);
    made.headers = std::move(headers);
    return made;
  }
  std::string exposition() {
    Exposition out;
    metrics.write(out);
    return out.take();
  }

  tests::FakeLoop loop;
  HttpMetrics metrics;
  convd::trust::Authority authority;
  convd::trust::LimitSettings limits;
  OriginSettings origins;
  convd::trust::Gate gate{limits};
  Edge edge{gate, origins, loop};
  tests::FakeAudit audit;
  Dispatcher dispatcher;
  std::optional<Reply> kept;
  std::string handed_on;          // the names of the headers and parameters that a socket was opened with
  bool handler_survived = false;  // its own answer

 private:
  class Echo final : public Handler, public std::enable_shared_from_this<Echo> {
   public:
    Echo(Call call, bool& survived) : call_(std::move(call)), survived_(survived) {}
    void on_body(std::string_view bytes) override { text_.append(bytes); }
    void on_body_end() override {
      bool& survived = survived_;
      const auto self = weak_from_this();
      call_.reply.send(text_response(200, text_));
      survived = !self.expired();
    }

   private:
    Call call_;
    bool& survived_;
    std::string text_;
  };

  std::vector<Route> routes() {
    const Start params = answer([](const Call& call) -> shared::Result<Response> {
      std::string text = call.request.method;
      for (const std::string& param : call.params) text += " <" + param + ">";
      return text_response(200, text);
    });
    const Start fails = answer([](const Call&) -> shared::Result<Response> {
      return shared::Error{ErrorCode::result_gone, "it is gone", {}};
    });
    const Start damaged = answer([](const Call&) -> shared::Result<Response> {
      throw std::runtime_error("a row of conversions does not match its sum");
    });
    const Start later = answer_later([this](const Call& call) { kept = call.reply; });
    const Start echo = [this](Call call) { return std::make_shared<Echo>(std::move(call), handler_survived); };
    const Start named =
        answer([](const Call& call) -> shared::Result<Response> { return text_response(200, names_in(call.request)); });
    constexpr auto anyone = Permission::anyone;
    return {{"GET", "/things", anyone, Body::ignored, 10, params},
            {"GET", "/things/{name}", anyone, Body::ignored, 10, params},
            {"DELETE", "/things/{name}", anyone, Body::ignored, 10, params},
            {"GET", "/things/{name}/parts/{part}", anyone, Body::ignored, 10, params},
            {"POST", "/echo", anyone, Body::taken, 10, echo},
            {"GET", "/gone", anyone, Body::ignored, 10, fails},
            {"GET", "/later", anyone, Body::ignored, 10, later},
            {"GET", "/names", anyone, Body::ignored, 10, named},
            {"GET", "/damaged", anyone, Body::ignored, 10, damaged},
            {"POST", "/drain", Permission::operators, Body::ignored, 10, params}};
  }
  std::vector<SocketRoute> sockets() {
    return {{"/ws/{id}", [this](const Request& request, const std::vector<std::string>&) {
               handed_on = names_in(request);
               return nullptr;
             }}};
  }
};

}  // namespace

TEST_CASE("a request finds its row") {
  World world;
  CHECK(world.ask("GET", {"things"}).body() == "GET");
  CHECK(world.ask("GET", {"things", "a / 100%"}).body() == "GET <a / 100%>");
  CHECK(world.ask("DELETE", {"things", "a"}).body() == "DELETE <a>");
  CHECK(world.ask("HEAD", {"things", "a"}).body() == "HEAD <a>");
  CHECK(world.ask("GET", {"things", "a", "parts", "b"}).body() == "GET <a> <b>");
  CHECK(world.ask("POST", {"echo"}, {}, "hello").body() == "hello");
}

TEST_CASE("what cannot be read fails the request that asked for it, and no other") {
  World world;
  const Answer answer = world.ask("GET", {"damaged"});
  CHECK(answer.last.status == 503);
  CHECK(answer.code() == "unavailable");
  CHECK(answer.body().find("sum") == std::string::npos);
  CHECK(world.ask("GET", {"things"}).body() == "GET");
}

TEST_CASE("a request without a row is told what there is") {
  World world;
  for (const auto& path :
       std::vector<std::vector<std::string>>{{}, {""}, {"nothing"}, {"things", ""}, {"things", "a", "b"}}) {
    const Answer answer = world.ask("GET", path);
    CHECK(answer.last.status == 404);
    CHECK(answer.code() == "not_found");
  }
  const Answer post = world.ask("POST", {"things", "a"});
  CHECK(post.last.status == 405);
  CHECK(post.code() == "method_not_allowed");
  CHECK(post.header("Allow") == "DELETE, GET, HEAD, OPTIONS");
  CHECK(world.ask("HEAD", {"echo"}).header("Allow") == "OPTIONS, POST");
  const Answer options = world.ask("OPTIONS", {"things"});
  CHECK(options.last.status == 204);
  CHECK(options.header("Allow") == "GET, HEAD, OPTIONS");
  CHECK(world.ask("OPTIONS", {"nothing"}).last.status == 404);
}

TEST_CASE("two rows for one path stop the start") {
  const Start none;
  const auto table = [&](std::string_view method, std::string_view a, std::string_view b) {
    RouteTable({{"GET", a, Permission::anyone, Body::ignored, 0, none},
                {method, b, Permission::anyone, Body::ignored, 0, none}});
  };
  CHECK_THROWS_AS(table("GET", "/a", "/a"), std::logic_error);
  CHECK_THROWS_AS(table("GET", "/a/{x}", "/a/{y}"), std::logic_error);
  CHECK_THROWS_AS(table("GET", "/a/{x}", "/a/b"), std::logic_error);
  CHECK_THROWS_AS(table("GET", "a", "/b"), std::logic_error);
  CHECK_THROWS_AS(table("GET", "/a//b", "/a/b/c"), std::logic_error);
  CHECK_NOTHROW(table("POST", "/a/{x}", "/a/{x}"));
  CHECK_NOTHROW(table("GET", "/a/{x}", "/a/{x}/b"));
}

TEST_CASE("a row is checked before its handler") {
  World world;
  CHECK(world.ask("POST", {"drain"}).code() == "forbidden");
  Request request = World::request("POST", {"drain"});
  request.caller.role = Role::operator_;
  Answer answer;
  world.dispatcher.begin(std::move(request), answer)->on_body_end();
  CHECK(answer.last.status == 200);

  CHECK(world.ask("POST", {"echo"}, {}, "0123456789").body() == "0123456789");
  CHECK(world.ask("POST", {"echo"}, {}, "0123456789a").code() == "body_too_large");
  Request announced = World::request("POST", {"echo"});
  announced.content_length = 11;
  Answer at_once;
  const auto exchange = world.dispatcher.begin(std::move(announced), at_once);
  CHECK(at_once.last.status == 413);
  exchange->on_body("more");
  exchange->on_body_end();
  CHECK(at_once.times == 1);
}

TEST_CASE("neither a handler nor a socket is handed a token") {
  World world;
  const Headers headers{{"authorization", "Bearer x"}, {"sec-websocket-protocol", "bearer.x"}, {"host", "h"}};
  CHECK(world.ask("GET", {"names"}, headers).body() == "host ");
  Request handshake = World::request("GET", {"ws", "x"}, {{"host", "h"}});
  handshake.query = {{"token", "x"}, {"kept", "y"}};
  world.dispatcher.open_socket(handshake);
  CHECK(world.handed_on == "host kept ");
}

TEST_CASE("an error is a problem with the trace of its request") {
  World world;
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const Answer answer = world.ask("GET", {"gone"}, {{"traceparent", "00-" + trace + "-00f067aa0ba902b7-01"}});
  CHECK(answer.header("Content-Type") == "application/problem+json");
  CHECK(
      answer.body() ==
      R"({"type":"about:blank","title":"Gone","status":410,"detail":"it is gone","code":"result_gone","retryable":false,)"
      R"("trace_id":")" +
          trace + "\"}\n");
}

TEST_CASE("an answer may come late, too late, or end everything") {
  World world;
  SECTION("late") {
    Answer answer;
    const auto exchange = world.dispatcher.begin(World::request("GET", {"later"}), answer);
    exchange->on_body_end();
    CHECK(answer.times == 0);
    world.kept->send(text_response(200, "now"));
    world.kept->send(text_response(200, "again"));
    CHECK(answer.times == 1);
    CHECK(answer.body() == "now");
  }
  SECTION("after the client has gone") {
    Answer answer;
    world.dispatcher.begin(World::request("GET", {"later"}), answer)->on_body_end();
    CHECK_FALSE(world.kept->open());
    world.kept->fail(shared::Error{ErrorCode::internal, "nobody hears this", {}});
    CHECK(answer.times == 0);
    // It is counted as what it would have been.
    CHECK(world.exposition().find(R"(_count{route="/later",method="GET",status="5xx"} 1)") != std::string::npos);
    world.kept->fail(shared::Error{ErrorCode::internal, "nor this", {}});
    CHECK(world.exposition().find(R"(_count{route="/later",method="GET",status="5xx"} 1)") != std::string::npos);
  }
  SECTION("destroying the exchange") {
    Answer answer;
    std::unique_ptr<Exchange> exchange = world.dispatcher.begin(World::request("POST", {"echo"}), answer);
    answer.when_sent = [&] { exchange.reset(); };
    exchange->on_body("x");
    exchange->on_body_end();
    CHECK(answer.body() == "x");
    CHECK(exchange == nullptr);
    CHECK(world.handler_survived);
  }
}

TEST_CASE("every error code has a status, a reason, and Retry-After where it must") {
  for (int i = 0; i < shared::error_code_count; ++i) {
    Problem problem;
    problem.error = {static_cast<ErrorCode>(i), "m", "d"};
    problem.retry_after_s = 42;
    const Response response = problem_response(problem, "t");
    CHECK(response.status >= 400);
    CHECK(response.status < 600);
    CHECK(http_reason(response.status) != "Unknown");
    const auto json = shared::Json::parse(std::get<std::string>(response.body)).value();
    CHECK(json.read().at("code")->string().value() == shared::to_string(problem.error.code));
    CHECK(json.read().at("status")->integer(400, 599).value() == response.status);
    CHECK(json.read().at("evidence")->string().value() == "d");
    bool retry_after = false;
    for (const auto& [name, value] : response.headers)
      retry_after = retry_after || (name == "Retry-After" && value == "42");
    CHECK(retry_after == (response.status == 429 || response.status == 503));
  }
  Problem problem;
  problem.error = {ErrorCode::unsupported_conversion, "no", {}};
  problem.extras.set("targets", std::move(shared::Json::array().push("pdf")));
  CHECK(std::get<std::string>(problem_response(problem, "t").body).find(R"("trace_id":"t","targets":["pdf"]})") !=
        std::string::npos);
}

TEST_CASE("what never became a request is a problem too") {
  World world;
  const Response response = world.dispatcher.problem({ErrorCode::header_too_large, "over 16 KiB", {}});
  CHECK(response.status == 431);
}

TEST_CASE("a socket that is not there is left to plain HTTP") {
  World world;
  CHECK(world.dispatcher.open_socket(World::request("GET", {"ws", "1"})).session == nullptr);
  CHECK(world.dispatcher.open_socket(World::request("GET", {"other"})).session == nullptr);
}

TEST_CASE("answers are timed from the end of the request, by row") {
  World world;
  Answer answer;
  const auto exchange = world.dispatcher.begin(World::request("GET", {"later"}), answer);
  world.loop.advance(std::chrono::seconds(20));  // the client is slow
  exchange->on_body_end();
  world.loop.advance(std::chrono::milliseconds(40));
  world.kept->send(text_response(200, "x"));
  world.ask("BREW", {"pot"});
  Request waiting = World::request("GET", {"things"});
  waiting.query = {{"wait", "5"}};
  Answer waited;
  world.dispatcher.begin(std::move(waiting), waited)->on_body_end();

  const std::string text = world.exposition();
  const std::string later = R"({route="/later",method="GET",status="2xx",le=)";
  CHECK(text.find("_bucket" + later + "\"0.025\"} 0\n") != text.npos);
  CHECK(text.find("_bucket" + later + "\"0.05\"} 1\n") != text.npos);
  CHECK(text.find(R"(_count{route="unmatched",method="other",status="4xx"} 1)") != text.npos);
  CHECK(text.find(R"(_count{route="/things waiting",method="GET",status="2xx"} 1)") != text.npos);
}

TEST_CASE("readiness lists what is wrong, or everything") {
  CHECK(problems_text(readiness({})) == "");
  CHECK(readiness_text(readiness({})) ==
        "[+] store: ok\n[+] files: ok\n[+] uploads: ok\n[+] runner: ok\n[+] sandbox: ok\n[+] disk: ok\n[+] draining: "
        "ok\nready\n");
  const auto checks = readiness({{"disk", "1 MiB left"}, {"moon", "full"}});
  CHECK(problems_text(checks) == "[-] disk: 1 MiB left\n[-] moon: full\n");
  CHECK(readiness_text(checks) ==
        "[+] store: ok\n[+] files: ok\n[+] uploads: ok\n[+] runner: ok\n[+] sandbox: ok\n[-] disk: 1 MiB left\n[+] "
        "draining: ok\n[-] "
        "moon: full\nnot "
        "ready\n");
}
