// The hub of the stream over a log that the test writes: readers are cursors, and what they are told is complete or a
// gap.

#include "convd/events/hub.h"

#include <map>
#include <stdexcept>

#include "convd/events/deflate.h"
#include "convd/events/ring.h"
#include "tests/support/catch.h"
#include "tests/support/fake_loop.h"

using namespace convd::events;
using shared::EventClass;
using shared::GapReason;
using shared::Service;
using std::chrono::milliseconds;

namespace {

Event event(std::int64_t seq, const std::string& subject = "a", EventClass event_class = EventClass::state) {
  Event made;
  made.seq = seq;
  made.subject = subject;
  made.event_class = event_class;
  made.type = "conversion.x";
  made.data_json = "{\"n\":" + std::to_string(seq) + "}";
  return made;
}

// What is stored, as the test wants it.
class Log final : public LogSource {
 public:
  void open(const std::string& org, std::function<void(shared::Result<LogHead>)> done) override {
    ++opened[org];
    waiting.emplace_back([this, done = std::move(done)] { refusal ? done(*refusal) : done(head); });
  }
  std::vector<Event> read(const std::string&, std::int64_t after, std::int64_t through, int limit) override {
    ++reads;
    if (broken) throw std::runtime_error("no disk");
    std::vector<Event> found;
    for (const auto& [seq, stored] : rows) {
      const bool wanted = seq > after && seq <= through && seq >= head.oldest;
      if (!wanted || found.size() == static_cast<std::size_t>(limit)) continue;
      if (seq == damaged) throw DamagedLog("not what was written");
      found.push_back(stored);
    }
    return found;
  }
  std::vector<Event> newest(const std::string& org, std::int64_t through, int limit) override {
    auto found = read(org, 0, through, 1 << 30);
    const auto most = static_cast<std::size_t>(limit);
    if (found.size() > most) found.erase(found.begin(), found.end() - limit);
    return found;
  }
  std::int64_t count(const std::string&, const Topic& topic, std::int64_t after, std::int64_t through) override {
    if (broken) throw std::runtime_error("no disk");
    std::int64_t events = 0;
    for (const auto& [seq, stored] : rows) {
      if (seq <= after || seq > through || seq < head.oldest) continue;
      events += stored.service == topic.service && (topic.subject.empty() || topic.subject == stored.subject);
    }
    return events;
  }
  std::int64_t oldest(const std::string&) override { return head.oldest; }
  SnapshotPage snapshot(const std::string&, const Topic& topic, const std::string& cursor) override {
    if (topic.service != Service::conversion) return {};
    SnapshotPage page;
    page.events = {event(0, cursor.empty() ? "first" : "second")};
    page.next = cursor.empty() ? "more" : "";
    return page;
  }

  void answer() {
    for (auto& done : std::exchange(waiting, {})) done();
  }

  LogHead head{"e1", 1, 0};
  std::map<std::int64_t, Event> rows;
  std::map<std::string, int> opened;
  std::vector<std::function<void()>> waiting;
  std::optional<shared::Error> refusal;
  bool broken = false;
  std::int64_t damaged = 0;
  int reads = 0;
};

struct World;

// A connection that takes all there is whenever it is woken, unless it is told to be slow.
struct Client final : Hub::Waker {
  void on_opened(const Opened& how) override {
    opened = how;
    ++openings;
  }
  void on_refused(const shared::Error& error) override { refused = error.message; }
  void on_events() override {
    ++woken;
    if (!slow) drain();
  }
  void drain() {
    for (std::string_view bytes = reader->take({.bytes = 1000}); !bytes.empty(); bytes = reader->take({.bytes = 1000}))
      text += std::string(bytes);
  }
  // The numbers in what was told, in order: "1 2 3".
  std::string numbers() {
    std::string all;
    for (std::size_t at = text.find("{\"n\":"); at != std::string::npos; at = text.find("{\"n\":", at + 1)) {
      const std::size_t end = text.find('}', at);
      all += (all.empty() ? "" : " ") + text.substr(at + 5, end - at - 5);
    }
    text.clear();
    return all;
  }

  std::unique_ptr<Hub::Reader> reader;
  Opened opened;
  std::string refused;
  std::string text;
  bool slow = false;
  int openings = 0;
  int woken = 0;
};

struct World {
  tests::FakeLoop loop;
  Log log;
  Hub hub;

  explicit World(HubLimits limits = {}) : hub(loop, log, limits) {}

