#pragma once
// One run of one conversion: checks the input, walks the route step by step, publishes the result. Knows nothing of
// rows, retries or watchers; what became of it is a value.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convd/jobs/attempt_receipt.h"
#include "convd/jobs/estimator.h"
#include "convd/jobs/job.h"
#include "convd/jobs/planner.h"
#include "convd/jobs/publisher.h"
#include "convd/jobs/step_run.h"
#include "convd/jobs/track.h"
#include "convd/loop/loop.h"
#include "convd/process/spawner.h"
#include "convd/store/store.h"

namespace convd::jobs {

struct AttemptPlan {
  std::string id;
  int attempt = 1;  // from 1
  std::string filename;
  std::string input_sha256;
  std::int64_t input_bytes = 0;
  std::string to;
  Route route;  // at least one step
  engines::Options options;
  loop::milliseconds attempt_timeout{0};
  loop::milliseconds stall_timeout{0};
  std::int64_t output_bytes = 0;
  int output_files = 0;
  inspect::Limits input_limits;
  int processes = 1;  // the most that an engine may use side by side for one long document
};

struct Outcome {
  enum class Kind : std::uint8_t {
    completed,    // `result` is sealed in the store
    failed,       // `error` with a job code; `stage` names the engine
    interrupted,  // the runner went away: says nothing about the document
    stopped,      // by stop()
  };
  Kind kind = Kind::interrupted;
  bool lost = false;  // interrupted in the middle of a run that had begun
  shared::ResultInfo result;
  shared::Error error;
  std::string stage;
  std::vector<store::RuntimeRow> runtimes;  // of the steps that succeeded
  AttemptRecord receipt;
};

// Destroying it kills what runs and tells nobody. Loop thread only.
class Attempt {
 public:
  struct World {
    loop::Loop& loop;
    store::Store& store;
    process::Spawner& spawner;
    const Estimator& estimator;
    const engines::FormatTable& formats;
  };
  struct Hooks {
    std::function<void(const ProgressReport&)> progress;
    std::function<void(Outcome)> ended;  // once, in a loop turn of its own; may destroy the attempt
  };
  Attempt(World world, AttemptPlan plan, Hooks hooks);
  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  void start();
  // Ends in `stopped` once the process tree is dead, at once when none runs. No effect after the end.
  void stop();

  // Remaining time, from measured progress or past runs; nothing when neither says.
  std::optional<std::int64_t> eta_ms() const;
  // A picture of the first page; no descriptor before there is one.
  const loop::UniqueFd& early_page() const { return early_page_; }

 private:
  void time_is_up();
  void run_step(loop::UniqueFd input);
  std::string inspection() const;
  process::ChildSpec child_spec(const engines::Task& task, const engines::Command& command, int input) const;
  void step_ended();
  void step_failed(Outcome outcome);
  void step_succeeded(std::vector<process::OutputFile> outputs);
  void hand_over(const std::string& output);
  void publish(std::vector<process::OutputFile> outputs);
  std::vector<process::OutputFile> matching_outputs() const;
  void open_early_page();
  std::vector<std::string_view> secrets() const;
  std::optional<Outcome> unnatural_end() const;
  std::optional<shared::Error> diagnosis(bool has_output) const;
  void measured(const engines::Progress& progress);
  bool has_too_many_pages() const;
  void estimate();
  std::optional<std::int64_t> expected_step_ms() const;
  Outcome timed_out() const;
  Outcome not_fetched(const shared::Error& why, shared::Error error) const;
  Outcome failure(shared::Error error) const;
  void end(Outcome outcome);
  const RouteStep& step() const { return plan_.route[index_]; }
  bool is_last() const { return index_ + 1 == plan_.route.size(); }

  World world_;
  AttemptPlan plan_;
  Hooks hooks_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Track track_;
  std::size_t index_ = 0;
  std::int64_t step_bytes_ = 0;  // of what the current step reads
  engines::Task task_;
  std::string outputs_glob_;
  bool needs_warm_office_ = false;
  std::unique_ptr<StepRun> run_;
  std::unique_ptr<Publisher> publisher_;
  std::vector<store::RuntimeRow> runtimes_;
  AttemptReceipt receipt_;
  loop::UniqueFd early_page_;
  loop::TimePoint started_;
  loop::Timer timeout_;
  loop::Timer estimate_;
  bool stopping_ = false;
  bool ended_ = false;
};

}  // namespace convd::jobs
