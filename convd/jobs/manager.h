#pragma once
// The facade of jobs/: submit, watch, cancel, fetch. Everything above (HTTP, WebSocket) goes through here.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convd/engines/registry.h"
#include "convd/events/board.h"
#include "convd/jobs/activity.h"
#include "convd/jobs/planner.h"
#include "convd/jobs/uuid.h"
#include "convd/loop/loop.h"
#include "convd/process/font_set.h"
#include "convd/process/spawner.h"
#include "convd/store/store.h"
#include "shared/json.h"
#include "shared/protocol.h"
#include "shared/receipt.h"
#include "shared/result.h"

namespace convd::jobs {

// What the children of one runner are enough for (runner/confinement.h), with some left to be asked for their version.
inline constexpr int most_slots = 192;
inline constexpr int most_short_slots = 32;

// Every limit has its line in convd.conf(5).
struct Settings {
  // Who may run beside whom is said in jobs/slots.h. The configuration's default of short_slots is 1.
  int slots = 2;                           // conversions of any length that run at once
  int short_slots = 0;                     // beyond them, only for short ones
  std::int64_t short_cost_ms = 2'000;      // what is estimated to take no longer is short
  int slots_per_org = 0;                   // conversions of one org that run at once; 0: as many as there are
  std::map<std::string, int> org_weights;  // share of service, 1-100; 1 for orgs that are not here
  int queue_limit = 100'000;               // waiting conversions in all: queue_full beyond
  int queue_limit_per_org = 50'000;
  std::int64_t attempt_timeout_ms = 300'000;
  std::int64_t stall_timeout_ms = 60'000;
  int attempts = 3;                    // failed runs before a retryable error is final
  std::int64_t retry_base_ms = 1'000;  // full jitter between 0 and base * 2^n, at most retry_cap_ms
  std::int64_t retry_cap_ms = 300'000;
  int quarantine_crashes = 3;                   // of one engine on one document, which is kept from it then; 0: never
  std::int64_t quarantine_ms = 24 * 3'600'000;  // how long
  std::int64_t input_bytes = std::int64_t{1} << 30;
  std::int64_t output_bytes = std::int64_t{2} << 30;
  int output_files = 5'000;
  inspect::Limits input_limits;
  bool reuse = true;                         // the result of the same work, done or under way, is used again
  std::int64_t idempotency_ms = 86'400'000;  // how long an idempotency key is kept
  std::vector<std::string> font_roots = process::font_directories();  // where the fonts of engines are
  std::int64_t disk_floor_bytes = 256 << 20;  // below this much free space new work is refused: disk_full

