// Who is turned away before any handler: by name, by origin, by pace; and what pages of other sites may read.

#include "convd/api/edge.h"

#include "convd/api/dispatcher.h"
#include "tests/support/catch.h"
#include "tests/support/fake_audit.h"
#include "tests/support/fake_loop.h"

using namespace convd::api;
namespace trust = convd::trust;

namespace {

class Answer final : public Responder {
 public:
  void send(Response response) override {
    sent = true;
    last = std::move(response);
  }
  std::string header(std::string_view name) const {
    std::string all;
    for (const auto& [key, value] : last.headers) {
      if (key == name) all += (all.empty() ? "" : ", ") + value;
    }
    return all;
  }
  // "429 rate_limited", or the status alone.
  std::string outcome() const {
    const auto json = shared::Json::parse(std::get<std::string>(last.body));
    const std::string status = std::to_string(last.status);
    if (!json || !json->read().is_object()) return status;
    const auto code = json->read().find("code");
    return code ? status + " " + code->string().value() : status;
  }
  bool sent = false;
  Response last;
};

class World {
 public:
  World() : dispatcher(routes(), sockets(), metrics, authority, edge, audit, loop) {}

  Request request(const std::string& method, const std::string& path, Headers headers = {}) const {
    Request made;
    made.method = method;
    made.path = {path};
    made.headers = std::move(headers);
    made.caller = {principal, principal, Role::user, address};
    return made;
  }
  Answer ask(const std::string& method, Headers headers = {}, const std::string& path = "thing") {
    Answer answer;
    auto exchange = dispatcher.begin(request(method, path, std::move(headers)), answer);
    if (!answer.sent) exchange->on_body_end();
    return answer;
  }
  std::string outcome(const std::string& method, Headers headers = {}) {
    return ask(method, std::move(headers)).outcome();
  }
  // "session", "nothing" or a refusal
  std::string socket(Headers headers = {}) {
    auto opening = dispatcher.open_socket(request("GET", "ws", std::move(headers)));
    if (opening.session) return "session";
    if (!opening.refusal) return "nothing";
    Answer answer;
    answer.last = *std::move(opening.refusal);
    return answer.outcome();
  }
  std::string figures() const {
    Exposition out;
    edge.write(out);
    return out.take();
  }

  std::string principal = "local";
  std::string address = "127.0.0.1";
  tests::FakeLoop loop;
  HttpMetrics metrics;
  trust::Authority authority{loop};
  trust::LimitSettings limits;
  OriginSettings origins;
  trust::Gate gate{limits};
  Edge edge{gate, origins, loop};
  tests::FakeAudit audit;
  Dispatcher dispatcher;

 private:
  struct Silent final : SocketSession {
    void on_open(Outlet&) override {}
    void on_message(std::string_view, MessageKind) override {}
    std::string_view next_frames(std::size_t) override { return {}; }
    std::optional<Close> finished() const override { return {}; }
  };
  class Drain final : public Handler {
   public:
    explicit Drain(Call call) : call_(std::move(call)) {}
    void on_body_end() override { call_.reply.send(text_response(200, "done")); }

   private:
    Call call_;
  };

  static std::vector<Route> routes() {
    const Start start = [](Call call) { return std::make_shared<Drain>(std::move(call)); };
    return {
        {"GET", "/thing", Permission::anyone, Body::ignored, 100, start},
        {"POST", "/thing", Permission::anyone, Body::taken, 100, start},
        {"GET", "/stream", Permission::anyone, Body::ignored, 100, start, Credentials::header, trust::Errand::stream}};
  }
  static std::vector<SocketRoute> sockets() {
    return {{"/ws", [](const Request&, const std::vector<std::string>&) { return std::make_unique<Silent>(); }}};
  }
};

}  // namespace

TEST_CASE("Over TCP without token only names of this machine are answered to") {
  World world;
  for (const char* host : {"localhost", "LOCALHOST:8080", "127.0.0.1:80", "127.0.0.2", "[::1]", "[::1]:8080"})
    CHECK(world.outcome("GET", {{"host", host}}) == "200");
  for (const char* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1",
                           "localhost.", "[::2]", "[::1", "127.evil"})
    CHECK(world.outcome("GET", {{"host", host}}) == "421 misdirected_request");
  CHECK(world.outcome("GET") == "200");  // HTTP/1.0
  CHECK(world.socket({{"host", "evil.example"}}) == "421 misdirected_request");
  world.origins.hosts = {"convert.lan"};
  CHECK(world.outcome("GET", {{"host", "Convert.lan:8080"}}) == "200");
  world.origins.hosts.clear();
  world.address.clear();  // the Unix socket
  CHECK(world.outcome("GET", {{"host", "evil.example"}}) == "200");
  world.address = "127.0.0.1";
  world.principal = "alice";  // with a token
  CHECK(world.outcome("GET", {{"host", "evil.example"}}) == "200");
  CHECK(world.figures().find("reason=\"host\"} 10\n") != std::string::npos);
}

