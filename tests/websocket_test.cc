// WebSockets over a real socket: handshakes, messages, closes. What is sent to many is in websocket_sending_test.cc.

#include "tests/support/ws_client.h"

#include <algorithm>

using namespace tests;
using namespace std::chrono_literals;

namespace {

transport::ServerOptions quick_pings() {
  transport::ServerOptions options;
  options.limits.tick = 50ms;
  options.limits.ping_s = 1;
  options.limits.hangup_s = 8;  // nobody is held up for so long between a ping and its answer
  return options;
}

}  // namespace

TEST_CASE("The handshake is the one of RFC 6455, whatever the head has beside it") {
  TransportWorld world;
  const std::string extra = GENERATE(as<std::string>{}, "", "Sec-WebSocket-Protocol: nobody-speaks-this, nor-this\r\n",
                                     "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n",
                                     "Origin: http://localhost\r\nCookie: a=b\r\n");
  const std::string big = "X-Big: " + std::string(9000, 'x') + "\r\n";
  for (const std::string& more : {extra, extra + big}) {
    RawClient client = world.connect();
    client.send(handshake("/ws/one?access_token=secret", more));
    const std::string answer = client.until("\r\n\r\n");
    CHECK(has(answer, "HTTP/1.1 101 "));
    CHECK(has(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    CHECK_FALSE(has(answer, "xtensions"));
    CHECK_FALSE(has(answer, "rotocol:"));
  }
}

TEST_CASE("A handshake in pieces, and behind another request on the same connection") {
  TransportWorld world;
  RawClient client = world.connect();
  client.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  client.until("[]\n");
  for (const char c : handshake("/ws/one")) client.send({&c, 1});
  CHECK(has(client.until("\r\n\r\n"), "HTTP/1.1 101 "));
  client.send(frame(text, "hello"));
  CHECK(client.exactly(7) == "\x81\x05hello");
  CHECK(world.service.connections == 1);
}

TEST_CASE("What is no handshake, or has no socket, is answered as HTTP") {
  TransportWorld world;
  const auto ask = [&](const std::string& request) {
    RawClient client = world.connect();
    client.send(request);
    return client.until("\n") + client.until("\r\n\r\n");
  };
  CHECK(has(ask(handshake("/nothing/here")), "HTTP/1.1 200 OK"));
  CHECK(has(ask("GET /ws/one HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 OK"));
  CHECK(has(ask("POST /ws/one HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
            "HTTP/1.1 200 OK"));
  const std::string upgrade = "GET /ws/one HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  CHECK(has(ask(upgrade + "\r\n"), "HTTP/1.1 426 "));
  const std::string old =
      ask(upgrade + "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  CHECK(has(old, "HTTP/1.1 426 "));
  CHECK(has(old, "Sec-WebSocket-Version: 13\r\n"));
  CHECK(has(ask(upgrade + "Sec-WebSocket-Version: 13\r\n\r\n"), "HTTP/1.1 400 "));
  CHECK(has(ask(upgrade + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n"), "HTTP/1.1 400 "));
  CHECK(has(ask(handshake("/ws/one") + "\x81\x05hello"), "HTTP/1.1 400 "));
  CHECK(world.eventually([&] { return world.service.sessions == 0; }));
  // Only what is a handshake has opened something, or spent a ticket.
  world.service.asked_for_sockets = 0;
  ask(upgrade + "Sec-WebSocket-Version: 13\r\n\r\n");
  ask(handshake("/ws/one") + "\x81\x05hello");
  CHECK(world.service.asked_for_sockets == 0);
}

TEST_CASE("Text comes back: empty, short, 16-bit and 64-bit lengths") {
  TransportWorld world;
  WsClient client(world, "one");
  for (const std::size_t size : {0, 1, 125, 126, 127, 65535, 65536}) {
    client.send(text, std::string(size, 'x'));
    CHECK((client.next_text() == std::string(size, 'x')));
  }
  client.send(text, "gr\xc3\xbc\xc3\x9f dich");
  CHECK(client.next_text() == "gr\xc3\xbc\xc3\x9f dich");
}

TEST_CASE("Fragments are put together, with a ping between them") {
  TransportWorld world;
  WsClient client(world, "one");
  client.send(text, "one ", false);
  client.send(continuation, "two ", false);
  client.send(ping, "still there?");
  client.send(continuation, "three");
  const Frame first = client.next();
  CHECK(first.opcode == pong);
  CHECK(first.payload == "still there?");
  CHECK(client.next_text() == "one two three");
  const auto script = world.service.script("one");
  CHECK(script->heard == std::vector<std::string>{"one two three"});
}

TEST_CASE("Binary messages are told apart from text, both ways") {
  TransportWorld world;
  WsClient client(world, "one");
  const std::string bytes("\0\xff\x01", 3);
  client.send(binary, bytes);
  const Frame f = client.next();
  CHECK(f.opcode == binary);
  CHECK(f.payload == bytes);
  client.send(text, "after");
  CHECK(client.next_text() == "after");
  CHECK(world.service.script("one")->heard == std::vector<std::string>{"binary:" + bytes, "after"});
}

TEST_CASE("Breaking the protocol closes with the code for it") {
  TransportWorld world;
  WsClient client(world, "one");
  const auto expect_close = [&](int code) {
    const Frame f = client.next();
    CHECK(f.opcode == close_frame);
    CHECK(f.close_code() == code);
    client.send(close_frame, close_payload(code));
    CHECK(client.raw.is_closed());
  };
  SECTION("bad UTF-8: 1007") {
    client.send(text, "\xc3\x28");
    expect_close(1007);
  }
  SECTION("bad UTF-8 across fragments: 1007") {
    client.send(text, "\xe2\x82", false);
    client.send(continuation, "\x28");
    expect_close(1007);
  }
  SECTION("an oversized message: 1009") {
    client.send(text, std::string(65'537, 'x'));
    expect_close(1009);
  }
  SECTION("an oversized message in fragments: 1009") {
    for (int i = 0; i < 5; ++i) client.send(i == 0 ? text : continuation, std::string(15'000, 'x'), false);
    expect_close(1009);
  }
  SECTION("a continuation of nothing: 1002") {
    client.send(continuation, "x");
    expect_close(1002);
  }
  SECTION("a reserved opcode: 1002") {
    client.send(3, "x");
    expect_close(1002);
  }
  CHECK(world.eventually([&] { return world.service.sessions == 0 && world.service.connections == 0; }));
}

TEST_CASE("A client's close is answered with its code") {
  TransportWorld world;
  WsClient client(world, "one");
  client.send(close_frame, close_payload(1000, "done"));
  const Frame f = client.next();
  CHECK(f.opcode == close_frame);
  CHECK(f.close_code() == 1000);
  CHECK(client.raw.is_closed());
  CHECK(world.eventually([&] { return world.service.sessions == 0 && world.service.connections == 0; }));
}

TEST_CASE("The session's close comes after its last frame, with its code and reason") {
  TransportWorld world;
  WsClient client(world, "one");
  SECTION("1000 after the terminal object") {
    say(world, "one", {"42", "100"}, api::SocketSession::Close{1000, "finished"});
    CHECK(client.next_text() == "42");
    CHECK(client.next_text() == "100");
    const Frame f = client.next();
    CHECK(f.opcode == close_frame);
    CHECK(f.close_code() == 1000);
    CHECK(f.close_reason() == "finished");
  }
  SECTION("a code of its own, asked for by a message") {
    client.send(text, "bye");
    const Frame f = client.next();
    CHECK(f.close_code() == 4001);
    CHECK(f.close_reason() == "as you wish");
  }
  SECTION("after more than one write takes") {
    std::vector<std::string> frames;
    for (int i = 0; i < 40; ++i) frames.push_back(std::to_string(i) + std::string(50'000, 'x'));
    say(world, "one", frames, api::SocketSession::Close{1000, {}});
    for (const auto& expected : frames) CHECK((client.next_text() == expected));
    CHECK(client.next().close_code() == 1000);
  }
  client.send(close_frame, close_payload(1000));
  CHECK(client.raw.is_closed());
  CHECK(world.eventually([&] { return world.service.sessions == 0 && world.service.connections == 0; }));
}

TEST_CASE(
    "A peer that never agrees to the close is dropped in seconds, though another socket's next deadline is far away") {
  transport::ServerOptions options;
  options.limits.ping_s = 600;
  options.limits.hangup_s = 610;
  TransportWorld world(options);
  WsClient idle(world, "idle");
  WsClient stubborn(world, "stubborn");
  say(world, "stubborn", {}, api::SocketSession::Close{1000, {}});
  CHECK(stubborn.next().close_code() == 1000);
  CHECK(world.eventually([&] { return world.server->counts().websockets == 1; }));
}

TEST_CASE("Sessions do not mix") {
  TransportWorld world;
  WsClient one(world, "one");
  WsClient two(world, "two");
  say(world, "two", {"for two"});
  say(world, "one", {"for one"});
  CHECK(one.next_text() == "for one");
  CHECK(two.next_text() == "for two");
  two.send(text, "hello");
  CHECK(two.next_text() == "hello");
  CHECK(world.service.script("one")->heard.empty());
  world.on_loop([&] { CHECK(world.server->counts().websockets == 2); });
}

TEST_CASE("A client that vanishes takes its session with it") {
  TransportWorld world;
  {
    WsClient client(world, "one");
    CHECK(world.service.sessions == 1);
  }
  CHECK(world.eventually([&] { return world.service.sessions == 0 && world.service.connections == 0; }));
}

TEST_CASE("Silence is broken by a ping; who answers stays, who does not is given up") {
  TransportWorld world(quick_pings());
  WsClient silent(world, "silent");
  WsClient alive(world, "alive");
  // A second ping comes to who has answered the first; they go on until the silent one has been given up.
  constexpr int most = 60;
  int answered = 0;
  while (answered < 3 || (world.service.sessions == 2 && answered < most)) {
    const Frame f = alive.next();
    CHECK(f.opcode == ping);
    alive.send(pong, f.payload);
    ++answered;
  }
  CHECK(world.service.sessions == 1);
  alive.send(text, "here");
  Frame f = alive.next();
  for (; f.opcode == ping; f = alive.next()) alive.send(pong, f.payload);
  CHECK(f.payload == "here");
}

TEST_CASE("A client that is silent and alone is given up too") {
  TransportWorld world(quick_pings());
  WsClient silent(world, "silent");
  CHECK(silent.next().opcode == ping);
  CHECK(world.eventually([&] { return world.service.sessions == 0; }));
}

TEST_CASE("Stopping closes with 1001 after what waits") {
  TransportWorld world;
  WsClient client(world, "one");
  world.on_loop([&] {
    world.service.script("one")->waiting.push_back({"last words"});
    world.server->stop();
  });
  CHECK(client.next_text() == "last words");
  const Frame f = client.next();
  CHECK(f.opcode == close_frame);
  CHECK(f.close_code() == 1001);
  client.send(close_frame, close_payload(1001));
  CHECK(client.raw.is_closed());
  CHECK(world.eventually([&] { return world.server->counts().websockets == 0; }));
}

namespace {

// The first of a crowd has to wait for the last.
transport::ServerOptions patient() {
  transport::ServerOptions options;
  options.limits.head_timeout = 10min;
  return options;
}

// Connections that all ask for their handshake in one turn of the loop, which ends when this returns.
struct Crowd {
  static constexpr int size = 200;
  explicit Crowd(TransportWorld& w) : world(w) {
    for (int i = 0; i < size; ++i) clients.push_back(world.connect());
    REQUIRE(world.eventually([&] { return world.service.connections == size; }));
    for (int i = 0; i < size; ++i) scripts.push_back(world.service.script(std::to_string(i)));
  }
  void ask() {
    for (int i = 0; i < size; ++i) clients[static_cast<std::size_t>(i)].send(handshake("/ws/" + std::to_string(i)));
  }
  int open() const {
    return static_cast<int>(
        std::count_if(scripts.begin(), scripts.end(), [](const auto& script) { return script->outlet != nullptr; }));
  }

  TransportWorld& world;
  std::vector<RawClient> clients;
  std::vector<std::shared_ptr<SocketScript>> scripts;
};

}  // namespace

TEST_CASE("When many come at once, others have their turn between them") {
  TransportWorld world(patient());
  Crowd crowd(world);
  int most = 0;
  int before = 0;
  std::promise<void> all_open;
  std::function<void()> every_turn = [&] {
    const int open = crowd.open();
    most = std::max(most, open - before);
    before = open;
    if (open == Crowd::size) return all_open.set_value();
    world.loop.post(every_turn);
  };
  world.on_loop([&] {
    crowd.ask();
    world.loop.post(every_turn);
  });
  REQUIRE(all_open.get_future().wait_for(std::chrono::milliseconds(patience_ms)) == std::future_status::ready);
  CHECK(most < Crowd::size / 4);
  for (auto& client : crowd.clients) CHECK(has(client.until("\r\n\r\n"), "HTTP/1.1 101 "));
}

TEST_CASE("Those who have come but are not in yet count, and are told when the server leaves") {
  TransportWorld world(patient());
  Crowd crowd(world);
  const bool suddenly = GENERATE(false, true);
  std::promise<void> done;
  std::function<void()> every_turn = [&] {
    if (world.server->counts().websockets < Crowd::size) return world.loop.post(every_turn);
    CHECK(crowd.open() < Crowd::size);
    world.server->stop();
    if (suddenly) world.server.reset();
    done.set_value();
  };
  world.on_loop([&] {
    crowd.ask();
    world.loop.post(every_turn);
  });
  done.get_future().wait();
  if (suddenly) {
    CHECK(world.service.sessions == 0);
    CHECK(world.service.connections == 0);
    return;
  }
  for (auto& client : crowd.clients) {
    CHECK(has(client.until("\r\n\r\n"), "HTTP/1.1 101 "));
    CHECK(client.exactly(4) == std::string("\x88\x0c\x03\xe9"));
  }
}

TEST_CASE("A server may be destroyed while sockets are open") {
  auto world = std::make_unique<TransportWorld>();
  WsClient client(*world, "one");
  RawClient half = world->connect();
  half.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  REQUIRE(world->eventually([&] { return world->service.later.size() == 1; }));
  world->on_loop([&] { world->server.reset(); });
  CHECK(world->service.sessions == 0);
  CHECK(world->service.connections == 0);
  CHECK(world->service.exchanges == 0);
}
