// What sessions send: ready-made frames in few writes, to readers of every speed.

#include "tests/support/ws_client.h"

#include <sys/mman.h>

using namespace tests;
using namespace std::chrono_literals;

namespace {

// Frames 0, 1, 2, ... of changing size, made as they are asked for.
class Counter {
 public:
  explicit Counter(int end) : end_(end) {}
  static std::string text_of(int number) {
    return std::to_string(number) + std::string(static_cast<std::size_t>(number * 37 % 700), 'x');
  }
  std::string_view operator()(std::size_t most) {
    frames_.clear();
    while (next_ < end_ && frames_.size() < most) events::append_frame(frames_, text_of(next_++));
    taken_ += frames_.size();
    return frames_;
  }
  bool is_at_end() const { return next_ == end_; }
  std::size_t taken() const { return taken_; }

 private:
  const int end_;
  int next_ = 0;
  std::size_t taken_ = 0;
  std::string frames_;
};

transport::ServerOptions impatient(std::chrono::milliseconds farewell) {
  transport::ServerOptions options;
  options.limits.tick = 10ms;
  options.limits.slow_timeout = 50ms;
  options.limits.farewell_timeout = farewell;
  return options;
}

// One frame after the other, without end.
std::function<std::string_view(std::size_t)> endless() {
  auto frames = std::make_shared<std::string>();
  for (int i = 0; i < 300; ++i) events::append_frame(*frames, std::string(100, 'x'));
  return [frames](std::size_t) { return std::string_view(*frames); };
}

void set_source(SocketScript& script, std::function<std::string_view(std::size_t)> source) {
  const std::lock_guard lock(script.mutex);
  script.source = std::move(source);
}

int slow_count(SocketScript& script) {
  const std::lock_guard lock(script.mutex);
  return script.too_slow;
}

}  // namespace

TEST_CASE("A reader with a tiny buffer gets all frames in order, with pongs between them but never within") {
  TransportWorld world;
  const bool tcp = GENERATE(true, false);
  auto counter = std::make_shared<Counter>(5000);
  const auto script = world.service.script("one");
  script->flushes = GENERATE(true, false);
  WsClient client(tcp ? world.connect_tcp(2048) : world.connect(), "one");
  set_source(*script, [counter](std::size_t most) { return (*counter)(most); });
  world.on_loop([&] { script->wake(); });
  int pongs = 0;
  for (int i = 0; i < 5000; ++i) {
    if (i % 100 == 0) client.send(ping, std::to_string(i));
    // Somebody who wakes the session all the time, whatever the state of the socket.
    if (i % 250 == 0) world.on_loop([&] { script->wake(); });
    Frame f = client.next();
    while (f.opcode == pong) {
      ++pongs;
      f = client.next();
    }
    REQUIRE(f.opcode == text);
    REQUIRE((f.payload == Counter::text_of(i)));
  }
  CHECK(pongs > 0);
  client.send(text, "still here");
  CHECK(world.eventually([&] { return counter->is_at_end(); }));
}

TEST_CASE("flush() has written when it returns, and ends nothing") {
  TransportWorld world;
  WsClient client(world, "one");
  const auto script = world.service.script("one");
  world.on_loop([&] {
    for (const char* payload : {"one", "two"}) script->waiting.push_back({payload});
    script->outlet->flush();
    CHECK(script->waiting.empty());
    char bytes[11] = "";
    CHECK(::recv(client.raw.fd(), bytes, 10, MSG_DONTWAIT | MSG_PEEK) == 10);
    CHECK(std::string(bytes) == "\x81\x03one\x81\x03two");

    script->waiting.push_back({"three"});
    script->end = api::SocketSession::Close{1000, "finished"};
    script->outlet->flush();
    CHECK(world.service.sessions == 1);
    script->outlet->flush();
  });
  for (const char* payload : {"one", "two", "three"}) CHECK(client.next_text() == payload);
  CHECK(client.next().close_code() == 1000);
  CHECK(world.eventually([&] { return world.service.sessions == 0; }));
}

TEST_CASE("A session may flush when it opens, within a message, and while it is asked for frames") {
  TransportWorld world;
  const auto script = world.service.script("one");
  script->flushes = true;
  script->waiting.push_back({"hello"});
  WsClient client(world, "one");
  CHECK(client.next_text() == "hello");
  client.send(text, "echo");
  CHECK(client.next_text() == "echo");
  // It is asked once more when the last frame is out, which may be when this has ended.
  set_source(*script, [&said = *script, counter = std::make_shared<Counter>(3)](std::size_t) {
    said.outlet->flush();
    return (*counter)(1);
  });
  world.on_loop([&] { script->outlet->flush(); });
  for (int i = 0; i < 3; ++i) CHECK(client.next_text() == Counter::text_of(i));
}

