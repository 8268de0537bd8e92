#include "convd/events/board.h"

#include "tests/support/catch.h"
#include "tests/support/fake_loop.h"

using convd::events::Board;
using convd::events::Latest;
using convd::events::Urgency;
using tests::milliseconds;

namespace {

Latest value(std::int64_t rev) {
  return {std::make_shared<const std::string>("rev " + std::to_string(rev)), rev, false, "uid:1"};
}

Latest last(std::int64_t rev) {
  Latest latest = value(rev);
  latest.terminal = true;
  return latest;
}

// A board, and what its watchers heard: "a1 b1 a2".
struct World {
  tests::FakeLoop loop;
  Board board{loop};
  std::string heard;

  auto watch(const std::string& name, const std::string& topic = "c") {
    return board.subscribe(topic, [this, name](const Latest& latest) { hear(name, latest); });
  }
  void hear(const std::string& name, const Latest& latest) {
    CHECK(*latest.frame == "rev " + std::to_string(latest.rev));
    if (!heard.empty()) heard += ' ';
    heard += name + std::to_string(latest.rev);
  }
  void state(std::int64_t rev) { board.publish("c", value(rev), Urgency::state); }
  void progress(std::int64_t rev) { board.publish("c", value(rev), Urgency::progress); }
  void end(std::int64_t rev) { board.publish("c", last(rev), Urgency::state); }
};

}  // namespace

TEST_CASE("watchers of a topic hear its states at once, in the order of subscription") {
  World world;
  const auto a = world.watch("a");
  const auto b = world.watch("b");
  const auto other = world.watch("x", "another topic");
  CHECK(world.heard.empty());
  world.state(1);
  world.state(2);
  CHECK(world.heard == "a1 b1 a2 b2");
  CHECK(world.board.delivered() == 4);
  CHECK(world.board.watchers() == 3);
  CHECK(world.board.topics() == 2);
}

TEST_CASE("progress is merged to one per interval, and the newest arrives in the end") {
  World world;
  const auto a = world.watch("a");
  world.progress(1);
  CHECK(world.heard == "a1");
  world.progress(2);
  world.progress(3);
  world.loop.advance(milliseconds(199));
  CHECK(world.heard == "a1");
  world.progress(4);
  world.loop.advance(milliseconds(1));
  CHECK(world.heard == "a1 a4");
  world.progress(5);
  world.loop.advance(milliseconds(200));
  CHECK(world.heard == "a1 a4 a5");
  world.loop.advance(milliseconds(1000));
  CHECK(world.heard == "a1 a4 a5");
  world.progress(6);
  CHECK(world.heard == "a1 a4 a5 a6");
}

TEST_CASE("at most five values of progress a second leave the board") {
  World world;
  const auto a = world.watch("a");
  for (int rev = 1; rev <= 1000; ++rev) {
    world.progress(rev);
    world.loop.advance(milliseconds(1));
  }
  CHECK(world.board.delivered() <= 6);
  CHECK(world.board.delivered() >= 5);
}

TEST_CASE("each watcher has the pace it asked for") {
  World world;
  int quick = 0;
  int slow = 0;
  std::int64_t newest = 0;
  const auto a = world.board.subscribe(
      "c", [&](const Latest& latest) { ++quick, newest = latest.rev; }, milliseconds(20));
  const auto b = world.board.subscribe("c", [&](const Latest&) { ++slow; });
  CHECK(world.board.is_watched("c", "uid:1"));
  CHECK_FALSE(world.board.is_watched("other", "uid:1"));
  for (int rev = 1; rev <= 1000; ++rev) {
    world.progress(rev);
    world.loop.advance(milliseconds(1));
  }
  CHECK(quick >= 50);
  CHECK(quick <= 51);
  CHECK(slow >= 5);
  CHECK(slow <= 6);
  world.loop.advance(milliseconds(20));
  CHECK(newest == 1000);
}

TEST_CASE("a state does not wait, and takes the place of progress that does") {
  World world;
  const auto a = world.watch("a");
  world.progress(1);
  world.progress(2);
  world.state(3);
  CHECK(world.heard == "a1 a3");
  world.loop.advance(milliseconds(1000));
  CHECK(world.heard == "a1 a3");
}

TEST_CASE("progress right after a state waits for its turn") {
  World world;
  const auto a = world.watch("a");
  world.state(1);
  world.progress(2);
  CHECK(world.heard == "a1");
  world.loop.advance(milliseconds(200));
  CHECK(world.heard == "a1 a2");
}

TEST_CASE("a revision that is not newer is ignored") {
  World world;
  const auto a = world.watch("a");
  world.state(5);
  world.state(5);
  world.state(4);
  world.progress(3);
  world.loop.advance(milliseconds(1000));
  CHECK(world.heard == "a5");
  SECTION("also when nobody watched the newer one") {
    world.board.publish("unseen", value(9), Urgency::state);
    const auto b = world.watch("b", "unseen");
    world.board.publish("unseen", value(8), Urgency::state);
    CHECK(world.heard == "a5");
  }
}

