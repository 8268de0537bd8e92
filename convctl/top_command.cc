#include <memory>
#include <optional>
#include <variant>

#include "convctl/commands.h"
#include "convctl/screen.h"
#include "convctl/top_view.h"

namespace convctl {
namespace {

constexpr std::chrono::milliseconds usual_interval{1'000};

struct Flags {
  bool once = false;
  int count = 0;  // 0: until it is ended
};

// Asks again and again, until a key, a signal or the count ends it.
class Top {
 public:
  Top(Session& session, const Flags& flags)
      : session_(session), left_(flags.once ? 1 : flags.count), endless_(left_ == 0), once_(flags.once) {}

  Exit run() {
    session_.client().loop().on_signal([this](int number) { end(exit_for_signal(number)); });
    const bool redraws = session_.out().can_redraw() && !session_.globals().json && !once_;
    redraws ? run_on_screen() : run_in_blocks();
    session_.client().loop().on_signal(nullptr);
    return exit_;
  }

 private:
  void end(Exit exit) {
    over_ = true;
    exit_ = exit;
  }

  // Nothing when it was ended meanwhile. Throws Failure.
  std::optional<shared::Json> look() {
    std::optional<HttpOutcome> outcome;
    const auto call =
        session_.client().start({.target = "/v1/activity"}, [&](HttpOutcome got) { outcome = std::move(got); });
    session_.client().loop().run_until([&] { return outcome || over_; });
    if (!outcome) return std::nullopt;
    if (const auto* failure = std::get_if<Failure>(&*outcome)) throw *failure;
    const auto& response = std::get<HttpResponse>(*outcome);
    if (!is_success(response)) throw failure_from(response);
    return json_from(response.body);
  }

  void wait() {
    const int ms = session_.globals().interval_ms;
    const auto delay = ms > 0 ? std::chrono::milliseconds(ms) : usual_interval;
    bool due = false;
    const auto timer = session_.client().loop().after(delay, [&] { due = true; });
    session_.client().loop().run_until([&] { return due || over_; });
  }

  bool is_last() { return !endless_ && --left_ == 0; }

  void run_in_blocks() {
    for (bool first = true; !over_; first = false) {
      auto activity = look();
      if (!activity) return;
      if (session_.globals().json) {
        session_.print_json_line(std::move(*activity), "activity");
      } else {
        std::string text = first ? "" : "\n";
        for (const std::string& line : top_lines(activity->read(), session_.out())) text += line + "\n";
        session_.print(text);
      }
      if (is_last()) return;
      wait();
    }
  }

  // A daemon that does not answer may be one that starts anew: that is worth watching.
  void run_on_screen() {
    std::vector<std::string> lines;
    Screen screen(session_.out(), session_.client().loop(),
                  {.key =
                       [this](char key) {
                         if (key == 'q' || key == 'Q') end(Exit::ok);
                       },
                   .resized = [&] { redraw(screen, lines); }});
    while (!over_) {
      try {
        last_ = look();
        trouble_.clear();
      } catch (const Failure& failure) {
        if (failure.exit == Exit::timeout) throw;
        trouble_ = failure.message;
      }
      redraw(screen, lines);
      if (over_ || is_last()) return;
      wait();
    }
  }

  void redraw(Screen& screen, std::vector<std::string>& lines) {
    lines.clear();
    if (last_) lines = aligned_top(last_->read(), session_.out().width());
    if (!lines.empty()) lines[0] = session_.out().paint(Color::green, lines[0]);
    if (!trouble_.empty()) {
      const std::string words = clip("convd does not answer: " + trouble_, session_.out().width());
      lines.insert(lines.begin(), session_.out().paint(Color::red, words));
    }
    screen.draw(lines);
  }

  Session& session_;
  int left_;
  const bool endless_;
  const bool once_;
  bool over_ = false;
  Exit exit_ = Exit::ok;
  std::optional<shared::Json> last_;
  std::string trouble_;
};

}  // namespace

Run set_up_top(CLI::App& command) {
  auto flags = std::make_shared<Flags>();
  command.add_flag("--once", flags->once, "Show it once, and end");
  command.add_option("-n,--count", flags->count, "Show it so many times, and end")
      ->check(CLI::Range(1, 1'000'000'000))
      ->type_name("COUNT");
  return [flags](Session& session) { return Top(session, *flags).run(); };
}

}  // namespace convctl
