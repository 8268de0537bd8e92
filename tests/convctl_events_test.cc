// The event stream as convctl reads it: where it goes on, what it has had, what it shows. No socket is involved.

#include <clocale>

#include "convctl/event_cursor.h"
#include "convctl/event_intake.h"
#include "convctl/event_line.h"
#include "convctl/failure.h"
#include "convctl/json_text.h"
#include "tests/support/catch.h"

using namespace convctl;
using namespace std::chrono_literals;

namespace {

// What an intake has told, one word for each: the seq of an event ("s" before that of a snapshot), "gap", "warn".
class Heard : public EventSink {
 public:
  void event(const std::string& epoch, const shared::JsonReader& event) override {
    const bool snapshot = text_at(event, "class") == "snapshot";
    words_ += " " + epoch + ":" + (snapshot ? "s" : "") + text_at(event, "seq");
  }
  void gap(const std::string& epoch, const Gap& gap) override { words_ += " " + epoch + ":" + gap.reason; }
  void warn(const std::string& text) override { words_ += " [" + text + "]"; }
  std::string take() { return std::exchange(words_, ""); }

 private:
  std::string words_;
};

struct World {
  explicit World(Since since = {}, std::vector<std::string> services = {"conversion"})
      : intake(EventCursor(std::move(services), std::move(since)), heard) {}
  void ack(const std::string& epoch, int head, bool recovered, const std::string& rejected = "[]") {
    intake.take_frame(R"({"type":"ack","seq":0,"epoch":")" + epoch + R"(","head":)" + std::to_string(head) +
                      R"(,"recovered":)" + (recovered ? "true" : "false") + R"(,"heartbeatMs":30000,"rejected":)" +
                      rejected + "}");
  }
  void event(int seq, const std::string& event_class = "state") {
    intake.take_frame(R"({"type":"event","events":[{"seq":)" + std::to_string(seq) + R"(,"class":")" + event_class +
                      R"("}]})");
  }
  void ping(int seq) { intake.take_frame(R"({"type":"ping","seq":)" + std::to_string(seq) + "}"); }
  void gap(const std::string& reason, int head) {
    intake.take_frame(R"({"type":"gap","reason":")" + reason + R"(","oldest":1,"head":)" + std::to_string(head) + "}");
  }
  EventIntake::Page page(int status, const std::string& body, const Headers& headers = {}) {
    return intake.take_page(HttpResponse{status, headers, body});
  }
  std::string place() const {
    const auto position = intake.cursor().position();
    return position ? to_text(*position) : "nowhere";
  }
  Heard heard;
  EventIntake intake;
};

int exit_of(const std::function<void()>& step) {
  try {
    step();
  } catch (const Failure& failure) {
    return to_int(failure.exit);
  }
  return 0;
}

shared::Json event_of(const std::string& type, const std::string& data, const std::string& subject = "018f") {
  return shared::Json::parse(R"({"seq":12,"ts":"2026-11-21T09:00:00.123Z","class":"state","type":")" + type +
                             R"(","subject":")" + subject + R"(","data":)" + data + "}")
      .value()
      .clone();
}

std::string summary(const std::string& type, const std::string& data) {
  const shared::Json event = event_of(type, data);
  return event_summary(event.read());
}

}  // namespace

TEST_CASE("where to start and what to read, from the command line") {
  CHECK(since_from("all").kind == Since::Kind::oldest);
  CHECK(since_from("1041").position.seq == 1041);
  CHECK(since_from("1041").position.epoch.empty());
  CHECK(to_text(since_from("9f3c:7").position) == "9f3c:7");
  for (const char* wrong : {"", "-1", "x", ":5", "a:b", "a:-1", "1 ", "99999999999999999999"})
    CHECK(exit_of([&] { since_from(wrong); }) == 64);
  CHECK(services_from({"conversion,note", "queue"}) == std::vector<std::string>{"conversion", "note", "queue"});
  for (const char* wrong : {"", ",", "note,", ",note", "a,,b"}) CHECK(exit_of([&] { services_from({wrong}); }) == 64);
}

