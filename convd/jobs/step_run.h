#pragma once
// One child of one attempt: its output, its progress, and the watch over a child that does nothing any more.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "convd/engines/engine.h"
#include "convd/loop/loop.h"
#include "convd/process/spawner.h"

namespace convd::jobs {

// Why we killed it; `none` when it ended by itself.
enum class KillCause : std::uint8_t { none, stopped, timed_out, stalled, too_many_pages };

// Destroying it releases the child's workspace, or kills and forgets a child that runs. Loop thread only.
class StepRun final : public process::ChildListener {
 public:
  struct Hooks {
    std::function<void(const engines::Progress&)> progress;
    std::function<void()> early_page;  // once, as soon as it can be opened
    std::function<void()> ended;       // in a loop turn of its own, never from within start()
  };
  StepRun(loop::Loop& loop, process::Spawner& spawner, loop::milliseconds stall_timeout, Hooks hooks);
  ~StepRun() override;
  StepRun(const StepRun&) = delete;
  StepRun& operator=(const StepRun&) = delete;

  // Once. `reader` may be null.
  void start(const process::ChildSpec& spec, std::unique_ptr<engines::ProgressReader> reader);
  // The first cause stands. No effect after the end.
  void kill(KillCause cause);

  process::ChildId child() const { return child_; }
  bool is_running() const { return running_; }
  bool is_over() const { return over_; }  // `ended` has been called
  // Whether the engine has told how far it is.
  bool has_measured() const { return has_measured_; }
  loop::milliseconds elapsed() const;
  // After `ended`.
  const process::Exit& exit() const { return exit_; }
  // At the start or at the end of the run; a new one may have come since.
  bool runner_was_away() const { return runner_was_away_; }
  KillCause cause() const { return cause_; }
  const std::string& out_tail() const { return out_tail_; }
  const std::string& err_tail() const { return err_tail_; }
  // As far as the engine has told by now.
  std::optional<std::int64_t> pages() const { return reader_ ? reader_->facts().pages : std::nullopt; }
  engines::RunFacts facts() const { return reader_ ? reader_->facts() : engines::RunFacts{}; }

  void on_output(process::Stream stream, std::string_view bytes) override;
  void on_usage(std::int64_t cpu_ms) override;
  void on_exit(const process::Exit& exit) override;

 private:
  void touch() { last_sign_ = loop_.now(); }
  void watch_for_stall(loop::milliseconds delay);

  loop::Loop& loop_;
  process::Spawner& spawner_;
  loop::milliseconds stall_timeout_;
  Hooks hooks_;
  std::unique_ptr<engines::ProgressReader> reader_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  process::ChildId child_ = 0;
  bool running_ = false;
  bool over_ = false;
  bool runner_was_away_ = false;
  bool has_measured_ = false;
  bool has_early_page_ = false;
  KillCause cause_ = KillCause::none;
  process::Exit exit_;
  std::string out_tail_;
  std::string err_tail_;
  std::int64_t cpu_ms_ = 0;
  loop::TimePoint started_;
  loop::TimePoint ended_;
  loop::TimePoint last_sign_;
  loop::Timer stall_;
};

}  // namespace convd::jobs
