#pragma once
// The inside of Manager: the conversions that live, the queue, and the one way in which a change becomes true (commit).

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "convd/jobs/attempt.h"
#include "convd/jobs/deadlines.h"
#include "convd/jobs/disk.h"
#include "convd/jobs/drain_rate.h"
#include "convd/jobs/estimator.h"
#include "convd/jobs/fonts.h"
#include "convd/jobs/job.h"
#include "convd/jobs/manager.h"
#include "convd/jobs/probe.h"
#include "convd/jobs/quarantine.h"
#include "convd/jobs/queue.h"
#include "convd/jobs/quota.h"
#include "convd/jobs/request.h"
#include "convd/jobs/result_check.h"
#include "convd/jobs/retention.h"
#include "convd/jobs/slots.h"
#include "convd/jobs/sweep.h"
#include "convd/jobs/twins.h"
#include "convd/jobs/uuid.h"
#include "convd/jobs/waiting_room.h"

namespace convd::jobs {

QuarantineRules quarantine_rules(const Settings& settings);

// Loop thread only.
class Manager::Impl {
 public:
  Impl(loop::Loop& loop, store::Store& store, engines::Registry& registry, process::Spawner& spawner,
       events::Board& board, Settings settings, std::uint64_t seed);
  ~Impl();

  // Manager's own verbs; see there.
  void recover(std::function<void(shared::Result<void>)> done);
  void submit(Submission submission, Accepted done);
  shared::Result<shared::StatusObject> status(const std::string& org, const std::string& id);
  shared::Result<Page<shared::StatusObject>> list(const ListRequest& request);
  void cancel(const std::string& org, const std::string& id, Accepted done);
  void retry(const std::string& org, const std::string& principal, const std::string& id, Accepted done);
  void remove(const std::string& org, const std::string& id, std::function<void(shared::Result<void>)> done);
  shared::Result<ResultHandle> result(const std::string& org, const std::string& id, const std::string& name);
  shared::Result<shared::Receipt> receipt(const std::string& org, const std::string& id);
  shared::Result<ResultHandle> early_page(const std::string& org, const std::string& id);
  bool remembers(const std::string& org, const std::string& idempotency_key);
  void fetch_result(const std::string& org, const std::string& id, const std::string& name, Fetched done);
  shared::Result<std::unique_ptr<store::Upload>> begin_upload(const std::string& org, UploadFor purpose,
                                                              std::optional<std::int64_t> total_bytes);
  void put_document(const std::string& org, const std::string& name, std::unique_ptr<store::Upload> upload,
                    std::function<void(shared::Result<DocumentInfo>)> done);
  shared::Result<DocumentInfo> document(const std::string& org, const std::string& name);
  shared::Result<loop::UniqueFd> open_document(const std::string& org, const std::string& name);
  Page<DocumentInfo> documents(const std::string& org, const std::string& after, int limit);
  void remove_document(const std::string& org, const std::string& name, std::function<void(shared::Result<void>)> done);
  Capacity capacity() const;
  OrgLoad load(const std::string& org) const;
  std::vector<QueuePlace> places(const std::string& org, int limit) const;
  std::int64_t room_ms(const std::string& org) const;
  OrgUsage usage(const std::string& org) const;
  StorageFacts storage() const;
  std::optional<std::int64_t> oldest_waiting_ms() const;
  std::vector<std::pair<std::string, std::string>> problems() const;
  void drain(loop::milliseconds patience, std::function<void()> drained);
  void set(const Settings& settings);
  bool ask_for(Operation operation, std::function<void()> idle);
  OperationState operation() const;
  std::optional<std::int64_t> idle_in_ms() const;
  Activity activity(const std::string& org) const;

 private:
  friend class Manager;

