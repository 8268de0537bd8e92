// Answers that go on: pieces in chunks, or up to the end of the connection.

#include "tests/support/transport_world.h"

using namespace tests;
using namespace std::chrono_literals;

namespace {

struct StreamScript {
  std::deque<std::string> waiting;
  bool finished = false;
  std::string last_words;
  bool endless = false;
  bool throws = false;
  bool flushes_when_asked = false;
  api::Outlet* outlet = nullptr;
  std::size_t taken = 0;
  std::atomic<int> farewells{0};
  std::atomic<int> too_slow{0};
  std::atomic<int> alive{0};
};

class ScriptedStream final : public api::BodyStream {
 public:
  explicit ScriptedStream(StreamScript& script) : script_(script) { ++script_.alive; }
  ~ScriptedStream() override {
    script_.outlet = nullptr;
    --script_.alive;
  }
  void on_open(api::Outlet& outlet) override { script_.outlet = &outlet; }
  std::string_view next_bytes(std::size_t most) override {
    if (script_.throws) throw std::runtime_error("no store");
    if (script_.flushes_when_asked) script_.outlet->flush();
    piece_.clear();
    if (script_.endless) piece_.assign(most, 'e');
    while (!script_.waiting.empty() && piece_.size() < most) {
      piece_ += script_.waiting.front();
      script_.waiting.pop_front();
    }
    script_.taken += piece_.size();
    return piece_;
  }
  bool finished() const override { return script_.finished; }
  void going_away() override {
    ++script_.farewells;
    script_.waiting.push_back(script_.last_words);
    script_.finished = true;
  }
  void on_too_slow() override { ++script_.too_slow; }

 private:
  StreamScript& script_;
  std::string piece_;
};

// The script is the loop thread's, but for its atomics.
struct StreamWorld {
  explicit StreamWorld(transport::ServerOptions options = {}) : world(std::move(options)) {
    world.on_loop([this] {
      world.service.custom = [this] {
        return api::Response{200, {{"Content-Type", "text/event-stream"}}, std::make_unique<ScriptedStream>(script)};
      };
    });
  }
  ~StreamWorld() {
    // Connections end before the script does.
    world.on_loop([this] { world.server.reset(); });
  }
  void say(std::vector<std::string> pieces, bool finished = false) {
    world.on_loop([&] {
      for (auto& piece : pieces) script.waiting.push_back(std::move(piece));
      script.finished = finished;
      script.outlet->flush();
    });
  }
  RawClient ask(std::string_view request_line) {
    return world.connect_and_send(std::string(request_line) + "\r\nHost: x\r\n\r\n");
  }
  bool is_over() {
    return world.eventually([&] { return script.alive == 0 && world.service.connections == 0; });
  }

