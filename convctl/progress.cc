#include "convctl/progress.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "convctl/duration.h"

namespace convctl {
namespace {

using shared::ProgressKind;
using shared::Status;

std::string rate_text(const Task& task, const shared::Stage& stage, Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - task.stage_since).count();
  const auto moved = static_cast<double>(*stage.done - task.stage_first);
  if (seconds < 0.5 || moved <= 0) return "";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), ", %.1f %ss/s", moved / seconds, stage.unit.c_str());
  return text.data();
}

std::string describe_stage(const Task& task, Clock::time_point now) {
  const auto& status = *task.status;
  if (!status.stage) return "working";
  const shared::Stage& stage = *status.stage;
  std::string text = stage.name;
  if (stage.done && !stage.unit.empty() && stage.kind == ProgressKind::measured) {
    text += ", " + stage.unit + " " + std::to_string(*stage.done);
    if (stage.total) text += "/" + std::to_string(*stage.total);
    text += rate_text(task, stage, now);
  } else if (stage.kind == ProgressKind::none) {
    text += ", working";
  }
  if (status.eta_ms) text += ", ETA " + format_duration(std::chrono::milliseconds(*status.eta_ms));
  return text;
}

// The figure to show in 0-100, or nothing.
std::optional<int> figure(const Task& task) {
  if (task.phase == Phase::done) return 100;
  if (task.phase == Phase::uploading && task.size_bytes > 0)
    return static_cast<int>(task.sent_bytes * 100 / task.size_bytes);
  if (task.phase == Phase::fetching) return 100;
  const bool known = task.phase == Phase::converting && task.status && task.status->status == Status::processing &&
                     task.status->stage && task.status->stage->kind != ProgressKind::none;
  return known ? std::optional(task.status->progress) : std::nullopt;
}

std::string bar(const Task& task, int cells, int frame) {
  const auto room = static_cast<std::size_t>(cells);
  std::string inside(room, is_over(task.phase) || task.phase == Phase::waiting ? ' ' : '-');
  if (const auto percent = figure(task)) {
    const auto full = static_cast<std::size_t>(std::clamp(*percent, 0, 100)) * room / 100;
    std::fill_n(inside.begin(), full, '#');
  } else if (task.phase == Phase::converting) {
    const auto at = static_cast<std::size_t>(frame) % room;
    inside[at] = '=';
  }
  return "[" + inside + "]";
}

}  // namespace

void update(Task& task, const shared::StatusObject& status, Clock::time_point now) {
  const std::string stage = status.stage ? status.stage->name + std::to_string(status.stage->index) : "";
  if (stage != task.stage_name || !task.status) {
    task.stage_name = stage;
    task.stage_since = now;
    task.stage_first = status.stage && status.stage->done ? *status.stage->done : 0;
  }
  task.status = status;
}

std::string percent_text(const Task& task) {
  const auto percent = figure(task);
  if (!percent) return "";
  const bool guessed = task.phase == Phase::converting && task.status && task.status->stage &&
                       task.status->stage->kind == ProgressKind::estimated;
  return (guessed ? "~" : "") + std::to_string(*percent) + "%";
}

std::string describe(const Task& task, Clock::time_point now) {
  switch (task.phase) {
    case Phase::waiting:
      return "waiting";
    case Phase::uploading:
      return "sending " + format_bytes(task.size_bytes);
    case Phase::fetching:
      return "saving";
    case Phase::done:
    case Phase::failed:
    case Phase::cancelled:
    case Phase::skipped:
      return task.outcome;
    case Phase::converting:
      break;
  }
  if (!task.status) return "accepted";
  if (task.status->status != Status::pending) return describe_stage(task, now);
  std::string text = task.status->attempt > 1 ? "waiting to try again" : "queued";
  if (task.status->position) text += ", position " + std::to_string(*task.status->position);
  if (task.status->eta_ms) text += ", ETA " + format_duration(std::chrono::milliseconds(*task.status->eta_ms));
  return text;
}

std::string render_bar(const Task& task, int width, int frame, Clock::time_point now) {
  const int name_cells = std::clamp(width / 4, 8, 30);
  const int bar_cells = std::clamp(width / 5, 5, 30);
  std::string line = fit(task.name, name_cells) + " " + bar(task, bar_cells, frame) + " ";
  const std::string percent = percent_text(task);
  line += std::string(percent.size() < 5 ? 5 - percent.size() : 0, ' ') + percent + "  " + describe(task, now);
  return clip(line, width - 1);
}