TEST_CASE("what is asked for next, by socket and by poll") {
  EventCursor now({"conversion", "conversion:a b"}, {}, 500);
  CHECK(now.handshake() == R"({"services":["conversion","conversion:a b"],"version":1,"progressMs":500})");
  CHECK(now.poll_target(25) == "/v2/realtime/poll?services=conversion,conversion%3Aa%20b&wait=25&limit=1000");
  EventCursor all({"note"}, since_from("all"));
  CHECK(all.handshake() == R"({"services":["note"],"version":1,"since":"oldest"})");
  CHECK(all.poll_target(0) == "/v2/realtime/poll?services=note&since=oldest&wait=0&limit=1000");
  EventCursor there({"note"}, since_from("e1:7"));
  CHECK(there.handshake() == R"({"services":["note"],"version":1,"lastSeq":7,"epoch":"e1"})");
  CHECK(there.poll_target(0) == "/v2/realtime/poll?services=note&lastSeq=7&epoch=e1&wait=0&limit=1000");
  // Position 0 is the beginning of the log; as lastSeq it would mean its end.
  CHECK(EventCursor({"note"}, since_from("e1:0")).handshake() == all.handshake());
}

TEST_CASE("the position follows acks, events and pings, and nothing is told twice") {
  World world;
  CHECK(world.place() == "nowhere");
  world.ack("e1", 4, false);
  CHECK(world.place() == "e1:4");
  world.event(3);
  world.event(6);
  world.event(6);
  world.event(8, "progress");
  CHECK(world.heard.take() == " e1:6 e1:8");
  world.ping(9);
  world.ping(7);
  CHECK(world.place() == "e1:9");
  world.ack("e1", 12, true);
  CHECK(world.place() == "e1:9");
  world.event(9);
  world.event(10);
  CHECK(world.heard.take() == " e1:10");
  World without_epoch(since_from("7"));
  without_epoch.ack("e1", 9, true);
  CHECK(without_epoch.place() == "e1:7");
  World all(since_from("all"));
  all.ack("e1", 9, true);
  all.event(1);
  CHECK(all.heard.take() == " e1:1");
}

TEST_CASE("a gap is left behind when the first word after the snapshots is there") {
  World world(since_from("e1:70"));
  world.ack("e1", 9, false);
  world.gap("ahead", 9);
  world.event(9, "snapshot");
  world.event(9, "snapshot");
  CHECK(world.place() == "e1:70");
  world.event(10);
  CHECK(world.place() == "e1:10");
  CHECK(world.heard.take() == " e1:ahead e1:s9 e1:s9 e1:10");
  World other_log(since_from("e1:70"));
  other_log.ack("e2", 9, false);
  other_log.gap("epoch", 9);
  CHECK(other_log.place() == "e1:70");
  other_log.ping(9);
  CHECK(other_log.place() == "e2:9");
  World lost(since_from("e1:2"));
  lost.ack("e1", 9, false);
  lost.gap("expired", 9);
  lost.ack("e1", 9, false);
  CHECK(lost.place() == "e1:2");
}

TEST_CASE("pages move the same position") {
  World world;
  CHECK_FALSE(world.page(204, "", {{"convd-epoch", "e1"}, {"convd-seq", "4"}}).has_events);
  CHECK(world.place() == "e1:4");
  const auto page = world.page(
      200, R"({"epoch":"e1","seq":8,"head":20,"events":[{"seq":4},{"seq":5,"class":"state"}],"rejected":[]})");
  CHECK(page.has_events);
  CHECK(page.head == 20);
  CHECK(world.place() == "e1:8");
  CHECK(world.heard.take() == " e1:5");
  world.page(410, R"({"code":"cursor_expired","reason":"expired","epoch":"e1","oldest":15,"head":20})");
  CHECK(world.heard.take() == " e1:expired");
  CHECK(world.intake.cursor().handshake().find(R"("since":"oldest")") != std::string::npos);
  CHECK(exit_of([&] { world.page(410, R"({"code":"cursor_expired"})"); }) == 66);
  CHECK(exit_of([&] { world.page(503, ""); }) == 75);
  CHECK(exit_of([&] { world.page(404, ""); }) == 76);
  CHECK(exit_of([&] { world.page(204, "", {{"convd-seq", "4"}}); }) == 76);
}

TEST_CASE("services that are not there are told once, and none at all is an end") {
  World world({}, {"conversion", "dance"});
  world.ack("e1", 1, false, R"(["dance"])");
  CHECK(world.heard.take() == " [convd has no such service: dance]");
  world.ack("e1", 1, true, R"(["dance"])");
  CHECK(world.heard.take().empty());
  const Headers bookmark{{"convd-epoch", "e1"}, {"convd-seq", "4"}};
  World silent({}, {"conversion:7", "dance"});
  silent.page(204, "", bookmark);
  silent.page(204, "", bookmark);
  CHECK(silent.heard.take() == " [nothing has come, and no service is known as dance]");
  CHECK(exit_of([] { World({}, {"dance"}).ack("e1", 1, false, R"(["dance"])"); }) == 64);
}