  // A state event, stored and told.
  void happen(std::int64_t seq, const std::string& subject = "a", EventClass event_class = EventClass::state) {
    Event made = event(seq, subject, event_class);
    if (event_class == EventClass::state) log.rows.emplace(seq, made);
    log.head.head = seq;
    hub.append("org", made);
  }
  void attach(Client& client, Start start = {}, const std::vector<std::string>& services = {"conversion"},
              Encoding encoding = Encoding::json) {
    client.reader = hub.attach("org", Filter::parse(services).filter, std::move(start), encoding, client);
    log.answer();
    loop.turn();
    client.drain();
  }
};

Start after(std::int64_t seq, std::string epoch = "e1") {
  return {Start::From::position, std::move(epoch), seq};
}

}  // namespace

TEST_CASE("a reader is told what happens from now on, in order, and nothing of other services") {
  World world;
  world.log.rows.emplace(1, event(1));
  world.log.head.head = 1;
  Client client;
  world.attach(client);
  CHECK(client.openings == 1);
  CHECK(client.opened.log.epoch == "e1");
  CHECK(client.numbers().empty());
  world.happen(2);
  Event note = event(3);
  note.service = Service::note;
  world.hub.append("org", note);
  world.hub.append("another", event(4));
  world.happen(5, "b");
  world.loop.turn();
  CHECK(client.numbers() == "2 5");
  CHECK(client.reader->position() == 5);
}

TEST_CASE("a filter takes whole services and single conversions, and hands back what means nothing") {
  const auto parsed = Filter::parse({"conversion:a", "note", "weather", "conversion:", "document:x", "note"});
  CHECK(parsed.rejected == std::vector<std::string>{"weather", "conversion:", "document:x"});
  REQUIRE(parsed.filter.topics().size() == 2);
  CHECK(to_text(parsed.filter.topics()[0]) == "conversion:a");
  CHECK(parsed.filter.matches(Service::conversion, "a"));
  CHECK_FALSE(parsed.filter.matches(Service::conversion, "b"));
  CHECK(parsed.filter.matches(Service::note, "b"));
}

TEST_CASE("a position is gone on from without loss or repetition, out of the ring and out of the store") {
  HubLimits small;
  small.preload = 2;
  small.ring_events = 4;
  small.page = 3;
  World world(small);
  for (int seq = 1; seq <= 9; ++seq) world.log.rows.emplace(seq, event(seq));
  world.log.head.head = 9;
  Client fresh;
  world.attach(fresh, after(8));
  CHECK(fresh.opened.replaying == 1);
  CHECK(fresh.numbers() == "9");
  Client late;
  world.attach(late, after(1));
  CHECK_FALSE(late.opened.gap);
  CHECK(late.opened.replaying == 8);
  CHECK(late.numbers() == "2 3 4 5 6 7 8 9");
  world.happen(10);
  world.loop.turn();
  CHECK(late.numbers() == "10");
  Client oldest;
  world.attach(oldest, {Start::From::oldest, "", 0});
  CHECK(oldest.numbers() == "1 2 3 4 5 6 7 8 9 10");
}

TEST_CASE("a reader that falls out of the ring goes on from the store") {
  HubLimits small;
  small.ring_events = 3;
  World world(small);
  Client client;
  world.attach(client);
  client.slow = true;
  for (int seq = 1; seq <= 8; ++seq) world.happen(seq);
  world.loop.turn();
  client.drain();
  CHECK(client.numbers() == "1 2 3 4 5 6 7 8");
}

TEST_CASE("what cannot be told is a gap, then how things stand, then what happens next") {
  World world;
  for (int seq = 5; seq <= 9; ++seq) world.log.rows.emplace(seq, event(seq));
  world.log.head = {"e1", 5, 9};
  const auto gap_of = [&](Start start) {
    Client client;
    world.attach(client, std::move(start));
    REQUIRE(client.opened.gap);
    CHECK(client.text.find("{\"type\":\"gap\",\"reason\":\"" + std::string(to_string(*client.opened.gap)) +
                           "\",\"oldest\":5,\"head\":9}") == 0);
    CHECK(client.text.find("\"subject\":\"first\"") < client.text.find("\"subject\":\"second\""));
    CHECK(client.text.find("\"class\":\"snapshot\"") != std::string::npos);
    client.text.clear();
    return to_string(*client.opened.gap);
  };
  CHECK(gap_of(after(3)) == "expired");
  CHECK(gap_of(after(10)) == "ahead");
  CHECK(gap_of(after(6, "another")) == "epoch");
  Client exact;
  world.attach(exact, after(4));
  CHECK_FALSE(exact.opened.gap);
  CHECK(exact.numbers() == "5 6 7 8 9");
  CHECK(world.hub.stats().gaps.at(GapReason::expired) == 1);
}