std::string render_total(const std::vector<Task>& tasks, int width) {
  std::map<Phase, std::size_t> count;
  std::size_t over = 0;
  for (const Task& task : tasks) {
    ++count[task.phase];
    if (is_over(task.phase)) ++over;
  }
  const int bar_cells = std::clamp(width / 4, 5, 30);
  const auto full = over * static_cast<std::size_t>(bar_cells) / std::max<std::size_t>(1, tasks.size());
  std::string line = "[" + std::string(full, '#') + std::string(static_cast<std::size_t>(bar_cells) - full, '-') +
                     "] " + std::to_string(over) + "/" + std::to_string(tasks.size()) + " files";
  if (count[Phase::failed] > 0) line += ", " + std::to_string(count[Phase::failed]) + " failed";
  if (count[Phase::cancelled] > 0) line += ", " + std::to_string(count[Phase::cancelled]) + " cancelled";
  line += ", " + std::to_string(count[Phase::converting]) + " converting";
  return clip(line, width - 1);
}

namespace {

class NoProgress final : public Progress {
 public:
  void changed(const std::vector<Task>&, std::optional<std::size_t>) override {}
};

class BarProgress final : public Progress {
 public:
  explicit BarProgress(Terminal& terminal) : terminal_(terminal) {}
  void changed(const std::vector<Task>& tasks, std::optional<std::size_t>) override {
    const auto now = Clock::now();
    const bool all_over = std::all_of(tasks.begin(), tasks.end(), [](const Task& task) { return is_over(task.phase); });
    if (!all_over && now - drawn_at_ < std::chrono::milliseconds(100)) return;
    drawn_at_ = now;
    ++frame_;
    std::vector<std::string> lines;
    if (tasks.size() > 8)
      lines.push_back(render_total(tasks, terminal_.width()));
    else
      for (const Task& task : tasks) lines.push_back(paint(task, render_bar(task, terminal_.width(), frame_, now)));
    terminal_.draw(lines);
  }
  void hide() override {
    terminal_.erase();
    drawn_at_ = {};
  }

 private:
  std::string paint(const Task& task, const std::string& line) const {
    if (task.phase == Phase::done) return terminal_.paint(Color::green, line);
    if (task.phase == Phase::failed) return terminal_.paint(Color::red, line);
    return task.phase == Phase::cancelled ? terminal_.paint(Color::yellow, line) : line;
  }
  Terminal& terminal_;
  Clock::time_point drawn_at_;
  int frame_ = 0;
};

// One line per state change, and one every ten seconds of work.
class PlainProgress final : public Progress {
 public:
  explicit PlainProgress(Terminal& terminal) : terminal_(terminal) {}
  void changed(const std::vector<Task>& tasks, std::optional<std::size_t> index) override {
    const auto now = Clock::now();
    for (std::size_t i = index.value_or(0); i < (index ? *index + 1 : tasks.size()); ++i) say(tasks[i], said_[i], now);
  }

 private:
  struct Said {
    std::string state;
    Clock::time_point at;
  };
  void say(const Task& task, Said& said, Clock::time_point now) {
    const std::string state = std::to_string(static_cast<int>(task.phase)) +
                              (task.status ? std::string(shared::to_string(task.status->status)) : "") +
                              task.stage_name;
    const bool due = task.phase == Phase::converting && now - said.at > std::chrono::seconds(10);
    if ((state == said.state && !due) || task.phase == Phase::waiting) return;
    said = {state, now};
    const std::string percent = percent_text(task);
    terminal_.write(printable(task.name) + ": " + (percent.empty() ? "" : percent + " ") +
                    printable(describe(task, now)) + "\n");
  }
  Terminal& terminal_;
  std::map<std::size_t, Said> said_;
};

// NDJSON of status objects.
class JsonProgress final : public Progress {
 public:
  explicit JsonProgress(Terminal& terminal) : terminal_(terminal) {}
  void changed(const std::vector<Task>& tasks, std::optional<std::size_t> index) override {
    if (!index || !tasks[*index].status) return;
    const Task& task = tasks[*index];
    const auto known = revs_.find(*index);
    if (known != revs_.end() && known->second == task.status->rev) return;
    revs_[*index] = task.status->rev;
    shared::Json json = shared::to_json(*task.status);
    json.set("schema", "convctl.v1/conversion").set("input", task.name);
    terminal_.write(json.dump() + "\n");
  }

 private:
  Terminal& terminal_;
  std::map<std::size_t, std::int64_t> revs_;
};

}  // namespace

std::unique_ptr<Progress> make_progress(ProgressMode mode, Terminal& terminal) {
  if (mode == ProgressMode::automatic) mode = terminal.can_redraw() ? ProgressMode::bar : ProgressMode::plain;
  if (mode == ProgressMode::bar && !terminal.can_redraw()) mode = ProgressMode::plain;
  if (mode == ProgressMode::bar) return std::make_unique<BarProgress>(terminal);
  if (mode == ProgressMode::plain) return std::make_unique<PlainProgress>(terminal);
  if (mode == ProgressMode::json) return std::make_unique<JsonProgress>(terminal);
  return std::make_unique<NoProgress>();
}

}  // namespace convctl