TEST_CASE("A page of another site cannot submit") {
  World world;
  const auto post = [&](Headers headers) {
    headers.emplace_back("host", "localhost:8080");
    return world.outcome("POST", std::move(headers));
  };
  CHECK(post({}) == "200");
  CHECK(post({{"origin", "http://localhost:8080"}}) == "200");
  CHECK(post({{"origin", "http://LOCALHOST:8080"}}) == "200");
  for (const char* origin : {"https://evil.example", "http://localhost:3000", "http://localhost", "null",
                             "http://localhost:8080.evil.example"})
    CHECK(post({{"origin", origin}}) == "403 origin_not_allowed");
  CHECK(post({{"sec-fetch-site", "cross-site"}}) == "403 origin_not_allowed");
  CHECK(post({{"sec-fetch-site", "same-site"}}) == "403 origin_not_allowed");
  CHECK(post({{"sec-fetch-site", "same-origin"}}) == "200");
  CHECK(post({{"sec-fetch-site", "none"}}) == "200");
  // Reading is harmless: without CORS the page does not get to see the answer.
  CHECK(world.outcome("GET", {{"host", "localhost"}, {"origin", "https://evil.example"}}) == "200");
  CHECK(world.ask("GET", {{"origin", "https://evil.example"}}).header("Access-Control-Allow-Origin").empty());
  world.origins.origins = {"http://localhost:3000"};
  CHECK(post({{"origin", "http://localhost:3000"}, {"sec-fetch-site", "same-site"}}) == "200");
  CHECK(post({{"origin", "http://localhost:30000"}}) == "403 origin_not_allowed");
  world.address.clear();
  CHECK(post({{"origin", "https://evil.example"}}) == "200");
}

TEST_CASE("A page of another site cannot open a WebSocket, whoever asks") {
  World world;
  for (const std::string principal : {"local", "alice", "uid:0"}) {
    world.principal = principal;
    world.address = principal == "uid:0" ? "" : "127.0.0.1";
    CHECK(world.socket({{"host", "localhost"}}) == "session");
    CHECK(world.socket({{"host", "localhost:80"}, {"origin", "http://localhost:80"}}) == "session");
    CHECK(world.socket({{"host", "localhost"}, {"origin", "https://evil.example"}}) == "403 origin_not_allowed");
  }
  world.principal = "alice";
  world.address = "192.0.2.7";
  // Whose page it is counts only under a name that is ours.
  CHECK(world.socket({{"host", "evil.example"}, {"origin", "http://evil.example"}}) == "403 origin_not_allowed");
  world.origins.hosts = {"convert.example"};
  CHECK(world.socket({{"host", "convert.example"}, {"origin", "https://convert.example"}}) == "session");
  world.origins.origins = {"https://app.example"};
  CHECK(world.socket({{"host", "x"}, {"origin", "https://app.example"}}) == "session");
  CHECK(world.socket({{"host", "x"}, {"origin", "https://app.example:444"}}) == "403 origin_not_allowed");
}

TEST_CASE("Pages of a configured origin may read, and ask beforehand") {
  World world;
  const Headers page{{"host", "localhost"}, {"origin", "https://app.example"}};
  CHECK(world.ask("GET", page).header("Vary").empty());
  world.origins.readers = {"https://app.example"};
  const Answer read = world.ask("GET", page);
  CHECK(read.header("Access-Control-Allow-Origin") == "https://app.example");
  CHECK(read.header("Access-Control-Expose-Headers").find("Location") != std::string::npos);
  CHECK(read.header("Access-Control-Allow-Credentials").empty());
  CHECK(read.header("Vary") == "Origin");
  CHECK(world.outcome("POST", page) == "200");
  const Answer other = world.ask("GET", {{"host", "localhost"}, {"origin", "https://evil.example"}});
  CHECK(other.header("Access-Control-Allow-Origin").empty());
  CHECK(other.header("Vary") == "Origin");

  Headers question = page;
  question.emplace_back("access-control-request-method", "POST");
  const Answer asked = world.ask("OPTIONS", question);
  CHECK(asked.last.status == 204);
  CHECK(asked.header("Access-Control-Allow-Origin") == "https://app.example");
  CHECK(asked.header("Access-Control-Allow-Methods").find("POST") != std::string::npos);
  CHECK(asked.header("Access-Control-Allow-Headers").find("Authorization") != std::string::npos);
  question[1].second = "https://evil.example";
  CHECK(world.ask("OPTIONS", question).header("Access-Control-Allow-Methods").empty());
  // Errors, too: the page must be able to see what was wrong.
  CHECK(world.ask("GET", page, "nowhere").header("Access-Control-Allow-Origin") == "https://app.example");
}

