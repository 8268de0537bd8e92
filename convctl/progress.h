#pragma once
// How a set of conversions is shown while it runs. An interface with one implementation per --progress mode. Main
// thread only; the rendering functions are pure.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convctl/terminal.h"
#include "shared/protocol.h"

namespace convctl {

using Clock = std::chrono::steady_clock;

enum class Phase { waiting, uploading, converting, fetching, done, failed, cancelled, skipped };

// One file on its way.
struct Task {
  std::string name;
  Phase phase = Phase::waiting;
  std::int64_t sent_bytes = 0;
  std::int64_t size_bytes = 0;
  std::optional<shared::StatusObject> status;
  std::string outcome;  // a word or sentence once it is over
  // When the present stage was first seen and how far it was then: the rate is counted from here.
  std::string stage_name;
  Clock::time_point stage_since;
  std::int64_t stage_first = 0;
};

inline bool is_over(Phase phase) {
  return phase >= Phase::done;
}
// Puts a newer status into the task.
void update(Task& task, const shared::StatusObject& status, Clock::time_point now);

// What is going on, in words: "libreoffice, page 13/31, 4.2 pages/s, ETA 0:05".
std::string describe(const Task& task, Clock::time_point now);
// "42%", "~42%" when estimated, nothing when there is no figure.
std::string percent_text(const Task& task);
// One line of exactly one bar, at most `width` cells. `frame` turns the spinner of work without a figure.
std::string render_bar(const Task& task, int width, int frame, Clock::time_point now);
// All of them in one line.
std::string render_total(const std::vector<Task>& tasks, int width);

class Progress {
 public:
  virtual ~Progress() = default;
  // Called for every change of tasks[index], and with no index ten times a second.
  virtual void changed(const std::vector<Task>& tasks, std::optional<std::size_t> index) = 0;
  // Makes room for lines on any stream.
  virtual void hide() {}
};

enum class ProgressMode { automatic, bar, plain, json, none };
// `terminal` is stderr and must outlive it.
std::unique_ptr<Progress> make_progress(ProgressMode mode, Terminal& terminal);

}  // namespace convctl
