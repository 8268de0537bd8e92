#pragma once
// The inside of Manager: the conversions that live, the queue, and the one way in which a change becomes true (commit).

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "convd/jobs/attempt.h"
#include "convd/jobs/estimator.h"
#include "convd/jobs/job.h"
#include "convd/jobs/manager.h"
#include "convd/jobs/probe.h"
#include "convd/jobs/queue.h"
#include "convd/jobs/request.h"
#include "convd/jobs/uuid.h"
#include "convd/jobs/waiting_room.h"

namespace convd::jobs {

// Loop thread only.
class Manager::Impl {
 public:
  Impl(loop::Loop& loop, store::Store& store, engines::Registry& registry, process::Spawner& spawner,
       events::Board& board, Settings settings);
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
  shared::Result<std::unique_ptr<store::Upload>> begin_upload();
  void put_document(const std::string& org, const std::string& name, std::unique_ptr<store::Upload> upload,
                    std::function<void(shared::Result<DocumentInfo>)> done);
  shared::Result<DocumentInfo> document(const std::string& org, const std::string& name);
  shared::Result<loop::UniqueFd> open_document(const std::string& org, const std::string& name);
  Page<DocumentInfo> documents(const std::string& org, const std::string& after, int limit);
  void remove_document(const std::string& org, const std::string& name, std::function<void(shared::Result<void>)> done);
  Capacity capacity() const;
  OrgLoad load(const std::string& org) const;
  std::optional<std::int64_t> oldest_waiting_ms() const;
  std::vector<std::pair<std::string, std::string>> problems() const;
  void drain(loop::milliseconds patience, std::function<void()> drained);

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
    int lost_runs = 0;
    std::int64_t waiting_since_ms = 0;
    std::vector<Ended> waiters;
  };
  // A change of one conversion on its way to the store: the row and its event in one transaction.
  struct Change {
    Job next;
    std::vector<store::RuntimeRow> runtimes;
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
  };

  // What a start finds in the store.
  struct Found {
    std::vector<Job> changed;  // rows to write
    std::vector<Job> waiting;  // to be queued
  };

  // submission.cc
  std::optional<shared::Error> refusal(const std::string& org) const;
  std::optional<shared::Error> disk_refusal() const;
  shared::Result<Admission> prepare(Submission submission);
  void admit(Admission admission, Accepted done);
  void admitted(Admission& admission, const Accepted& done);

  // lifecycle.cc
  Live& adopt(Job job);
  void enqueue(Live& live);
  void leave_queue(Live& live);
  void dispatch();
  bool can_run();
  void begin(Live& live);
  void launch(Live& live);
  void release_slot(Live& live);
  int running() const { return static_cast<int>(running_.size()); }
  void reported(const std::string& id, const ProgressReport& report);
  void attempt_ended(const std::string& id, Outcome outcome);
  void add_to_receipt(Job& job, std::vector<shared::ReceiptStep> steps);
  void settle(Live& live, Outcome outcome);
  void settle_failure(Live& live, Outcome outcome);
  void run_again(Live& live, Requeue why, loop::milliseconds delay, std::string message,
                 std::vector<store::RuntimeRow> runtimes);
  void commit_cancel(Live& live);
  void arm_deadline();
  void deadlines_passed();
  loop::milliseconds jitter(int failures);

  // commit.cc
  void commit(Live& live, Change change);
  void committed(const std::string& id, Change change);
  void refused(const std::string& id);
  void not_committed(const std::string& id, Change change, const shared::Error& error);
  void retire(const std::string& id);
  void count_end(const Live& live);
  void publish(const Live& live, events::Urgency urgency);
  void note_store(const shared::Result<void>& outcome);

  // recovery.cc
  void sweep();
  void check_drained();
  void patience_is_over();
  bool has_unstored_changes() const;
  void take_up(Found& found);

  // results.cc
  shared::Result<Job> find(const std::string& org, const std::string& id);
  shared::StatusObject computed(const Live& live) const;
  std::optional<std::int64_t> wait_ms(std::int64_t ahead) const;
  void remove_ended(const Job& job, std::function<void(shared::Result<void>)> done);
  void remove_files(const std::string& id, std::function<void(shared::Result<void>)> done);

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
  const Settings settings_;
  Planner planner_;
  Estimator estimator_;
  Queue queue_;
  Probe probe_;
  UuidSource ids_;
  std::mt19937_64 random_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  std::unordered_map<std::string, std::unique_ptr<Live>> live_;
  WaitingRoom waiting_;
  std::set<std::pair<std::int64_t, std::string>> deadlines_;  // of those that never ran
  std::map<std::string, int> accepting_;                      // submissions on their way to the store, by org
  int accepting_all_ = 0;
  std::map<std::pair<std::string, std::string>, std::string> arriving_;  // (org, name) -> blob on its way to the store
  std::vector<Live*> running_;                                           // those that hold a slot
  int committing_ = 0;
  bool recovered_ = false;
  bool draining_ = false;
  bool patience_over_ = false;
  std::string store_problem_;
  std::function<void()> drained_;
  loop::Timer patience_;
  loop::Timer runner_poll_;
  loop::Timer deadline_;
  Counters counters_;
};

}  // namespace convd::jobs