  using Ended = std::function<void(shared::Result<Job>)>;
  // A conversion that has not ended. Ended ones are read from the store.
  struct Live {
    Job job;  // as committed, and the progress of the running attempt
    Cost cost;
    std::string engine;  // the first step's, for the counters
    std::unique_ptr<Attempt> attempt;
    loop::Timer timer;  // back-off before the next run, or before a commit is tried again
    bool committing = false;
    bool cancel_wanted = false;
    int most_at_once = 1;  // that had a slot during its run
    int lost_runs = 0;
    double blame = 0;                         // for runners lost: a whole one for each that it had for itself
    std::optional<loop::TimePoint> deadline;  // in the queue, for the first run
    int queued_priority = 0;                  // in the queue; that of its twins may be higher than its own
    bool takes_lead = false;                  // its leader has left, and it is yet to be queued
    bool ends_alone = false;                  // how it ends is no matter of its twins
    std::shared_ptr<const Job> source;        // has ended; its end becomes this one's
    Reuse reuse = Reuse::none;                // what `source` is to it
    loop::Timer telling;                      // until its followers are told of progress
    std::int64_t waiting_since_ms = 0;
    std::vector<Ended> waiters;
  };
  // A change of one conversion on its way to the store: the row and its event in one transaction.
  struct Change {
    Job next;
    std::vector<store::RuntimeRow> runtimes;
    Quarantine::Rows poisons;
    std::function<void(Live&)> then;  // not called for a terminal change, nor when a cancel came meanwhile
  };
  // A document on its way into the library.
  struct Arrival {
    store::DocumentRow row;
    std::shared_ptr<store::Upload> upload;
    std::string replaced;  // the blob its name meant before, may be empty
  };
  struct Admission {
    Job job;
    std::optional<Arrival> arrival;
    Cost cost;
    std::string engine;
    std::optional<store::IdempotencyRow> key;
    std::function<void()> replayed;
    std::optional<Job> source;             // has the result, if that is still whole
    std::optional<shared::Error> refused;  // the answer when it is not

    // What has become of it on the store's threads.
    std::optional<shared::ResultInfo> inherited;
    std::optional<store::IdempotencyRow> earlier;  // has the key
  };
  struct Repetition {
    Submission submission;
    Accepted done;
  };

  // What a start finds in the store.
  struct Found {
    std::vector<Job> changed;  // rows to write
    std::vector<Job> waiting;  // to be queued
  };

  // submission.cc
  std::optional<shared::Error> refusal(const std::string& org) const;
  shared::Result<Admission> prepare(Submission submission);
  void admit(Admission admission, Accepted done);
  static shared::Result<void> prepare_files(store::Files& files, Admission& admission);  // may block
  static shared::Result<void> write(store::Transaction& transaction, store::Files& files, Admission& admission,
                                    std::int64_t keys_since_ms);  // store thread
  void admitted(Admission& admission, const Accepted& done);

  // idempotency.cc
  std::optional<store::IdempotencyRow> remembered(const std::string& org, const std::string& key);
  bool is_repetition(Submission& submission, Accepted& done);
  store::IdempotencyRow key_row(const Submission& submission, const std::string& input_sha256, const Job& job) const;
  void repeat(const store::IdempotencyRow& asked, const store::IdempotencyRow& earlier,
              const std::function<void()>& replayed, const Accepted& done);
  void repeat_waiting(const Admission& first);
  std::int64_t keys_since_ms() const;
  void prune_keys();

  // reuse.cc
  std::optional<std::string> reuse_key_of(const Job& job, const Route& route);
  std::optional<Job> stored_result_for(const Job& job);
  void served(Admission& admission, const Accepted& done);
  void join_twins(Live& live);
  const Live* leader_of(const Live& live) const;
  void attend_soon(const std::string& id);
  void attend_some();
  void attend(Live& live);
  void follow(Live& live, const Live& leader);
  void take_lead(Live& live);
  void leave_twins(const std::string& id);
  void bequeath(const Live& live);
  void take_inheritance(Live& live);
  void inherited(const std::string& id, shared::Result<shared::ResultInfo> result);
  bool keep_up(Live& follower);
  void tell_followers(const std::string& leader);

  // lifecycle.cc
  Live& adopt(Job job);
  void enqueue(Live& live);
  void stand_in_line(Live& live);
  void stand_in_line_anew();
  void leave_queue(Live& live);
  void dispatch();
  bool can_run();
  void begin(Live& live);
  void launch(Live& live);
  void release_slot(Live& live);
  int running() const { return static_cast<int>(running_.size()); }
  void reported(const std::string& id, const ProgressReport& report);
  void add_to_receipt(Job& job, AttemptRecord record);
  void commit_cancel(Live& live);
  void arm_deadline();
  void deadlines_passed();
  std::optional<loop::TimePoint> deadline_of(const Job& job, std::int64_t wall_ms) const;

  // settling.cc
  void attempt_ended(const std::string& id, Outcome outcome);
  void settle(Live& live, Outcome outcome);
  void settle_interruption(Live& live, Outcome outcome);
  void settle_failure(Live& live, Outcome outcome);
  void run_again(Live& live, Requeue why, loop::milliseconds delay, std::string message, Outcome outcome);
  loop::milliseconds jitter(int failures, std::int64_t cap_ms);
  EngineVersion version_of(const std::string& engine) const;
  static EngineVersion runner_version();
  Quarantine::Rows hear(const Live& live, const Outcome& outcome);
  std::optional<Quarantine::Refusal> kept_away(const Job& job) const;
  void end_unrun(Live& live, const shared::ErrorInfo& info, std::string sentence);
  void end_kept_away(Live& live, Quarantine::Refusal refusal);