TEST_CASE("an event that cannot be trusted is a gap to those who would be told of it, and to no others") {
  HubLimits small;
  small.ring_events = 2;
  World world(small);
  for (int seq = 1; seq <= 8; ++seq) world.log.rows.emplace(seq, event(seq));
  world.log.head.head = 8;
  const auto told = [&](Client& client) {
    const bool has_gap = client.text.find("\"reason\":\"damaged\"") != std::string::npos;
    if (has_gap) CHECK(client.text.find("\"class\":\"snapshot\"") != std::string::npos);
    return has_gap;
  };
  SECTION("met on the way") {
    Client holds_it_open;
    world.attach(holds_it_open);
    world.log.damaged = 4;
    Client before;
    world.attach(before, after(2));
    CHECK(told(before));
    CHECK(before.reader->gap() == GapReason::damaged);
    Client behind;
    world.attach(behind, after(4));
    CHECK_FALSE(told(behind));
    CHECK(behind.numbers() == "5 6 7 8");
    before.text.clear();
    world.happen(9);
    world.loop.turn();
    CHECK(before.numbers() == "9");
  }
  SECTION("met when the log is opened") {
    world.log.damaged = 4;
    Client now;
    world.attach(now);
    CHECK(now.refused == "");
    Client behind;
    world.attach(behind, after(6));
    CHECK(behind.numbers() == "7 8");
    Client before;
    world.attach(before, {Start::From::oldest, {}, 0});
    CHECK(told(before));
  }
  CHECK(world.hub.stats().gaps.at(GapReason::damaged) == 1);
}

TEST_CASE("one that reads slower than the log is pruned is told of the gap") {
  HubLimits small;
  small.ring_events = 2;
  World world(small);
  Client client;
  world.attach(client);
  client.slow = true;
  for (int seq = 1; seq <= 8; ++seq) world.happen(seq);
  world.log.head.oldest = 7;
  world.loop.turn();
  client.drain();
  CHECK(client.text.find("\"reason\":\"lagged\"") != std::string::npos);
  client.text.clear();
  world.happen(9);
  client.drain();
  CHECK(client.numbers() == "9");
}

TEST_CASE("progress that was superseded is not told to whoever comes late") {
  World world;
  Client quick;
  Client slow;
  world.attach(quick);
  world.attach(slow);
  slow.slow = true;
  for (int seq = 1; seq <= 3; ++seq) {
    world.happen(seq, "a", EventClass::progress);
    world.loop.turn();
  }
  CHECK(quick.numbers() == "1 2 3");
  slow.drain();
  CHECK(slow.numbers() == "3");
  world.happen(4, "a", EventClass::progress);
  world.happen(5, "a");
  world.loop.turn();
  slow.drain();
  CHECK(slow.numbers() == "5");
  CHECK(world.hub.stats().conflated >= 3);
}

TEST_CASE("a reader that wants progress seldom still hears of states at once") {
  World world;
  Client client;
  world.attach(client);
  client.reader->set_progress_interval(milliseconds(500));
  world.happen(1, "a", EventClass::progress);
  world.loop.turn();
  CHECK(client.numbers() == "1");
  world.happen(2, "a", EventClass::progress);
  world.loop.turn();
  CHECK(client.numbers().empty());
  world.happen(3, "a", EventClass::progress);
  world.loop.advance(milliseconds(500));
  CHECK(client.numbers() == "3");
  world.happen(4, "a", EventClass::progress);
  world.happen(5, "b");
  world.loop.turn();
  CHECK(client.numbers() == "4 5");
}

TEST_CASE("however many follow a topic there is one subscription, and waking them is spread over turns") {
  HubLimits limits;
  limits.readers_per_turn = 3;
  World world(limits);
  std::vector<Client> clients(10);
  for (Client& client : clients) world.attach(client);
  CHECK(world.hub.stats().readers == 10);
  CHECK(world.hub.stats().subscriptions == 1);
  CHECK(world.log.opened["org"] == 1);
  world.happen(1);
  world.happen(2);
  clients[4].reader.reset();
  world.loop.turn();
  for (std::size_t i = 0; i < clients.size(); ++i) CHECK(clients[i].numbers() == (i == 4 ? "" : "1 2"));
  CHECK(world.hub.stats().delivered == 18);
}

