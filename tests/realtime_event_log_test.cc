// The log as the stream sees it: progress gets its number by way of the store, merged to five a second; states come
// from the store; what is old goes.

#include "convd/realtime/event_log.h"

#include "convd/realtime/connections.h"
#include "tests/support/catch.h"
#include "tests/support/house.h"

using namespace convd;
using convd::realtime::EventLog;
using shared::Service;
using std::chrono::milliseconds;

namespace {

// Writes down what it hears, as "<seq> <type> <data>".
struct Ear final : events::Hub::Waker {
  void on_opened(const events::Opened& how) override { opened = how; }
  void on_refused(const shared::Error& error) override { refused = error.message; }
  void on_events() override {
    for (std::string_view bytes = reader->take({.bytes = 1000}); !bytes.empty(); bytes = reader->take({.bytes = 1000}))
      text += std::string(bytes);
  }

  events::Opened opened;
  std::string refused;
  std::string text;
  std::unique_ptr<events::Hub::Reader> reader;
};

struct World {
  tests::House house;
  realtime::Settings settings;
  EventLog log;
  Ear ear;

  World() : log(house.loop, house.store, house.manager(), settings) {}

  void listen(const std::vector<std::string>& services, events::Start start = {}) {
    ear.reader = log.hub().attach("uid:1", events::Filter::parse(services).filter, std::move(start),
                                  events::Encoding::json, ear);
    house.loop.turn();
    ear.on_events();
  }
  void offer(const std::string& data, const std::string& subject = "a") {
    log.offer({"uid:1", Service::upload, "upload.progress", subject, data});
    house.loop.turn();
  }
  void commit(const store::EventRow& row) {
    house.store.submit(
        [row](store::Transaction& transaction, store::Files&) -> shared::Result<void> {
          transaction.append(row);
          return {};
        },
        nullptr);
    house.loop.turn();
  }
  std::string heard() {
    std::string all;
    const std::string key = "\"data\":";
    for (std::size_t at = ear.text.find(key); at != std::string::npos; at = ear.text.find(key, at + 1)) {
      const std::size_t from = at + key.size();
      all += ear.text.substr(from, ear.text.find('}', from) - from);
    }
    ear.text.clear();
    return all;
  }
};

store::EventRow note(const std::string& data, std::int64_t ts_ms) {
  store::EventRow row;
  row.org = "uid:1";
  row.ts_ms = ts_ms;
  row.service = "note";
  row.type = "note.added";
  row.subject = "a";
  row.data_json = data;
  return row;
}

}  // namespace

TEST_CASE("progress leaves at most five times a second for one subject, and the last of it always does") {
  World world;
  world.listen({"upload"});
  for (const char* data : {"1", "2", "3"}) world.offer(data);
  world.offer("9", "b");
  CHECK(world.heard() == "19");
  world.house.loop.advance(EventLog::progress_interval);
  CHECK(world.heard() == "3");
  world.offer("4");
  CHECK(world.heard().empty());
  world.house.loop.advance(EventLog::progress_interval);
  CHECK(world.heard() == "4");
  world.house.loop.advance(2 * EventLog::progress_interval);
  world.offer("5");
  CHECK(world.heard() == "5");
  CHECK(world.log.hub().stats().conflated == 1);
}

TEST_CASE("progress that waits is dropped when a state is on its way") {
  World world;
  world.listen({"upload"});
  world.offer("1");
  world.offer("2");
  world.log.drop("uid:1", Service::upload, "a");
  world.house.loop.advance(2 * EventLog::progress_interval);
  CHECK(world.heard() == "1");
}

TEST_CASE("states and progress come in the order of their numbers, and states can be read again") {
  World world;
  world.listen({"upload", "note"});
  world.offer("1");
  world.commit(note("2", 0));
  world.offer("3", "b");
  CHECK(world.heard() == "123");
  // The ring ends some time after its last reader, and with it the progress.
  world.ear.reader.reset();
  world.house.loop.advance(events::HubLimits{}.linger);
  world.listen({"upload", "note"}, {events::Start::From::oldest, "", 0});
  CHECK(world.heard() == "2");
  CHECK(world.ear.opened.replaying == 1);
}

TEST_CASE("nobody is heard before somebody listens") {
  World world;
  CHECK_FALSE(world.log.is_heard("uid:1", Service::queue));
  world.listen({"queue"});
  CHECK(world.log.is_heard("uid:1", Service::queue));
  CHECK_FALSE(world.log.is_heard("uid:2", Service::queue));
  CHECK(world.log.listening_orgs(Service::queue) == std::vector<std::string>{"uid:1"});
}

TEST_CASE("events out of retention go within a minute") {
  World world;
  const auto now_ms = std::chrono::duration_cast<milliseconds>(world.house.loop.wall().time_since_epoch()).count();
  world.commit(note("1", now_ms - world.settings.retention_ms - 1));
  world.commit(note("2", now_ms));
  world.house.loop.advance(milliseconds(60'000));
  CHECK(world.house.store.oldest_event("uid:1") > 1);
  CHECK(world.house.store.log().size() == 1);
}

TEST_CASE("connections have limits in all and of one principal, and the rollout decides who gets one") {
  realtime::Settings settings;
  settings.connections = 3;
  settings.connections_per_principal = 2;
  realtime::Connections connections(settings);
  using Admission = realtime::Connections::Admission;
  auto a = connections.enter("org", "a", Admission::rollout);
  auto b = connections.enter("org", "a", Admission::rollout);
  CHECK(a.stay);
  CHECK(connections.enter("org", "a", Admission::rollout).refusal == shared::CloseCode::too_many_connections);
  CHECK(connections.enter("other", "a", Admission::rollout).stay);
  auto c = connections.enter("org", "b", Admission::rollout);
  CHECK(connections.enter("org", "c", Admission::rollout).refusal == shared::CloseCode::too_many_connections);
  a.stay.reset();
  CHECK(connections.enter("org", "a", Admission::rollout).stay);
  settings.rollout.enabled = false;
  CHECK(connections.enter("org", "d", Admission::rollout).refusal == shared::CloseCode::realtime_disabled);
  CHECK(connections.enter("org", "d", Admission::everyone).stay);
  CHECK(connections.counts().now == 2);
  CHECK(connections.counts().ever == 6);
  CHECK(connections.counts().refused == 3);
  int told = 0;
  b.stay->on_leaving([&] { ++told; });
  connections.leave();
  connections.leave();
  CHECK(told == 1);
}
