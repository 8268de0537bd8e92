#include <poll.h>
#include <sys/stat.h>

#include <memory>

#include "convctl/commands.h"
#include "convctl/event_line.h"
#include "convctl/event_stream.h"

namespace convctl {
namespace {

// Prints what comes. Main thread only.
class EventPrinter : public EventSink {
 public:
  explicit EventPrinter(Session& session) : session_(session) {}

  void event(const std::string& epoch, const shared::JsonReader& event) override {
    if (session_.globals().json) return session_.print_json_line(std::move(event.clone().set("epoch", epoch)), "event");
    begin();
    session_.print(event_line(event, session_.out()));
  }

  void gap(const std::string& epoch, const Gap& gap) override {
    if (session_.globals().json) {
      session_.print_json_line(std::move(shared::Json::object()
                                             .set("epoch", epoch)
                                             .set("reason", gap.reason)
                                             .set("oldest", gap.oldest)
                                             .set("head", gap.head)),
                               "gap");
    }
    warn(gap_text(gap));
  }

  void warn(const std::string& text) override { session_.warn(text); }

  // The header, once, also when nothing follows.
  void begin() {
    if (session_.globals().json || session_.globals().quiet || std::exchange(begun_, true)) return;
    session_.print(event_header(session_.out()));
  }

 private:
  Session& session_;
  bool begun_ = false;
};

// What is retained, page after page, up to where the log ended when it was first asked.
void replay(Session& session, EventIntake& intake, EventPrinter& printer) {
  std::optional<std::int64_t> end;
  for (;;) {
    const std::int64_t before = intake.cursor().position() ? intake.cursor().position()->seq : -1;
    std::optional<HttpOutcome> outcome;
    const auto call = session.client().start({.target = intake.cursor().poll_target(0)},
                                             [&](HttpOutcome result) { outcome = std::move(result); });
    session.client().loop().run_until([&] { return outcome.has_value(); });
    if (const auto* failure = std::get_if<Failure>(&*outcome)) throw *failure;
    const EventIntake::Page page = intake.take_page(std::get<HttpResponse>(*outcome));
    if (!end) end = page.head;
    const auto position = intake.cursor().position();
    if (!position) continue;  // behind a gap
    if (position->seq >= *end || !page.has_events) break;
    if (position->seq == before) throw Failure{Exit::protocol, "convd's events do not advance", ""};
  }
  printer.begin();
}

// A reader that has gone is noticed only by writing, and here that may be long after.
ClientLoop::WatchHandle watch_for_a_broken_pipe(ClientLoop& loop) {
  struct stat about {};
  if (fstat(STDOUT_FILENO, &about) != 0 || !S_ISFIFO(about.st_mode)) return nullptr;
  return loop.watch(STDOUT_FILENO, [] {
    pollfd out{STDOUT_FILENO, 0, 0};
    if (poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0)
      throw Failure{Exit::io_error, "cannot write the output: its reader has gone", ""};
  });
}

void follow(Session& session, EventIntake& intake) {
  ClientLoop& loop = session.client().loop();
  const auto reader = watch_for_a_broken_pipe(loop);
  const EventStream stream(session.client(), intake);
  try {
    loop.run_until([] { return false; });
  } catch (Failure& failure) {
    const auto position = intake.cursor().position();
    if (position && failure.hint.empty() && failure.exit != Exit::io_error)
      failure.hint = "to go on from here: `convctl events -f --since " + to_text(*position) + "`";
    throw;
  }
}

struct Flags {
  std::vector<std::string> services;
  std::string since;
  bool follow = false;
};

Exit run_events(Session& session, const Flags& flags) {
  Since since{flags.follow ? Since::Kind::now : Since::Kind::oldest};
  if (!flags.since.empty()) since = since_from(flags.since);
  auto services = services_from(flags.services);
  if (services.empty()) services.emplace_back(to_string(shared::Service::conversion));
  EventPrinter printer(session);
  EventIntake intake(EventCursor(std::move(services), std::move(since), session.globals().interval_ms), printer);
  if (flags.follow)
    follow(session, intake);
  else
    replay(session, intake, printer);
  return Exit::ok;
}

}  // namespace

Run set_up_events(CLI::App& command) {
  auto flags = std::make_shared<Flags>();
  command
      .add_option("--service", flags->services,
                  "conversion (default), document, upload, queue, note, presence, system, or one subject: "
                  "conversion:ID; repeatable, or with commas")
      ->expected(1)
      ->take_all()
      ->type_name("NAME");
  command
      .add_option("--since", flags->since,
                  "What came after this position, SEQ or EPOCH:SEQ; or all that is retained. Default: all; with -f: "
                  "from now")
      ->type_name("POSITION");
  command.add_flag("-f,--follow", flags->follow, "Go on with what happens, until Ctrl-C");
  return [flags](Session& session) { return run_events(session, *flags); };
}

}  // namespace convctl