TEST_CASE("A reader that takes nothing is handed little, however often it is flushed") {
  TransportWorld world;
  WsClient client(world.connect_tcp(2048), "one");
  const auto script = world.service.script("one");
  auto counter = std::make_shared<Counter>(1 << 20);
  set_source(*script, [counter](std::size_t most) { return (*counter)(most); });
  std::size_t before = 1;
  std::size_t after = 0;
  for (int turn = 0; turn < 500 || before != after; ++turn) {
    world.on_loop([&] {
      before = counter->taken();
      for (int i = 0; i < 20; ++i) script->outlet->flush();
      after = counter->taken();
    });
  }
  CHECK(after < 256 * 1024);
}

TEST_CASE("One turn is not for one reader alone") {
  TransportWorld world;
  WsClient client(world.connect_tcp(4 << 20), "one");
  const auto script = world.service.script("one");
  auto counter = std::make_shared<Counter>(1 << 20);
  world.on_loop([&] {
    // In the same turn: the write that on_open() asked for may come before it, and have turns of its own.
    set_source(*script, [counter](std::size_t most) { return (*counter)(most); });
    script->outlet->flush();
    CHECK(counter->taken() > 0);
    CHECK(counter->taken() < 128 * 1024);
    const std::size_t taken = counter->taken();
    script->outlet->flush();
    CHECK(counter->taken() == taken);
  });
}

