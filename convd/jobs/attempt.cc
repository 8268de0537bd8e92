#include "convd/jobs/attempt.h"

#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "convd/engines/formats.h"
#include "convd/inspect/inspection.h"
#include "convd/jobs/log.h"
#include "convd/jobs/naming.h"
#include "convd/jobs/presentable.h"
#include "convd/jobs/step_options.h"
#include "convd/loop/crash_point.h"

namespace convd::jobs {
namespace {

using shared::Error;
using shared::ErrorCode;

constexpr loop::milliseconds estimate_period{250};
constexpr std::string_view source_stem = "source";

std::string seconds(loop::milliseconds ms) {
  return std::to_string((ms.count() + 999) / 1000) + " s";
}

// The tighter of an engine's own limit and the daemon's; zero is no limit.
template <typename T>
T tighter(T own, T most) {
  return own > 0 && own < most ? own : most;
}

// What an engine refuses is the document's fault when it says so; an option that got this far is ours.
Error job_error(Error error) {
  if (error.code != ErrorCode::input_invalid && error.code != ErrorCode::input_encrypted)
    error.code = ErrorCode::engine_failed;
  return error;
}

// As the receipt says it.
std::string_view fate(const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::completed:
      return "ok";
    case Outcome::Kind::failed:
      return shared::to_string(outcome.error.code);
    case Outcome::Kind::interrupted:
      return shared::to_string(ErrorCode::interrupted);
    case Outcome::Kind::stopped:
      break;
  }
  return "stopped";
}

std::string first_bytes(int fd) {
  std::array<char, 4096> bytes;
  const ssize_t count = ::pread(fd, bytes.data(), bytes.size(), 0);
  return {bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

std::int64_t size_of(int fd) {
  struct stat facts {};
  return ::fstat(fd, &facts) == 0 ? facts.st_size : 0;
}

}  // namespace

Attempt::Attempt(World world, AttemptPlan plan, Hooks hooks)
    : world_(world),
      plan_(std::move(plan)),
      hooks_(std::move(hooks)),
      track_(plan_.route, plan_.filename),
      receipt_(world_.loop, plan_.route) {}

Attempt::~Attempt() {
  *alive_ = false;
}

void Attempt::start() {
  started_ = world_.loop.now();
  receipt_.begins();
  auto input = world_.store.files().open_blob(plan_.input_sha256);
  if (!input) return end(failure({ErrorCode::internal, "The stored input can no longer be read", {}}));
  receipt_.input_is_checked();
  timeout_ = world_.loop.after(plan_.attempt_timeout, [this] { time_is_up(); });
  run_step(*std::move(input));
}

void Attempt::time_is_up() {
  if (run_ && run_->is_running()) return run_->kill(KillCause::timed_out);
  // A run that has ended is first judged by how: it may have been lost or stopped, which is no failure.
  if (run_ && !run_->is_over()) {
    timeout_ = world_.loop.after(loop::milliseconds(0), [this] { time_is_up(); });
    return;
  }
  end(timed_out());
}

// Asked where the engine runs: nothing here reads what strangers have made. What later steps get has been made by an
// engine, within its limits.
std::string Attempt::inspection() const {
  const engines::Format* claimed = world_.formats.find(step().from);
  if (claimed == nullptr || index_ > 0) return {};
  return inspect::encode({engines::claim_of(*claimed), plan_.options.contains("password"), plan_.input_limits});
}

void Attempt::run_step(loop::UniqueFd input) {
  hooks_.progress(track_.enter(index_));
  step_bytes_ = index_ == 0 ? plan_.input_bytes : size_of(input.get());
  const std::string name = result_name(source_stem, step().from, 1, 1);
  task_ = {step().from,
           step().to,
           "/in/" + name,
           std::string(source_stem),
           step_options(plan_.route, index_, plan_.options),
           first_bytes(input.get()),
           plan_.input_limits};
  const auto command = step().engine->command(task_);
  if (!command) return end(failure(job_error(command.error())));
  outputs_glob_ = command->outputs;
  needs_warm_office_ = command->needs_warm_office;
  // Never from within a callback of the run that is replaced here.
  run_ = std::make_unique<StepRun>(world_.loop, world_.spawner, plan_.stall_timeout,
                                   StepRun::Hooks{[this](const engines::Progress& progress) { measured(progress); },
                                                  [this] { open_early_page(); }, [this] { step_ended(); }});
  run_->start(child_spec(task_, *command, input.get()), command->progress ? command->progress() : nullptr);
  if (expected_step_ms()) estimate_ = world_.loop.every(estimate_period, [this] { estimate(); });
}

process::ChildSpec Attempt::child_spec(const engines::Task& task, const engines::Command& command, int input) const {
  process::ChildSpec spec;
  spec.job = plan_.id + "/" + step().engine->name();
  spec.argv = command.argv;
  spec.env = command.env;
  spec.inputs = {{task.input.substr(task.input.rfind('/') + 1), input}};
  spec.files = command.files;
  spec.read_only = command.read_only;
  spec.limits = command.limits;
  spec.limits.output_bytes = tighter(command.limits.output_bytes, plan_.output_bytes);
  spec.limits.output_files = tighter(command.limits.output_files, plan_.output_files);
  spec.inspection = inspection();
  spec.family = command.family;
  spec.office = command.office;
  if (spec.office) {
    spec.office->processes = plan_.processes;
    spec.office->inspection = spec.inspection;
  }
  spec.needs_warm_office = command.needs_warm_office;
  return spec;
}

void Attempt::measured(const engines::Progress& progress) {
  if (ended_) return;
  if (has_too_many_pages()) return run_->kill(KillCause::too_many_pages);
  hooks_.progress(track_.measured(progress));
}

bool Attempt::has_too_many_pages() const {
  const std::int64_t most = plan_.input_limits.input_pages;
  return most > 0 && run_->pages().value_or(0) > most;
}

void Attempt::estimate() {
  const auto expected = expected_step_ms();
  if (!expected || run_->has_measured()) return estimate_.reset();
  hooks_.progress(track_.estimated(estimated_share(run_->elapsed().count(), *expected)));
}

std::optional<std::int64_t> Attempt::expected_step_ms() const {
  return world_.estimator.step_ms(step(), step_bytes_);
}

std::optional<std::int64_t> Attempt::eta_ms() const {
  if (publisher_) return 0;
  const auto elapsed = std::chrono::duration_cast<loop::milliseconds>(world_.loop.now() - started_).count();
  const double share = track_.share();
  if (share >= 0.05 && run_ && run_->has_measured()) {
    return static_cast<std::int64_t>(static_cast<double>(elapsed) * (1 - share) / share);
  }
  const auto expected = expected_step_ms();
  if (!expected || !run_) return std::nullopt;
  double after = 0;
  for (std::size_t i = index_ + 1; i < plan_.route.size(); ++i) after += plan_.route[i].weight;
  const double scale = step().weight > 0 ? after / step().weight : 0;
  const auto rest = std::max<std::int64_t>(0, *expected - run_->elapsed().count());
  return rest + static_cast<std::int64_t>(static_cast<double>(*expected) * scale);
}

std::vector<process::OutputFile> Attempt::matching_outputs() const {
  std::vector<process::OutputFile> outputs;
  for (const process::OutputFile& output : run_->exit().outputs) {
    if (::fnmatch(outputs_glob_.c_str(), output.name.c_str(), FNM_PERIOD) == 0) outputs.push_back(output);
  }
  return outputs;
}

void Attempt::step_ended() {
  if (ended_) return;
  estimate_.reset();
  receipt_.step_ends(step(), *run_, secrets());
  if (auto outcome = unnatural_end()) return step_failed(*std::move(outcome));
  auto outputs = matching_outputs();
  if (auto error = diagnosis(!outputs.empty())) return step_failed(failure(*std::move(error)));
  step_succeeded(std::move(outputs));
}

void Attempt::step_failed(Outcome outcome) {
  receipt_.step_failed(fate(outcome));
  end(std::move(outcome));
}

// Kept open: the step's workspace goes before the conversion ends.
void Attempt::open_early_page() {
  world_.spawner.open_output(run_->child(), std::string(process::early_page_name),
                             [this, alive = alive_](shared::Result<loop::UniqueFd> fd) {
                               if (!*alive || ended_) return;
                               if (!fd) return log()->warn("{}: the early page: {}", plan_.id, fd.error().message);
                               early_page_ = *std::move(fd);
                             });
}

std::optional<Outcome> Attempt::unnatural_end() const {
  const auto outcome = [](Outcome::Kind kind) {
    Outcome value;
    value.kind = kind;
    return value;
  };
  const std::string title = step().engine->title();
  const process::Exit& exit = run_->exit();
  if (stopping_) return outcome(Outcome::Kind::stopped);
  if (exit.end == process::End::lost) {
    Outcome lost = outcome(Outcome::Kind::interrupted);
    lost.lost = true;
    return lost;
  }
  if (run_->cause() == KillCause::timed_out) {
    return timed_out();
  }
  if (run_->cause() == KillCause::stalled) {
    return failure({ErrorCode::stalled, title + " did nothing for " + seconds(plan_.stall_timeout), run_->err_tail()});
  }
  // Also when it has told so with its last words.
  if (has_too_many_pages()) {
    return failure({ErrorCode::input_too_large,
                    "The document has " + std::to_string(*run_->pages()) + " pages, more than " +
                        std::to_string(plan_.input_limits.input_pages) + " (input_pages)",
                    {}});
  }
  switch (exit.end) {
    case process::End::killed:
      return outcome(Outcome::Kind::interrupted);
    case process::End::not_started:
      if (run_->runner_was_away()) return outcome(Outcome::Kind::interrupted);
      log()->error("{}: {} could not be started: {}", plan_.id, step().engine->name(), exit.reason);
      // The engine knows what was asked that only a warm one can do. One that came meanwhile serves the next attempt.
      if (needs_warm_office_ && !world_.spawner.state().office_warm) return std::nullopt;
      return failure({ErrorCode::internal, title + " could not be started", {}});
    case process::End::out_of_memory:
      return failure({ErrorCode::out_of_memory, title + " needed more memory than it may have", run_->err_tail()});
    case process::End::output_limit:
      return failure({ErrorCode::output_too_large, "The result is larger than allowed", run_->err_tail()});
    default:
      return std::nullopt;
  }
}

std::optional<Error> Attempt::diagnosis(bool has_output) const {
  const process::Exit& exit = run_->exit();
  if (exit.end == process::End::exited && exit.status == inspect::refused_exit) {
    if (auto refused = inspect::refusal_in(run_->err_tail())) return refused;
  }
  // Whatever the engine says: many do not look whether what they have written got there.
  if (exit.disk_full) return Error{ErrorCode::internal, "The disk of the server is full", run_->err_tail()};
  auto error = step().engine->diagnose(task_, {exit, run_->out_tail(), run_->err_tail(), has_output});
  if (error) return error;
  const std::string title = step().engine->title();
  if (exit.end == process::End::signalled) {
    return Error{ErrorCode::engine_crashed, title + " crashed (signal " + std::to_string(exit.status) + ")",
                 run_->err_tail()};
  }
  if (!has_output) return Error{ErrorCode::engine_failed, title + " made no output", run_->err_tail()};
  return std::nullopt;
}

void Attempt::step_succeeded(std::vector<process::OutputFile> outputs) {
  runtimes_.push_back({step().engine->name(), step().from, step().to, step_bytes_, run_->elapsed().count()});
  if (is_last()) return publish(std::move(outputs));
  if (outputs.size() > 1) {
    return end(failure({ErrorCode::internal,
                        step().engine->title() + " made " + std::to_string(outputs.size()) +
                            " files where one is needed for the next step",
                        {}}));
  }
  hand_over(outputs.front().name);
}

void Attempt::hand_over(const std::string& output) {
  world_.spawner.open_output(run_->child(), output, [this, alive = alive_](shared::Result<loop::UniqueFd> fd) {
    if (!*alive || ended_) return;
    if (!fd) return end(not_fetched(fd.error(), {ErrorCode::internal, "The output of a step could not be read", {}}));
    ++index_;
    run_step(*std::move(fd));
  });
}

void Attempt::publish(std::vector<process::OutputFile> outputs) {
  loop::crash_point("attempt.before_publish");
  timeout_.reset();
  hooks_.progress(track_.finishing());
  const engines::Format* format = world_.formats.find(plan_.to);
  Publication publication;
  publication.id = plan_.id;
  publication.attempt = plan_.attempt;
  publication.child = run_->child();
  publication.outputs = std::move(outputs);
  publication.stem = result_stem(plan_.filename);
  publication.extension = plan_.to;
  publication.media_type = format == nullptr ? "application/octet-stream" : format->media_type;
  publication.most_bytes = plan_.output_bytes;
  publication.early_page = loop::duplicate(early_page_);
  publisher_ = std::make_unique<Publisher>(world_.store, world_.spawner, std::move(publication),
                                           [this](shared::Result<shared::ResultInfo> result) {
                                             loop::crash_point("attempt.published");
                                             if (!result) return end(not_fetched(result.error(), result.error()));
                                             Outcome outcome;
                                             outcome.kind = Outcome::Kind::completed;
                                             outcome.result = *std::move(result);
                                             end(std::move(outcome));
                                           });
  receipt_.publishing_begins();
  publisher_->start();
}

void Attempt::stop() {
  if (ended_ || stopping_) return;
  stopping_ = true;
  if (run_ && run_->is_running()) return run_->kill(KillCause::stopped);
  Outcome outcome;
  outcome.kind = Outcome::Kind::stopped;
  end(std::move(outcome));
}

Outcome Attempt::timed_out() const {
  return failure({ErrorCode::timed_out, "The conversion took longer than " + seconds(plan_.attempt_timeout),
                  run_ ? run_->err_tail() : std::string()});
}

std::vector<std::string_view> Attempt::secrets() const {
  std::vector<std::string_view> values;
  for (const auto& [name, value] : plan_.options) {
    if (engines::is_secret(name)) values.push_back(value);
  }
  return values;
}

// A runner that goes takes along what its children have made: that says nothing about the document.
Outcome Attempt::not_fetched(const Error& why, Error error) const {
  if (why.code == ErrorCode::interrupted) return {};
  return failure(std::move(error));
}

Outcome Attempt::failure(Error error) const {
  const auto hidden = secrets();
  Outcome outcome;
  outcome.kind = Outcome::Kind::failed;
  outcome.error = {error.code, presentable(error.message, hidden), presentable(error.detail, hidden)};
  outcome.stage = step().engine->name();
  return outcome;
}

void Attempt::end(Outcome outcome) {
  if (ended_) return;
  ended_ = true;
  timeout_.reset();
  estimate_.reset();
  outcome.runtimes = std::move(runtimes_);
  outcome.receipt = receipt_.take(fate(outcome));
  world_.loop.post([this, alive = alive_, outcome = std::move(outcome)]() mutable {
    if (!*alive) return;
    const auto ended = std::move(hooks_.ended);
    ended(std::move(outcome));
  });
}

}  // namespace convd::jobs