  // commit.cc
  void commit(Live& live, Change change);
  void committed(const std::string& id, Change change);
  void refused(const std::string& id, Change change);
  void not_committed(const std::string& id, Change change, const shared::Error& error);
  void retire(const std::string& id);
  void count_end(const Live& live);
  void publish(const Live& live, events::Urgency urgency);

  // operation.cc
  std::optional<shared::Error> closed() const;
  bool is_idle() const;

  // activity.cc
  Activity::Rate rates_over(std::chrono::seconds window) const;

  // recovery.cc
  void check_drained();
  void patience_is_over();
  bool has_unstored_changes() const;
  void take_up(Found& found);

  // results.cc
  shared::Result<Job> find(const std::string& org, const std::string& id);
  void remove_ended(const Job& job, std::function<void(shared::Result<void>)> done);
  void remove_files(const std::string& id, std::function<void(shared::Result<void>)> done);
  void drop_run(const Job& job);

  // load.cc
  shared::StatusObject computed(const Live& live) const;
  std::optional<QueuePlace> place_of(const Live& live) const;
  Cost cost_now(const Live& live) const;
  static SlotLimits slot_limits(const Settings& settings);
  Room line_of(Length length) const;
  std::optional<std::int64_t> wait_ms(const Ahead& ahead, Room line) const;
  std::optional<double> work_ms(const Ahead& ahead, Room line) const;
  int waiting_of(const std::string& org) const;
  std::int64_t steady_ms() const;

  // storage.cc
  std::function<shared::Result<void>(std::int64_t)> gate_of(const std::string& org);

  // documents.cc
  Arrival arrival(const std::string& org, const std::string& name, std::shared_ptr<store::Upload> upload,
                  const std::string& format);
  static void write_arrival(store::Transaction& transaction, const Arrival& arrival);  // store thread
  void arrived(const Arrival& arrival);
  DocumentInfo info(const store::DocumentRow& row);

  std::int64_t wall_ms() const;
  Live* live(const std::string& id);
  // A callback that is dropped once this object is gone.
  template <typename F>
  auto guarded(F call) {
    return [alive = alive_, call = std::move(call)](auto&&... args) mutable {
      if (*alive) call(std::forward<decltype(args)>(args)...);
    };
  }

  loop::Loop& loop_;
  store::Store& store_;
  engines::Registry& registry_;
  process::Spawner& spawner_;
  events::Board& board_;
  Settings settings_;
  Planner planner_;
  Estimator estimator_;
  Quarantine quarantine_;
  Queue queue_;
  Slots slots_;
  DrainRate drain_rate_;
  Twins twins_;
  Probe probe_;
  Fonts fonts_;
  Disk disk_;
  Quota quota_;
  Retention retention_;
  Sweep sweep_;
  ResultCheck result_check_;
  UuidSource ids_;
  std::mt19937_64 random_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  std::unordered_map<std::string, std::unique_ptr<Live>> live_;
  WaitingRoom waiting_;
  WaitingRoom following_;                 // those whose twin runs
  Deadlines deadlines_;                   // of those that never ran
  std::map<std::string, int> accepting_;  // submissions on their way to the store, by org
  int accepting_all_ = 0;
  std::map<std::pair<std::string, std::string>, std::string> arriving_;  // (org, name) -> blob on its way to the store
  // Submissions on their way to the store by (org, idempotency key), and those that say the same meanwhile.
  std::map<std::pair<std::string, std::string>, std::vector<Repetition>> repeated_;
  std::deque<std::string> to_attend_;
  std::vector<Live*> running_;  // those that hold a slot
  int committing_ = 0;
  bool recovered_ = false;
  bool draining_ = false;
  bool patience_over_ = false;
  Operation operation_ = Operation::running;
  std::int64_t operation_since_ms_ = 0;
  std::function<void()> drained_;
  std::function<void()> idle_;
  loop::Timer patience_;
  loop::Timer runner_poll_;
  loop::Timer deadline_;
  loop::Timer pruning_;
  Counters counters_;
  Rate accepted_rate_;
  std::map<shared::Status, Rate> ended_rates_;
};

}  // namespace convd::jobs