TEST_CASE("the terminal value is told to everyone, then the topic is forgotten") {
  World world;
  const auto a = world.watch("a");
  auto b = world.watch("b");
  world.progress(1);
  world.progress(2);
  world.end(3);
  CHECK(world.heard == "a1 b1 a3 b3");
  CHECK(world.board.topics() == 0);
  CHECK(world.board.watchers() == 0);
  world.loop.advance(milliseconds(1000));
  CHECK(world.heard == "a1 b1 a3 b3");
  b.reset();
  CHECK(world.board.watchers() == 0);
}

TEST_CASE("progress that nobody watches sets no timer and is not kept") {
  World world;
  world.progress(1);
  world.progress(2);
  const auto a = world.watch("a");
  world.loop.advance(milliseconds(1000));
  CHECK(world.heard.empty());
  world.progress(3);
  CHECK(world.heard == "a3");
}

TEST_CASE("an ended subscription hears nothing more") {
  World world;
  auto a = world.watch("a");
  world.state(1);
  world.progress(2);
  a.reset();
  CHECK(world.board.watchers() == 0);
  world.state(3);
  world.loop.advance(milliseconds(1000));
  CHECK(world.heard == "a1");
}

TEST_CASE("a topic that was only watched goes with its watcher") {
  World world;
  auto a = world.watch("a");
  CHECK(world.board.topics() == 1);
  a.reset();
  CHECK(world.board.topics() == 0);
}

TEST_CASE("a subscription may end itself, or another, inside a callback") {
  World world;
  std::unique_ptr<Board::Subscription> first;
  std::unique_ptr<Board::Subscription> second;
  first =
      world.board.subscribe("c", [&, name = std::string("a string that is not short: first")](const Latest& latest) {
        first.reset();
        second.reset();
        world.hear("a", latest);
        CHECK(name == "a string that is not short: first");
      });
  second = world.watch("b");
  const auto third = world.watch("z");
  world.state(1);
  world.state(2);
  CHECK(world.heard == "a1 z1 z2");
  CHECK(world.board.watchers() == 1);
}

TEST_CASE("who subscribes inside a callback hears the next value, not this one") {
  World world;
  std::vector<std::unique_ptr<Board::Subscription>> more;
  const auto a = world.board.subscribe("c", [&](const Latest& latest) {
    world.hear("a", latest);
    if (more.empty()) more.push_back(world.watch("b"));
  });
  world.state(1);
  CHECK(world.heard == "a1");
  world.state(2);
  CHECK(world.heard == "a1 a2 b2");
}

TEST_CASE("who subscribes while the topic ends watches a new topic") {
  World world;
  std::unique_ptr<Board::Subscription> late;
  const auto a = world.board.subscribe("c", [&](const Latest& latest) {
    world.hear("a", latest);
    late = world.watch("late");
  });
  world.end(7);
  CHECK(world.heard == "a7");
  CHECK(world.board.watchers() == 1);
  late.reset();
  CHECK(world.board.topics() == 0);
}

TEST_CASE("a value published inside a callback is not followed by the older one") {
  World world;
  const auto a = world.board.subscribe("c", [&](const Latest& latest) {
    world.hear("a", latest);
    if (latest.rev == 1) world.end(2);
  });
  const auto b = world.watch("b");
  world.state(1);
  CHECK(world.heard == "a1 a2 b2");
}

TEST_CASE("a board destroyed inside a callback, and subscriptions that outlive it") {
  tests::FakeLoop loop;
  auto board = std::make_unique<Board>(loop);
  int told = 0;
  const auto a = board->subscribe("c", [&](const Latest&) {
    ++told;
    board.reset();
  });
  const auto b = board->subscribe("c", [&](const Latest&) { ++told; });
  board->publish("c", value(1), Urgency::state);
  CHECK(told == 2);
  loop.advance(milliseconds(1000));
}

TEST_CASE("the observer hears every newer value at once, before the watchers and also of topics nobody watches") {
  struct Witness final : Board::Observer {
    explicit Witness(World& w) : world(w) {}
    void published(const std::string& topic, const Latest& latest, Urgency urgency) override {
      world.hear(topic + "@" + latest.org + (urgency == Urgency::state ? "!" : "~"), latest);
    }
    void superseded(const std::string& topic, const std::string& org) override {
      world.heard += " " + topic + "@" + org;
    }
    bool wants_progress(const std::string& org) const override { return org == "uid:1"; }
    World& world;
  };
  World world;
  Witness witness(world);
  world.board.observe(&witness);
  CHECK(world.board.is_watched("c", "uid:1"));
  CHECK_FALSE(world.board.is_watched("c", "uid:2"));
  const auto a = world.watch("a");
  world.progress(1);
  world.progress(2);
  world.progress(2);
  world.board.supersede_progress("c", "uid:1");
  world.board.publish("other", value(1), Urgency::state);
  world.board.publish("c", last(3), Urgency::progress);
  CHECK(world.heard == "c@uid:1~1 a1 c@uid:1~2 c@uid:1 other@uid:1!1 c@uid:1!3 a3");
  world.board.observe(nullptr);
  world.board.supersede_progress("c", "uid:1");
  world.board.publish("other", value(2), Urgency::state);
  CHECK(world.heard == "c@uid:1~1 a1 c@uid:1~2 c@uid:1 other@uid:1!1 c@uid:1!3 a3");
  CHECK_FALSE(world.board.is_watched("other", "uid:1"));
}