// Leaves, and takes another along, while the hub goes through those to be woken.
TEST_CASE("readers may leave and events may come while others are being woken") {
  struct Leaver final : Hub::Waker {
    void on_opened(const Opened&) override {}
    void on_refused(const shared::Error&) override {}
    void on_events() override {
      world->happen(2);
      other->reader.reset();
      reader.reset();
    }
    World* world = nullptr;
    Client* other = nullptr;
    std::unique_ptr<Hub::Reader> reader;
  };
  World world;
  Leaver leaver;
  Client other;
  Client last;
  leaver.world = &world;
  leaver.other = &other;
  leaver.reader = world.hub.attach("org", Filter::parse({"conversion"}).filter, {}, Encoding::json, leaver);
  world.attach(other);
  world.attach(last);
  world.happen(1);
  world.loop.turn();
  CHECK(last.numbers() == "1 2");
  CHECK(world.hub.stats().readers == 1);
}

TEST_CASE("large frames are compressed once for all who asked, small ones for nobody") {
  World world;
  std::vector<Client> clients(3);
  for (Client& client : clients) world.attach(client, {}, {"conversion"}, Encoding::websocket_deflate);
  world.happen(1);
  Event large = event(2);
  large.data_json = "{\"text\":\"" + std::string(5000, 'x') + "\"}";
  world.hub.append("org", large);
  world.loop.turn();
  CHECK(world.hub.stats().compressed == 3);
  for (Client& client : clients) {
    CHECK(client.text.size() < 1000);
    CHECK(client.text == clients[0].text);
    CHECK(client.text[0] == '\x81');
    CHECK(client.text.find('\x82') != std::string::npos);
  }
}

TEST_CASE("server-sent events carry the position, and a gap has a name and none") {
  World world;
  Client client;
  world.log.head.head = 1;
  world.attach(client, after(7), {"conversion"}, Encoding::sse);
  CHECK(client.text.find("event: gap\ndata: {\"type\":\"gap\"") == 0);
  client.text.clear();
  world.happen(2);
  world.loop.turn();
  CHECK(client.text.find("id: e1:2\ndata: {\"type\":\"event\",\"service\":\"conversion\",\"events\":[{\"seq\":2") == 0);
  CHECK(client.text.find("],\"seq\":2,\"prev\":null}\n\n") != std::string::npos);
}

TEST_CASE("a log that cannot be opened or read is refused, and the next one tries again") {
  World world;
  world.log.refusal = shared::Error{shared::ErrorCode::unavailable, "not now", ""};
  Client client;
  world.attach(client);
  CHECK(client.refused == "not now");
  world.log.refusal.reset();
  Client second;
  world.attach(second);
  CHECK(second.openings == 1);
  CHECK(world.log.opened["org"] == 2);
  world.happen(1);
  world.happen(2);
  world.log.broken = true;
  Client third;
  world.attach(third, after(1));
  world.loop.advance(milliseconds(1));
  CHECK(third.refused == "the log cannot be read now");
}

TEST_CASE("events that were committed before the log was opened are not told twice") {
  World world;
  Client client;
  client.reader = world.hub.attach("org", Filter::parse({"conversion"}).filter, after(1), Encoding::json, client);
  world.happen(1);
  world.happen(2);
  world.log.answer();
  world.happen(2);
  world.happen(3);
  world.loop.turn();
  client.drain();
  CHECK(client.numbers() == "2 3");
}

TEST_CASE("rings end some time after their last reader, and the bytes of all have a bound") {
  HubLimits limits;
  limits.ring_bytes = 4'000;
  limits.all_bytes = 4'000;
  World world(limits);
  Client client;
  world.attach(client);
  CHECK(world.hub.is_heard("org", Service::conversion));
  CHECK_FALSE(world.hub.is_heard("org", Service::note));
  for (int seq = 1; seq <= 100; ++seq) world.happen(seq);
  world.loop.turn();
  CHECK(world.hub.stats().ring_bytes <= 4'000);
  CHECK(client.reader->position() == 100);
  client.reader.reset();
  CHECK_FALSE(world.hub.is_heard("org", Service::conversion));
  CHECK(world.hub.stats().ring_bytes > 0);
  world.loop.advance(limits.linger);
  CHECK(world.hub.stats().ring_bytes == 0);
  Client next;
  world.attach(next, after(98));
  CHECK(next.numbers() == "99 100");
}

TEST_CASE("a ring finds its places by seq and says from where on it is complete") {
  Ring ring({1 << 20, 3}, 4);
  CHECK(ring.complete_after() == 4);
  for (const int seq : {6, 7, 9, 12}) ring.append(event(seq), {});
  CHECK(ring.complete_after() == 6);
  CHECK(ring.at(ring.after(7)).seq == 9);
  CHECK(ring.after(12) == ring.end());
  CHECK(ring.at(ring.after(0)).seq == 7);
}
