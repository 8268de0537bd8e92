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
#include "convd/jobs/planner.h"
#include "convd/loop/loop.h"
#include "convd/process/spawner.h"
#include "convd/store/store.h"
#include "shared/json.h"
#include "shared/protocol.h"
#include "shared/receipt.h"
#include "shared/result.h"

namespace convd::jobs {

// Every limit has its line in convd.conf(5).
struct Settings {
  int slots = 2;              // conversions that run at once
  int queue_limit = 100'000;  // waiting conversions in all: queue_full beyond
  int queue_limit_per_org = 50'000;
  std::int64_t attempt_timeout_ms = 300'000;
  std::int64_t stall_timeout_ms = 60'000;
  int attempts = 3;                    // failed runs before a retryable error is final
  std::int64_t retry_base_ms = 1'000;  // full jitter between 0 and base * 2^n, at most retry_cap_ms
  std::int64_t retry_cap_ms = 300'000;
  std::int64_t input_bytes = std::int64_t{1} << 30;
  std::int64_t output_bytes = std::int64_t{2} << 30;
  int output_files = 5'000;
  std::int64_t disk_floor_bytes = 256 << 20;  // below this much free space new work is refused: disk_full
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

struct Capacity {
  int slots = 0;
  int running = 0;
  int waiting = 0;
  std::optional<std::int64_t> wait_ms;  // estimated wait of a new conversion; nothing when not known
  bool accepting = true;
};

// The part of one org in it.
struct OrgLoad {
  int running = 0;
  int waiting = 0;
  bool accepting = true;  // whether a conversion of this org would be taken now
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
  std::int64_t recovered = 0;  // conversions found running at start
};

const std::vector<std::string>& prompt_modes();

// Errors: invalid_filename. The rule of the original contract, in one place.
shared::Result<void> check_filename(std::string_view filename);

// Loop thread only.
class Manager {
 public:
  Manager(loop::Loop& loop, store::Store& store, engines::Registry& registry, process::Spawner& spawner,
          events::Board& board, Settings settings);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // Start-up: unfinished conversions are queued again, what was running with attempt + 1 and rev + 2^20; leftovers are
  // swept. `done` once everything found is durable; conversions run from then on.
  void recover(std::function<void(shared::Result<void>)> done);

  // `done` after the commit, with the status object as accepted. Errors before anything is stored: invalid_filename,
  // document_not_found, unsupported_conversion, invalid_option, queue_full, shutting_down, disk_full, unavailable,
  // input_too_large.
  using Accepted = std::function<void(shared::Result<shared::StatusObject>)>;
  void submit(Submission submission, Accepted done);

  // Of another org or absent: conversion_not_found, the same.
  shared::Result<shared::StatusObject> status(const std::string& org, const std::string& id);
  shared::Result<Page<shared::StatusObject>> list(const ListRequest& request);
  // Ends in `cancelled` once the tree is dead. Errors: conversion_not_found, already_finished.
  void cancel(const std::string& org, const std::string& id, Accepted done);
  // A new conversion of the same input, target and options, with retry_of. Errors: conversion_not_found,
  // document_not_found (the input is gone), invalid_option (it had a password, which is not kept), and those of submit.
  void retry(const std::string& org, const std::string& principal, const std::string& id, Accepted done);
  // Cancels first when it runs; then the row and the results go.
  void remove(const std::string& org, const std::string& id, std::function<void(shared::Result<void>)> done);
  // `name` empty: the one file or the zip. Errors: conversion_not_found, not_finished, result_gone, not_found.
  shared::Result<ResultHandle> result(const std::string& org, const std::string& id, const std::string& name);
  // What has run so far. Errors: conversion_not_found.
  shared::Result<shared::Receipt> receipt(const std::string& org, const std::string& id);
  // A picture of the first page, from when an engine has made it; the file's sha256 is empty. Errors:
  // conversion_not_found, not_found while there is none.
  shared::Result<ResultHandle> early_page(const std::string& org, const std::string& id);

  // Documents. `begin_upload` refuses when nothing more can be stored now (disk_full, shutting_down).
  shared::Result<std::unique_ptr<store::Upload>> begin_upload();
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
  const Counters& counters() const;
  std::optional<std::int64_t> oldest_waiting_ms() const;
  // Why the daemon is not ready, for /readyz: nothing when it is. Checks: store, runner, sandbox, disk, draining.
  std::vector<std::pair<std::string, std::string>> problems() const;
  process::RunnerState runner_state() const;

  // No new work; running conversions finish. `drained` when nothing runs, or when `patience` is over: what still ran is
  // killed and queued for the next start, not counted as failed.
  void drain(loop::milliseconds patience, std::function<void()> drained);
  bool draining() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convd::jobs