TEST_CASE("Frames are sent from where they are: nothing is written around them") {
  TransportWorld world;
  WsClient client(world, "one");
  const long page = ::sysconf(_SC_PAGESIZE);
  const auto pages = static_cast<std::size_t>(3 * page);
  char* area = static_cast<char*>(::mmap(nullptr, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  REQUIRE(area != MAP_FAILED);
  std::string frame;
  events::append_frame(frame, std::string(static_cast<std::size_t>(page) - 4, 'x'));
  REQUIRE(frame.size() == static_cast<std::size_t>(page));
  frame.copy(area + page, frame.size());
  REQUIRE(::mprotect(area, static_cast<std::size_t>(page), PROT_NONE) == 0);
  REQUIRE(::mprotect(area + page, static_cast<std::size_t>(page), PROT_READ) == 0);
  REQUIRE(::mprotect(area + 2 * page, static_cast<std::size_t>(page), PROT_NONE) == 0);
  int left = 500;
  set_source(*world.service.script("one"), [&](std::size_t) {
    return left-- > 0 ? std::string_view(area + page, static_cast<std::size_t>(page)) : std::string_view();
  });
  world.on_loop([&] { world.service.script("one")->outlet->flush(); });
  for (int i = 0; i < 500; ++i) CHECK(client.next().payload.size() == frame.size() - 4);
  CHECK(world.eventually([&] { return left < 0; }));
  ::munmap(area, pages);
}

TEST_CASE("A frame larger than any write arrives whole") {
  TransportWorld world;
  WsClient client(world, "one");
  say(world, "one", {std::string(400'000, 'a'), "b"});
  CHECK((client.next_text() == std::string(400'000, 'a')));
  CHECK(client.next_text() == "b");
}

TEST_CASE("A flush to a peer that has gone ends the session later, not within") {
  TransportWorld world;
  WsClient client(world, "one");
  const auto script = world.service.script("one");
  world.on_loop([&] {
    script->waiting.push_back({"nobody reads this"});
    client.raw.close();
    for (int i = 0; i < 3; ++i) script->outlet->flush();
    script->outlet->want_write();
    CHECK(world.service.sessions == 1);
  });
  CHECK(world.eventually([&] { return world.service.sessions == 0 && world.service.connections == 0; }));
}

TEST_CASE("A session that cannot go on is closed, and the caller of flush() is not disturbed") {
  TransportWorld world;
  WsClient client(world, "one");
  const auto script = world.service.script("one");
  spdlog::set_level(spdlog::level::off);
  world.on_loop([&] {
    // In the same turn: the write that on_open() asked for may come before it.
    set_source(*script, [](std::size_t) -> std::string_view { throw std::runtime_error("no store"); });
    script->outlet->flush();
    CHECK(world.service.sessions == 1);
  });
  CHECK(client.raw.is_closed());
  CHECK(world.eventually([&] { return world.service.sessions == 0; }));
}

TEST_CASE("Nothing follows a close frame that a broken protocol has caused") {
  TransportWorld world;
  WsClient client(world, "one");
  const auto script = world.service.script("one");
  client.send(3, "a reserved opcode");
  CHECK(client.next().close_code() == 1002);
  world.on_loop([&] {
    script->waiting.push_back({"too late"});
    if (script->outlet == nullptr) return;
    script->outlet->flush();
    script->outlet->want_write();
  });
  world.on_loop([] {});
  client.send(close_frame, close_payload(1002));
  CHECK(client.raw.rest().empty());
}

TEST_CASE("A reader that takes nothing is told so, closed, and gone; others stay") {
  TransportWorld world(impatient(50ms));
  const bool tcp = GENERATE(true, false);
  WsClient slow(tcp ? world.connect_tcp(2048) : world.connect(), "slow");
  WsClient other(world, "other");
  const auto script = world.service.script("slow");
  set_source(*script, endless());
  world.on_loop([&] { script->outlet->flush(); });
  CHECK(world.eventually([&] { return world.service.sessions == 1; }));
  CHECK(slow_count(*script) == 1);
  CHECK(world.eventually([&] { return world.server->counts().websockets == 1; }));
  CHECK(slow_count(*script) == 1);
  other.send(text, "here");
  CHECK(other.next_text() == "here");
  CHECK(slow_count(*world.service.script("other")) == 0);
}

TEST_CASE("A slow reader that sends all the time is slow all the same") {
  TransportWorld world(impatient(50ms));
  WsClient slow(world.connect_tcp(2048), "slow");
  const auto script = world.service.script("slow");
  script->echo = false;
  set_source(*script, endless());
  while (slow.raw.send(frame(text, "I am alive"))) {
    if (slow_count(*script) > 0) break;
  }
  CHECK(world.eventually([&] { return world.server->counts().websockets == 0; }));
  CHECK(slow_count(*script) == 1);
}

TEST_CASE("A slow reader that wakes up in time sees whole frames, and 4008 behind them") {
  TransportWorld world(impatient(60s));
  WsClient slow(world.connect_tcp(2048), "slow");
  const auto script = world.service.script("slow");
  set_source(*script, endless());
  world.on_loop([&] { script->outlet->flush(); });
  REQUIRE(world.eventually([&] { return world.service.sessions == 0; }));
  Frame f = slow.next();
  while (f.opcode == text) {
    REQUIRE((f.payload == std::string(100, 'x')));
    f = slow.next();
  }
  CHECK(f.opcode == close_frame);
  CHECK(f.close_code() == 4008);
  CHECK(f.close_reason() == "too slow");
  CHECK(slow.raw.is_closed());
  CHECK(world.eventually([&] { return world.server->counts().websockets == 0; }));
}

TEST_CASE("A quiet reader is not a slow one") {
  TransportWorld world(impatient(50ms));
  WsClient client(world, "one");
  const auto script = world.service.script("one");
  say(world, "one", {"hello"});
  // Unread in the peer's buffer, but nothing waits here.
  for (int round = 0; round < 3; ++round) {
    WsClient slow(world.connect_tcp(2048), "slow" + std::to_string(round));
    const auto other = world.service.script("slow" + std::to_string(round));
    set_source(*other, endless());
    world.on_loop([&] { other->outlet->flush(); });
    REQUIRE(world.eventually([&] { return world.server->counts().websockets == 1; }));
  }
  CHECK(slow_count(*script) == 0);
  CHECK(client.next_text() == "hello");
}

TEST_CASE("Last words come before the close, once") {
  TransportWorld world;
  WsClient client(world, "one");
  const auto script = world.service.script("one");
  {
    const std::lock_guard lock(script->mutex);
    script->last_words = "goodbye";
  }
  world.on_loop([&] {
    script->waiting.push_back({"what waited"});
    world.server->close_websockets();
    world.server->close_websockets();
    script->outlet->flush();
  });
  CHECK(client.next_text() == "what waited");
  CHECK(client.next_text() == "goodbye");
  const Frame f = client.next();
  CHECK(f.opcode == close_frame);
  CHECK(f.close_code() == 4001);
  CHECK(f.close_reason() == "shutdown");
}

TEST_CASE("Patience ends when nothing moves, and begins anew with every sign of life") {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
  const loop::UniqueFd near(pair[0]);
  const loop::UniqueFd far(pair[1]);
  const std::string block(1000, 'x');
  while (::send(near.get(), block.data(), block.size(), 0) > 0) {
  }
  transport::Patience patience;
  const loop::TimePoint start{};
  const auto is_over = [&](int second, int writes = 0) {
    return patience.is_over(near.get(), writes, start + std::chrono::seconds(second), 30s);
  };
  CHECK_FALSE(is_over(0));
  CHECK_FALSE(is_over(29));
  SECTION("nothing moves") {
    CHECK(is_over(30));
    CHECK(is_over(31));
  }
  SECTION("the peer reads") {
    std::string bytes(1000, '\0');
    REQUIRE(::recv(far.get(), bytes.data(), bytes.size(), 0) == 1000);
    CHECK_FALSE(is_over(30));
    CHECK_FALSE(is_over(59));
    CHECK(is_over(60));
  }
  SECTION("a write got through") {
    CHECK_FALSE(is_over(30, 1));
    CHECK_FALSE(is_over(59, 1));
    CHECK(is_over(60, 1));
  }
  SECTION("nothing waited for a while") {
    patience.renew();
    CHECK_FALSE(is_over(30));
  }
}
