#include "convctl/watch_run.h"

#include <algorithm>
#include <memory>

#include "convctl/watcher.h"

namespace convctl {
namespace {

// Whoever waits for the end wants no progress.
constexpr std::chrono::milliseconds seldom{10'000};

// Main thread only.
class WatchRun {
 public:
  WatchRun(Session& session, const std::vector<std::string>& ids, Show show)
      : session_(session), ids_(ids), show_(show), watchers_(ids.size()), exits_(ids.size()) {
    const bool silent = show == Show::nothing || session.globals().quiet || session.globals().json;
    progress_ = make_progress(silent ? ProgressMode::none : session.globals().progress, session.err());
    for (const std::string& id : ids) tasks_.emplace_back().name = id;
  }

  Exit run() {
    Client& client = session_.client();
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      watchers_[i] = std::make_unique<Watcher>(
          client, ids_[i], show_ == Show::nothing ? seldom : session_.interval(),
          Watcher::Events{[this, i](const shared::StatusObject& object) { changed(i, object); },
                          [this, i](const Failure& failure) { failed(i, failure); }});
    }
    tick();
    try {
      client.loop().run_until(
          [this] { return std::all_of(exits_.begin(), exits_.end(), [](auto& exit) { return exit.has_value(); }); });
    } catch (Failure& failure) {
      progress_->hide();
      if (failure.exit >= Exit::timeout) failure.hint = "still running: `convctl watch" + unfinished() + "`";
      throw;
    }
    std::vector<Exit> all;
    for (const auto& exit : exits_) all.push_back(*exit);
    return combine(all);
  }

 private:
  void tick() {
    progress_->changed(tasks_, std::nullopt);
    ticker_ = session_.client().loop().after(std::chrono::milliseconds(100), [this] { tick(); });
  }

  void changed(std::size_t i, const shared::StatusObject& object) {
    Task& task = tasks_[i];
    task.phase = Phase::converting;
    if (!object.filename.empty()) task.name = object.filename;
    update(task, object, Clock::now());
    const bool over = is_terminal(object.status);
    if (over) {
      exits_[i] = exit_for(object);
      task.phase = object.status == shared::Status::completed ? Phase::done
                   : object.status == shared::Status::error   ? Phase::failed
                                                              : Phase::cancelled;
      task.outcome = object.error.value_or(std::string(shared::to_string(object.status)));
    }
    progress_->changed(tasks_, i);
    const bool to_print = session_.globals().json && (over || show_ == Show::live);
    if (to_print)
      session_.print_json_line(shared::to_json(object), "conversion");
    else if (over && show_ == Show::nothing && !session_.globals().quiet)
      session_.print(ids_[i] + "\t" + task.outcome + "\n");
    if (over && object.status == shared::Status::error) complain(i, object);
  }

  void complain(std::size_t i, const shared::StatusObject& object) {
    progress_->hide();
    std::string message = object.error.value_or("the conversion failed");
    if (object.error_info) message += " (" + std::string(shared::to_string(object.error_info->code)) + ")";
    session_.complain({exit_for(object), message, ""}, ids_[i]);
  }

  void failed(std::size_t i, const Failure& failure) {
    // A daemon that cannot be reached is one sentence, not one for every id.
    if (failure.exit == Exit::unavailable && !tasks_[i].status) throw failure;
    exits_[i] = failure.exit;
    tasks_[i].phase = Phase::failed;
    tasks_[i].outcome = failure.message;
    progress_->changed(tasks_, i);
    progress_->hide();
    session_.complain(failure, ids_[i]);
  }

  std::string unfinished() const {
    std::string list;
    for (std::size_t i = 0; i < ids_.size(); ++i)
      if (!exits_[i]) list += " " + ids_[i];
    return list;
  }

  Session& session_;
  const std::vector<std::string>& ids_;
  Show show_;
  std::vector<Task> tasks_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
  std::vector<std::optional<Exit>> exits_;
  std::unique_ptr<Progress> progress_;
  ClientLoop::TimerHandle ticker_;
};

}  // namespace

Exit watch_all(Session& session, const std::vector<std::string>& ids, Show show) {
  return WatchRun(session, ids, show).run();
}

}  // namespace convctl
