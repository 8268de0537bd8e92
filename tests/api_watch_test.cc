// Watching a conversion: the WebSocket session and the long poll, over the real board and a clock of our own.

#include "convd/api/conversion_socket.h"
#include "convd/api/status_wait.h"
#include "tests/support/catch.h"
#include "tests/support/fake_loop.h"

using namespace convd::api;
using convd::events::Board;
using convd::events::Latest;
using convd::events::Urgency;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

Latest value(std::int64_t rev, bool terminal = false) {
  return {std::make_shared<const std::string>("r" + std::to_string(rev)), rev, terminal};
}

// A peer that can always take a frame, and writes down what it got.
class Peer final : public Outlet {
 public:
  void want_write() override { ++asked; }
  void flush() override { ++asked; }

  // What a transport does when the connection is writable.
  std::string drain(ConversionSocket& socket) {
    std::string text;
    for (auto frame = socket.next_frames(1 << 15); !frame.empty(); frame = socket.next_frames(1 << 15)) {
      CHECK(frame.substr(0, 2) == std::string{'\x81', static_cast<char>(frame.size() - 2)});
      text.append(frame.substr(2)).append(" ");
    }
    if (const auto close = socket.finished()) text += "close " + std::to_string(close->code);
    return text;
  }

  int asked = 0;
};

struct World {
  tests::FakeLoop loop;
  Board board{loop};
  Peer peer;

  void publish(const Latest& latest, Urgency urgency = Urgency::state) {
    board.publish("id", latest, urgency);
    loop.advance(Board::progress_interval);
  }
};

}  // namespace

TEST_CASE("a socket tells the state at once, every newer one, and closes after the last") {
  World world;
  ConversionSocket socket(world.board, "id", value(3));
  socket.on_open(world.peer);
  CHECK(world.peer.asked == 1);
  CHECK(world.peer.drain(socket) == "r3 ");
  CHECK(world.peer.drain(socket) == "");
  world.publish(value(4));
  CHECK(world.peer.asked == 2);
  CHECK(world.peer.drain(socket) == "r4 ");
  socket.on_message("whatever the client says", MessageKind::text);
  CHECK(world.peer.drain(socket) == "");
  world.publish(value(5, true));
  CHECK_FALSE(socket.finished());  // the last frame must have been handed out before
  CHECK(world.peer.drain(socket) == "r5 close 1000");
  CHECK(world.peer.drain(socket) == "close 1000");
}

TEST_CASE("a slow client sees the newest state only") {
  World world;
  ConversionSocket socket(world.board, "id", value(1));
  socket.on_open(world.peer);
  for (int rev = 2; rev < 9; ++rev) world.publish(value(rev), Urgency::progress);
  CHECK(world.peer.drain(socket) == "r8 ");
}

TEST_CASE("a state that was read is not told again by a late event") {
  World world;
  ConversionSocket socket(world.board, "id", value(7));
  socket.on_open(world.peer);
  CHECK(world.peer.drain(socket) == "r7 ");
  world.publish(value(6), Urgency::progress);
  world.publish(value(7));
  CHECK(world.peer.drain(socket) == "");
  CHECK(world.peer.asked == 1);
}

TEST_CASE("what happens before the socket is open is not lost") {
  World world;
  ConversionSocket socket(world.board, "id", value(1));
  world.publish(value(2, true));
  socket.on_open(world.peer);
  CHECK(world.peer.drain(socket) == "r2 close 1000");
}

TEST_CASE("a finished conversion is told and watched by nobody") {
  World world;
  ConversionSocket socket(world.board, "id", value(9, true));
  CHECK(world.board.watchers() == 0);
  socket.on_open(world.peer);
  CHECK(world.peer.drain(socket) == "r9 close 1000");
}

TEST_CASE("a client that leaves is forgotten") {
  World world;
  {
    ConversionSocket socket(world.board, "id", value(1));
    CHECK(world.board.watchers() == 1);
  }
  CHECK(world.board.watchers() == 0);
  world.publish(value(2));
}

TEST_CASE("a wait ends with the value it waits for, or with its time") {
  World world;
  int done = 0;
  const auto wait = [&] {
    return std::make_unique<StatusWait>(
        world.board, world.loop, "id", seconds(5), [](const Latest& latest) { return latest.rev > 2; },
        [&] { ++done; });
  };
  SECTION("the value") {
    const auto running = wait();
    world.publish(value(2));
    CHECK(done == 0);
    world.publish(value(3));
    CHECK(done == 1);
    world.publish(value(4));
    world.loop.advance(seconds(9));
    CHECK(done == 1);
  }
  SECTION("two values in one turn are one end") {
    const auto running = wait();
    world.board.publish("id", value(3), Urgency::state);
    world.board.publish("id", value(4), Urgency::state);
    world.loop.turn();
    CHECK(done == 1);
  }
  SECTION("the time") {
    const auto running = wait();
    world.loop.advance(milliseconds(4999));
    CHECK(done == 0);
    world.loop.advance(milliseconds(1));
    CHECK(done == 1);
  }
  SECTION("the client has gone") {
    wait().reset();
    world.publish(value(3));
    world.loop.advance(seconds(9));
    CHECK(done == 0);
    CHECK(world.board.watchers() == 0);
  }
  SECTION("the client has gone between the value and its turn") {
    auto running = wait();
    world.board.publish("id", value(3), Urgency::state);
    running.reset();
    world.loop.turn();
    CHECK(done == 0);
  }
}

TEST_CASE("the end of a wait may destroy it") {
  World world;
  std::unique_ptr<StatusWait> wait;
  int done = 0;
  const auto start = [&] {
    wait = std::make_unique<StatusWait>(
        world.board, world.loop, "id", seconds(5), [](const Latest&) { return true; },
        [&] {
          wait.reset();
          ++done;
        });
  };
  start();
  world.publish(value(1));
  start();
  world.loop.advance(seconds(5));
  CHECK(done == 2);
}