  // How long things are kept; 0: for ever.
  std::int64_t keep_results_ms = std::int64_t{7} * 86'400'000;   // since the end of the conversion
  std::int64_t results_bytes = std::int64_t{20} << 30;           // all results together; 0: no limit
  std::int64_t keep_documents_ms = 0;                            // since they were stored or converted last
  std::int64_t keep_history_ms = std::int64_t{90} * 86'400'000;  // ended conversions, with notes and results
  std::int64_t org_quota_bytes = 0;                              // documents and results of one org; 0: no limit
  std::map<std::string, std::int64_t> org_quotas;                // of those orgs that have one of their own
};

struct Submission {
  std::string org;
  std::string principal;
  std::string filename;                    // a document of the library, or the name of `upload`
  std::unique_ptr<store::Upload> upload;   // becomes that document
  std::optional<std::string> from;         // default: by the filename
  std::optional<std::string> to;           // default: md with prompt_mode or a PDF, else pdf
  std::optional<std::string> prompt_mode;  // one of prompt_modes()
  shared::Json options = shared::Json::object();
  std::map<std::string, std::string> labels;
  int priority = 5;                         // 0-9, 9 first
  std::optional<std::int64_t> deadline_ms;  // from now, in the queue
  std::optional<std::int64_t> attempt_timeout_ms;
  std::optional<std::int64_t> stall_timeout_ms;
  bool reuse = true;                           // false: a run of its own, whatever there is
  std::optional<std::string> idempotency_key;  // the same again within Settings::idempotency_ms starts nothing
  std::function<void()> replayed;              // called before the answer when that is of an earlier submission
};

struct ListRequest {
  std::string org;
  std::optional<shared::Status> status;
  std::optional<std::string> filename;
  std::string before;  // id; empty is from the newest
  int limit = 50;      // 1-500
};

struct DocumentInfo {
  std::string name;
  std::string media_type;
  std::int64_t size_bytes = 0;
  std::string sha256;
  std::string created_at;
  std::optional<std::string> last_conversion;
  std::optional<shared::Status> last_status;
};

shared::Json to_json(const DocumentInfo& document);

template <typename T>
struct Page {
  std::vector<T> items;
  std::optional<std::string> next;  // cursor of the next page; nothing at the end
};

struct ResultHandle {
  shared::ResultFile file;
  loop::UniqueFd fd;
};

// What operators may ask for. Nothing of it is kept over a restart: a daemon that starts runs.
enum class Operation : std::uint8_t {
  running,
  paused,    // accepts, starts nothing; what runs goes on
  draining,  // accepts nothing either
};

struct OperationState {
  Operation operation = Operation::running;
  std::int64_t since_ms = 0;  // wall time
  bool stopping = false;      // told to end: draining for good
  bool idle = false;          // nothing runs, and nothing is being written
};

struct Capacity {
  int slots = 0;
  int short_slots = 0;
  int running = 0;        // of both classes
  int running_short = 0;  // those that count as short: neither guessed nor seen to take longer
  int waiting = 0;
  std::optional<std::int64_t> wait_ms;  // estimated wait of one behind everything; nothing when not known
  bool accepting = true;
};

// The part of one org in it.
struct OrgLoad {
  int running = 0;
  int waiting = 0;
  std::optional<std::int64_t> wait_ms;  // estimated wait of one more of this org; nothing when not known
  bool accepting = true;                // whether a conversion of this org would be taken now
};

// Where one that is queued stands, as in its status object.
struct QueuePlace {
  std::string id;
  std::int64_t position = 0;
  std::optional<std::int64_t> eta_ms;  // until its end
};

// What an org stores, and how much it may.
struct OrgUsage {
  store::Usage stored;
  std::int64_t uploading_bytes = 0;  // on their way
  std::int64_t quota_bytes = 0;      // 0: no limit
};

// What is stored in all, and what has been removed since the start of the daemon.
struct StorageFacts {
  store::Usage stored;
  std::int64_t free_bytes = 0;
  bool accepting = true;                                // the disk has room for new work
  bool reserve_spent = false;                           // so full that the space held back for it was given away
  std::map<std::string, std::int64_t> results_removed;  // by retention, by reason: "age", "size"
  std::int64_t documents_removed = 0;                   // by retention
  std::int64_t conversions_removed = 0;                 // by retention
  std::map<std::string, std::int64_t> leftovers;        // removed: "upload", "result", "blob"
  std::int64_t results_damaged = 0;                     // asked for, and not served
};

// Counters for /metrics, all since the start of the daemon.
struct Counters {
  struct Key {
    std::string engine;   // the first step's engine
    std::string outcome;  // completed, error, cancelled
    auto operator<=>(const Key&) const = default;
  };
  std::int64_t submitted = 0;
  std::map<Key, std::int64_t> finished;
  std::map<std::string, std::int64_t> errors;              // by code
  std::map<std::string, std::vector<double>> durations_s;  // engine -> recent samples; see api/metrics for the buckets
  std::int64_t attempts = 0;
  std::int64_t retries = 0;
  std::int64_t recovered = 0;     // conversions found running at start
  std::int64_t reused_cache = 0;  // completed with the result of an earlier conversion
  std::int64_t reused_run = 0;    // completed by the run of another one
  std::int64_t replays = 0;       // submissions answered by their idempotency key
};

const std::vector<std::string>& prompt_modes();

// Errors: invalid_filename. The rule of the original contract, in one place.
shared::Result<void> check_filename(std::string_view filename);

// Loop thread only.
class Manager {
 public:
  // All that is drawn at random (ids, pauses before another run) follows from `seed`.
  Manager(loop::Loop& loop, store::Store& store, engines::Registry& registry, process::Spawner& spawner,
          events::Board& board, Settings settings, std::uint64_t seed = random_seed());
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // Start-up: unfinished conversions are queued again, what was running with attempt + 1 and rev + 2^20; leftovers are
  // swept. `done` once everything found is durable; conversions run from then on.
  void recover(std::function<void(shared::Result<void>)> done);

  // `done` after the commit, with the status object as accepted. Errors before anything is stored: invalid_filename,
  // document_not_found, unsupported_conversion, invalid_option, queue_full, shutting_down, disk_full, quota_exceeded,
  // unavailable, input_too_large, idempotency_mismatch (another request had the key). A repetition is answered with how
  // the first one stands now, also when nothing new is accepted.
  using Accepted = std::function<void(shared::Result<shared::StatusObject>)>;
  void submit(Submission submission, Accepted done);