  StreamScript script;
  TransportWorld world;
};

transport::ServerOptions impatient() {
  transport::ServerOptions options;
  options.limits.tick = 10ms;
  options.limits.slow_timeout = 50ms;
  options.limits.send_timeout = 50ms;
  options.limits.head_timeout = 300ms;
  return options;
}

bool has(const std::string& whole, std::string_view part) {
  return whole.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("A stream comes in chunks as it is made, and the connection closes behind it") {
  StreamWorld world;
  RawClient client = world.ask("GET /custom HTTP/1.1");
  const std::string head = client.until("\r\n\r\n");
  CHECK(has(head, "HTTP/1.1 200 OK\r\n"));
  CHECK(has(head, "Content-Type: text/event-stream\r\n"));
  CHECK(has(head, "Transfer-Encoding: chunked\r\n"));
  CHECK(has(head, "Connection: close\r\n"));
  CHECK_FALSE(has(head, "Content-Length"));
  world.say({"data: 1\n\n"});
  CHECK(client.exactly(14) == "9\r\ndata: 1\n\n\r\n");
  CHECK(world.world.service.exchanges == 0);
  world.say({std::string(300, 'x')});
  CHECK(client.exactly(5 + 300 + 2) == "12c\r\n" + std::string(300, 'x') + "\r\n");
  world.say({"end"}, true);
  CHECK(client.rest() == "3\r\nend\r\n0\r\n\r\n");
  client.close();
  CHECK(world.is_over());
}

TEST_CASE("flush() has sent when it returns, and ends nothing; want_write() sends later") {
  StreamWorld world;
  RawClient client = world.ask("GET /custom HTTP/1.1");
  client.until("\r\n\r\n");
  world.world.on_loop([&] {
    world.script.waiting = {"a"};
    world.script.flushes_when_asked = true;
    world.script.outlet->flush();
    char bytes[7] = "";
    CHECK(::recv(client.fd(), bytes, 6, MSG_DONTWAIT) == 6);
    CHECK(std::string(bytes) == "1\r\na\r\n");
    world.script.waiting = {"b"};
    world.script.outlet->want_write();
    world.script.outlet->want_write();
    CHECK(world.script.waiting.size() == 1);
  });
  CHECK(client.exactly(6) == "1\r\nb\r\n");
  world.world.on_loop([&] {
    world.script.finished = true;
    for (int i = 0; i < 3; ++i) world.script.outlet->flush();
    CHECK(world.script.alive == 1);
  });
  CHECK(client.rest() == "0\r\n\r\n");
}

TEST_CASE("HTTP/1.0 gets a stream up to the end of the connection") {
  StreamWorld world;
  RawClient client = world.ask("GET /custom HTTP/1.0\r\nConnection: keep-alive");
  const std::string head = client.until("\r\n\r\n");
  CHECK_FALSE(has(head, "Transfer-Encoding"));
  CHECK_FALSE(has(head, "Content-Length"));
  CHECK(has(head, "Connection: close\r\n"));
  world.say({"one"});
  CHECK(client.exactly(3) == "one");
  world.say({"two"}, true);
  CHECK(client.rest() == "two");
}

TEST_CASE("HEAD gets the head of a stream, and the connection goes on") {
  StreamWorld world;
  RawClient client = world.ask("HEAD /custom HTTP/1.1");
  CHECK(has(client.until("\r\n\r\n"), "Transfer-Encoding: chunked\r\n"));
  CHECK(world.script.alive == 0);
  client.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.until("\r\n").starts_with("HTTP/1.1 200 OK"));
}

TEST_CASE("A stream behind other answers on the same connection, and requests behind it") {
  StreamWorld world;
  RawClient client = world.world.connect();
  const std::string next = " HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send("GET /big" + next + "GET /custom" + next + "GET /never" + next);
  CHECK(has(client.until("\r\n\r\n"), "Content-Length: 1048576\r\n"));
  client.exactly(1 << 20);
  CHECK(has(client.until("\r\n\r\n"), "chunked"));
  world.say({"the end"}, true);
  CHECK(client.rest() == "7\r\nthe end\r\n0\r\n\r\n");
  CHECK(world.world.service.begun == 2);
}

TEST_CASE("A slow reader gets every byte in order, a piece at a time") {
  StreamWorld world;
  const int lines = 20'000;
  RawClient client(world.world.connect_tcp(2048));
  client.send("GET /custom HTTP/1.0\r\nHost: x\r\n\r\n");
  client.until("\r\n\r\n");
  std::vector<std::string> all;
  for (int i = 0; i < lines; ++i) all.push_back(std::to_string(i) + std::string(60, '.') + "\n");
  world.say(all, true);
  for (int i = 0; i < lines; ++i) {
    if (i % 500 == 0) {
      world.world.on_loop([&] {
        if (world.script.outlet != nullptr) world.script.outlet->flush();
      });
    }
    REQUIRE((client.exactly(all[static_cast<std::size_t>(i)].size()) == all[static_cast<std::size_t>(i)]));
  }
  CHECK(client.is_closed());
}

TEST_CASE("A reader that takes nothing is handed little, however often it is flushed") {
  StreamWorld world;
  RawClient client(world.world.connect_tcp(2048));
  client.send("GET /custom HTTP/1.1\r\nHost: x\r\n\r\n");
  client.until("\r\n\r\n");
  std::size_t before = 1;
  std::size_t after = 0;
  for (int turn = 0; turn < 500 || before != after; ++turn) {
    world.world.on_loop([&] {
      world.script.endless = true;
      before = world.script.taken;
      for (int i = 0; i < 20; ++i) world.script.outlet->flush();
      after = world.script.taken;
    });
  }
  CHECK(after < 256 * 1024);
  CHECK(world.script.alive == 1);
}

TEST_CASE("One turn is not for one reader alone") {
  StreamWorld world;
  RawClient client(world.world.connect_tcp(4 << 20));
  client.send("GET /custom HTTP/1.1\r\nHost: x\r\n\r\n");
  client.until("\r\n\r\n");
  world.world.on_loop([&] {
    world.script.endless = true;
    world.script.outlet->flush();
    const std::size_t taken = world.script.taken;
    CHECK(taken > 0);
    CHECK(taken < 128 * 1024);
    world.script.outlet->flush();
    CHECK(world.script.taken == taken);
  });
}

TEST_CASE("Whoever talks without end while it is told something is cut off") {
  transport::ServerOptions options;
  options.limits.linger_bytes = 100'000;
  StreamWorld world(options);
  RawClient client = world.ask("GET /custom HTTP/1.1");
  client.until("\r\n\r\n");
  while (client.send(std::string(10'000, 'c'))) {
  }
  CHECK(world.is_over());
}

TEST_CASE("The end of the peer is noticed while nothing is sent") {
  StreamWorld world;
  RawClient client = world.ask("GET /custom HTTP/1.1");
  client.until("\r\n\r\n");
  CHECK(world.script.alive == 1);
  SECTION("it closes") {
    client.close();
  }
  SECTION("it ends its half") {
    client.end_of_output();
  }
  SECTION("it chats, then closes") {
    client.send(std::string(200'000, 'c'));
    client.close();
  }
  SECTION("it closes, and a flush finds out first") {
    world.world.on_loop([&] {
      client.close();
      world.script.waiting = {"nobody reads this"};
      for (int i = 0; i < 3; ++i) world.script.outlet->flush();
      CHECK(world.script.alive == 1);
    });
  }
  CHECK(world.is_over());
}

TEST_CASE("A reset is noticed while nothing is sent") {
  StreamWorld world;
  RawClient client(world.world.connect_tcp(2048));
  client.send("GET /custom HTTP/1.1\r\nHost: x\r\n\r\n");
  client.until("\r\n\r\n");
  const linger at_once{1, 0};
  ::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  client.close();
  CHECK(world.is_over());
}

TEST_CASE("A stream that cannot go on breaks off, and the caller of flush() is not disturbed") {
  StreamWorld world;
  spdlog::set_level(spdlog::level::off);
  RawClient client = world.ask("GET /custom HTTP/1.1");
  client.until("\r\n\r\n");
  world.world.on_loop([&] {
    world.script.throws = true;
    world.script.outlet->flush();
    CHECK(world.script.alive == 1);
  });
  CHECK(client.rest().empty());
  CHECK(world.is_over());
}

TEST_CASE("A reader that takes nothing is given up; one that has nothing to take stays") {
  StreamWorld world(impatient());
  const bool tcp = GENERATE(true, false);
  RawClient client = tcp ? world.world.connect_tcp(2048) : world.world.connect();
  client.send("GET /custom HTTP/1.1\r\nHost: x\r\n\r\n");
  client.until("\r\n\r\n");
  // Several times the deadlines of everything else.
  for (int round = 0; round < 3; ++round) {
    RawClient silent = world.world.connect();
    CHECK(silent.is_closed());
  }
  CHECK(world.script.alive == 1);
  world.world.on_loop([&] {
    world.script.endless = true;
    world.script.outlet->want_write();
  });
  CHECK(world.is_over());
  CHECK(world.script.too_slow == 1);
}

TEST_CASE("When the daemon leaves, a stream has its last word") {
  StreamWorld world;
  world.script.last_words = "goodbye";
  SECTION("while it waits") {
    RawClient client = world.ask("GET /custom HTTP/1.1");
    client.until("\r\n\r\n");
    world.world.on_loop([&] {
      world.script.waiting = {"what waited, "};
      world.world.server->stop();
      world.world.server->stop();
    });
    CHECK(client.rest() == "14\r\nwhat waited, goodbye\r\n0\r\n\r\n");
    client.close();
    CHECK(world.is_over());
    CHECK(world.script.farewells == 1);
  }
  SECTION("also one that begins then") {
    RawClient client = world.ask("GET /later HTTP/1.1");
    REQUIRE(world.world.eventually([&] { return world.world.service.later.size() == 1; }));
    world.world.on_loop([&] {
      world.world.server->stop();
      world.world.service.later.front()->send({200, {}, std::make_unique<ScriptedStream>(world.script)});
    });
    client.until("\r\n\r\n");
    CHECK(client.rest() == "7\r\ngoodbye\r\n0\r\n\r\n");
  }
}

TEST_CASE("A client that has ended its half before the stream begins gets none") {
  StreamWorld world;
  RawClient client = world.ask("GET /later HTTP/1.1");
  REQUIRE(world.world.eventually([&] { return world.world.service.later.size() == 1; }));
  client.end_of_output();
  // Another connection's turn comes after this one's end of input.
  world.world.connect().end_of_output();
  world.world.on_loop([] {});
  REQUIRE(world.world.eventually([&] { return world.world.service.connections == 1; }));
  world.world.on_loop([&] {
    world.world.service.later.front()->send({200, {}, std::make_unique<ScriptedStream>(world.script)});
  });
  CHECK(world.is_over());
}
