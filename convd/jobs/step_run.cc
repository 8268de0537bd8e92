#include "convd/jobs/step_run.h"

#include <utility>

namespace convd::jobs {
namespace {

constexpr std::size_t tail_bytes = 8192;
// An idle program still wakes up now and then; less than this between two reports is no sign of life.
constexpr std::int64_t least_cpu_ms = 10;

void append_tail(std::string& tail, std::string_view bytes) {
  if (bytes.size() >= tail_bytes) {
    tail = bytes.substr(bytes.size() - tail_bytes);
    return;
  }
  tail += bytes;
  if (tail.size() > tail_bytes) tail.erase(0, tail.size() - tail_bytes);
}

}  // namespace

StepRun::StepRun(loop::Loop& loop, process::Spawner& spawner, loop::milliseconds stall_timeout, Hooks hooks)
    : loop_(loop), spawner_(spawner), stall_timeout_(stall_timeout), hooks_(std::move(hooks)) {}

StepRun::~StepRun() {
  *alive_ = false;
  if (child_ == 0) return;
  if (running_) {
    spawner_.forget(child_);
  } else {
    spawner_.release(child_);
  }
}

void StepRun::start(const process::ChildSpec& spec, std::unique_ptr<engines::ProgressReader> reader) {
  runner_was_away_ = !spawner_.state().connected;
  reader_ = std::move(reader);
  started_ = loop_.now();
  touch();
  running_ = true;
  child_ = spawner_.start(spec, *this);
  watch_for_stall(stall_timeout_);
}

void StepRun::kill(KillCause cause) {
  if (!running_ || cause_ != KillCause::none) return;
  cause_ = cause;
  stall_.reset();
  spawner_.kill(child_);
}

loop::milliseconds StepRun::elapsed() const {
  return std::chrono::duration_cast<loop::milliseconds>((running_ ? loop_.now() : ended_) - started_);
}

void StepRun::watch_for_stall(loop::milliseconds delay) {
  stall_ = loop_.after(delay, [this] {
    const auto idle = std::chrono::duration_cast<loop::milliseconds>(loop_.now() - last_sign_);
    if (idle >= stall_timeout_) {
      kill(KillCause::stalled);
    } else {
      watch_for_stall(stall_timeout_ - idle);
    }
  });
}

void StepRun::on_output(process::Stream stream, std::string_view bytes) {
  touch();
  append_tail(stream == process::Stream::out ? out_tail_ : err_tail_, bytes);
  if (!reader_) return;
  reader_->feed(stream, bytes, [this](const engines::Progress& progress) {
    has_measured_ = has_measured_ || !progress.blind;
    hooks_.progress(progress);
  });
  if (!has_early_page_ && reader_->facts().has_early_page) {
    has_early_page_ = true;
    hooks_.early_page();
  }
}

void StepRun::on_usage(std::int64_t cpu_ms) {
  if (cpu_ms < cpu_ms_ + least_cpu_ms) return;
  cpu_ms_ = cpu_ms;
  touch();
}

void StepRun::on_exit(const process::Exit& exit) {
  running_ = false;
  ended_ = loop_.now();
  exit_ = exit;
  runner_was_away_ = runner_was_away_ || !spawner_.state().connected;
  stall_.reset();
  loop_.post([this, alive = alive_] {
    if (!*alive) return;
    over_ = true;
    hooks_.ended();
  });
}

}  // namespace convd::jobs