  // Of another org or absent: conversion_not_found, the same.
  shared::Result<shared::StatusObject> status(const std::string& org, const std::string& id);
  shared::Result<Page<shared::StatusObject>> list(const ListRequest& request);
  // Ends in `cancelled` once the tree is dead. Errors: conversion_not_found, already_finished.
  void cancel(const std::string& org, const std::string& id, Accepted done);
  // A new conversion of the same input, target and options, with retry_of, and with a run that is not over. Errors:
  // conversion_not_found, document_not_found (the input is gone), invalid_option (it had a password, which is not
  // kept), and those of submit.
  void retry(const std::string& org, const std::string& principal, const std::string& id, Accepted done);
  // Cancels first when it runs; then the row and the results go.
  void remove(const std::string& org, const std::string& id, std::function<void(shared::Result<void>)> done);
  // `name` empty: the one file or the zip. Errors: conversion_not_found, not_finished, not_found, result_gone with when
  // and why, result_damaged (not there, or not of its size).
  shared::Result<ResultHandle> result(const std::string& org, const std::string& id, const std::string& name);
  // The same, its bytes compared with their digest: at once, or, for the first time, after they have been read through.
  // Errors: also result_damaged.
  using Fetched = std::function<void(shared::Result<ResultHandle>)>;
  void fetch_result(const std::string& org, const std::string& id, const std::string& name, Fetched done);
  // What has run so far. Errors: conversion_not_found.
  shared::Result<shared::Receipt> receipt(const std::string& org, const std::string& id);
  // A picture of the first page, from when an engine has made it; the file's sha256 is empty. Errors:
  // conversion_not_found, not_found while there is none.
  shared::Result<ResultHandle> early_page(const std::string& org, const std::string& id);

  // Whether the org has used the key for a submission that may be repeated.
  bool remembers(const std::string& org, const std::string& idempotency_key);

  // Documents. `begin_upload` refuses when nothing more can be stored now (disk_full, shutting_down), or not so much by
  // this org (quota_exceeded); so does the upload itself, as it grows. `total_bytes` when it is known before. Bytes of
  // a repetition are wanted while shutting down, too: only they tell that it is one.
  enum class UploadFor : std::uint8_t { new_work, repetition };
  shared::Result<std::unique_ptr<store::Upload>> begin_upload(const std::string& org,
                                                              UploadFor purpose = UploadFor::new_work,
                                                              std::optional<std::int64_t> total_bytes = {});
  void put_document(const std::string& org, const std::string& name, std::unique_ptr<store::Upload> upload,
                    std::function<void(shared::Result<DocumentInfo>)> done);
  shared::Result<DocumentInfo> document(const std::string& org, const std::string& name);
  shared::Result<loop::UniqueFd> open_document(const std::string& org, const std::string& name);
  Page<DocumentInfo> documents(const std::string& org, const std::string& after, int limit);
  void remove_document(const std::string& org, const std::string& name, std::function<void(shared::Result<void>)> done);

  const Planner& planner() const;
  const engines::Registry& registry() const;
  events::Board& board();  // topics are conversion ids, frames are status objects
  const Settings& settings() const;
  Capacity capacity() const;
  OrgLoad load(const std::string& org) const;
  // The first `limit` of the org that are queued, in its order.
  std::vector<QueuePlace> places(const std::string& org, int limit) const;
  // Estimated time until a conversion of this org, refused with queue_full, would find room in the queue, by the rate
  // at which the queue empties; 0 when it would now.
  std::int64_t room_ms(const std::string& org) const;
  OrgUsage usage(const std::string& org) const;
  StorageFacts storage() const;
  // disk_full when nothing new may be stored now.
  std::optional<shared::Error> disk_refusal() const;
  const Counters& counters() const;
  std::optional<std::int64_t> oldest_waiting_ms() const;
  // Why the daemon is not ready, for /readyz: nothing when it is. Checks: store, runner, sandbox, disk, draining.
  std::vector<std::pair<std::string, std::string>> problems() const;
  process::RunnerState runner_state() const;

  // In force at once, also for what waits and, but for limits of a started attempt, for what runs.
  void set(const Settings& settings);

  // Each returns whether it has changed anything; the last one counts. Without effect once drain() was called.
  bool pause();
  bool resume();
  // `idle` once, when nothing runs any more; not when resume() or pause() came before.
  bool drain_and_stay(std::function<void()> idle);
  bool paused() const;
  OperationState operation() const;
  // How long what runs will take; nothing when that is not known.
  std::optional<std::int64_t> idle_in_ms() const;
  // What goes on, for GET /v1/activity. `org` empty: of all; else names of that one only.
  Activity activity(const std::string& org) const;

  // No new work; running conversions finish. `drained` when nothing runs, or when `patience` is over: what still ran is
  // killed and queued for the next start, not counted as failed.
  void drain(loop::milliseconds patience, std::function<void()> drained);
  bool draining() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convd::jobs