TEST_CASE("a daemon that leaves says when to come back, within reason") {
  World world;
  CHECK_FALSE(world.intake.take_pause());
  world.intake.take_frame(R"({"type":"goodbye","reason":"shutdown","reconnectMs":[500,15000]})");
  const auto pause = world.intake.take_pause();
  REQUIRE(pause);
  CHECK(pause->least == 500ms);
  CHECK(pause->most == 15s);
  CHECK_FALSE(world.intake.take_pause());
  world.intake.take_frame(R"({"type":"goodbye","reconnectMs":[0,864000000]})");
  CHECK(world.intake.take_pause()->most == 60s);
  world.intake.take_frame(R"({"type":"goodbye","reconnectMs":[9000,1]})");
  CHECK(world.intake.take_pause()->most == 9s);
  world.intake.take_frame(R"({"type":"goodbye"})");
  CHECK_FALSE(world.intake.take_pause());
}

TEST_CASE("what an event says in a few words") {
  CHECK(summary("conversion.completed", R"({"filename":"a.docx","status":"completed","message":"Done"})") ==
        "a.docx: completed, Done");
  CHECK(summary("conversion.error", R"({"filename":"a.docx","status":"error","message":"x","error":"It broke."})") ==
        "a.docx: error, It broke.");
  CHECK(summary("upload.progress", R"({"filename":"a.docx","received":1536,"total":2048,"state":"receiving"})") ==
        "a.docx: receiving, 1.5 KiB of 2.0 KiB");
  CHECK(summary("upload.progress", R"({"filename":"a.docx","received":9,"total":null,"state":"failed"})") ==
        "a.docx: failed, 9 B");
  CHECK(summary("queue.depth", R"({"slots":2,"running":1,"waiting":3,"accepting":true})") ==
        "1 of 2 slots busy, 3 waiting");
  CHECK(summary("queue.depth", R"({"slots":2,"short_slots":1,"running":3,"waiting":3,"accepting":true})") ==
        "3 of 2+1 slots busy, 3 waiting");
  CHECK(summary("queue.depth", R"({"slots":2,"short_slots":0,"running":0,"waiting":0,"accepting":false})") ==
        "0 of 2 slots busy, 0 waiting, accepts nothing");
  CHECK(summary("presence.changed", R"({"total":3,"watchers":[{"principal":"uid:0"},{"principal":"uid:7"}]})") ==
        "3 watching: uid:0, uid:7");
  CHECK(summary("note.added", R"({"author":"uid:0","text":"Well done"})") == "uid:0: Well done");
  CHECK(summary("system.draining", R"({"message":"convd stops"})") == "convd stops");
  CHECK(summary("tea.ready", R"({"cups":2})") == R"({"cups":2})");
  CHECK(summary("conversion.removed", "null").empty());
}

TEST_CASE("lines of events in columns") {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  const std::string id = "019aa5e2-7c1f-7d20-8a3b-6f1e2d3c4b5a";
  const shared::Json event = event_of("conversion.completed", R"({"filename":"a.docx","status":"completed"})", id);
  const Row cells = event_cells(event.read());
  CHECK(aligned_event(cells, 130) == "09:00:00  12       conversion.completed   " + id + "  a.docx: completed\n");
  CHECK(aligned_event(cells, 80) == "09:00:00  12       conversion.completed   019aa5e2-7c1…  a.docx: completed\n");
  const Row wide{cells[0], cells[1], cells[2], cells[3], std::string(200, 'x')};
  for (int width = 75; width < 160; ++width) CHECK(cell_width(aligned_event(wide, width)) <= width);
  CHECK(event_line(event_of("note.added", R"({"author":"a\tb","text":"\u001b[2J"})").read(),
                   Terminal(-1, ColorMode::always)) == "2026-11-21T09:00:00.123Z\t12\tnote.added\t018f\ta?b: ?[2J\n");
}

TEST_CASE("JSON that a terminal does not obey") {
  CHECK(escape_controls("{\"a\":\"x\x7fy\xc2\x9bz\xc2\xa0ü\"}") == "{\"a\":\"x\\u007fy\\u009bz\xc2\xa0ü\"}");
  CHECK(escape_controls("\xc2") == "\xc2");
}