TEST_CASE("Over a limit the answer says which, and when to come again") {
  World world;
  world.principal = "alice";
  world.address = "192.0.2.7";
  world.limits.requests = 2;
  const Answer first = world.ask("GET");
  CHECK(first.outcome() == "200");
  CHECK(first.header("RateLimit-Policy") == "\"requests\";q=2;w=60");
  CHECK(first.header("RateLimit") == "\"requests\";r=1;t=30");
  CHECK(world.outcome("GET") == "200");
  const Answer refused = world.ask("GET", {}, "nowhere");
  CHECK(refused.outcome() == "429 rate_limited");
  CHECK(refused.header("Retry-After") == "30");
  CHECK(refused.header("RateLimit-Policy") == "\"requests\";q=2;w=60");
  CHECK(refused.header("RateLimit") == "\"requests\";r=0;t=30");
  CHECK(world.socket() == "429 rate_limited");
  world.loop.advance(std::chrono::seconds(30));
  CHECK(world.outcome("GET") == "200");
  CHECK(world.figures().find("reason=\"requests\"} 2\n") != std::string::npos);

  world.principal = "bob";
  world.limits.requests = 0;
  CHECK(world.ask("GET").header("RateLimit").empty());
  world.limits.address_requests = 2;
  CHECK(world.outcome("GET") == "200");
  CHECK(world.outcome("GET") == "429 rate_limited");  // with those of alice
  world.address = "192.0.2.8";
  CHECK(world.outcome("GET") == "200");
}

TEST_CASE("Streams and bytes have limits of their own") {
  World world;
  world.principal = "alice";
  world.address = "192.0.2.7";
  world.limits.handshakes = 2;
  CHECK(world.socket() == "session");
  CHECK(world.ask("GET", {}, "stream").outcome() == "200");
  CHECK(world.socket() == "429 rate_limited");
  CHECK(world.ask("GET", {}, "stream").header("RateLimit") == "\"handshakes\";r=0;t=30");
  CHECK(world.outcome("GET") == "200");

  world.limits.bytes = 60;
  Request sized = world.request("POST", "thing");
  sized.has_body = true;
  sized.content_length = 70;
  Answer answer;
  world.dispatcher.begin(sized, answer)->on_body_end();
  CHECK(answer.outcome() == "200");
  world.dispatcher.begin(sized, answer);
  CHECK(answer.outcome() == "429 rate_limited");
  CHECK(answer.header("RateLimit-Policy") == "\"bytes\";q=60;w=60;qu=\"content-bytes\"");
  CHECK(answer.header("Retry-After") == "11");

  world.principal = "bob";
  Request chunked = world.request("POST", "thing");
  chunked.has_body = true;
  answer.last = {};
  auto exchange = world.dispatcher.begin(chunked, answer);
  exchange->on_body(std::string(50, 'x'));
  CHECK(std::get<std::string>(answer.last.body).empty());
  exchange->on_body(std::string(10, 'x'));
  CHECK(answer.outcome() == "429 rate_limited");
}

TEST_CASE("One address has so many connections") {
  World world;
  world.limits.connections = 1;
  const Caller peer{"local", "local", Role::user, "192.0.2.7"};
  auto one = world.dispatcher.arrive(peer);
  CHECK(one != nullptr);
  CHECK(world.dispatcher.arrive(peer) == nullptr);
  one.reset();
  CHECK(world.dispatcher.arrive(peer) != nullptr);
}

TEST_CASE("What an origin looks like") {
  for (const char* good :
       {"https://app.example.com", "http://localhost:3000", "http://[::1]:80", "chrome-extension://abc"})
    CHECK(is_origin(good));
  for (const char* bad :
       {"", "*", "null", "app.example.com", "https://", "https://a/", "https://A", "HTTPS://a", "https://a b", "://a"})
    CHECK_FALSE(is_origin(bad));
}
