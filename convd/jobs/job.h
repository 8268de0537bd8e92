#pragma once
// A conversion as jobs/ knows it while it lives, and the one table of what may happen to it. Pure: no clock, no store.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "convd/engines/engine.h"
#include "shared/protocol.h"
#include "shared/receipt.h"

namespace convd::jobs {

// Raised at recovery: progress is not durable, so what watchers saw before a crash must have had a smaller rev.
inline constexpr std::int64_t recovery_rev_step = std::int64_t{1} << 20;

// Times are milliseconds since the Unix epoch.
struct Job {
  std::string id;
  std::string org;
  std::string principal;
  std::string filename;
  std::string from;
  std::string to;
  engines::Options options;  // with the passwords: to_row() empties them after the end
  std::map<std::string, std::string> labels;
  std::optional<std::string> retry_of;
  std::optional<std::string> prompt_mode;
  std::string input_sha256;
  std::int64_t input_bytes = 0;
  int priority = 5;
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> deadline_ms;
  std::optional<std::int64_t> attempt_timeout_ms;
  std::optional<std::int64_t> stall_timeout_ms;

  shared::Status status = shared::Status::pending;
  std::int64_t rev = 0;
  int attempt = 0;   // runs begun
  int failures = 0;  // failed runs
  int progress = 0;
  std::string message;
  std::optional<std::int64_t> started_ms;
  std::optional<std::int64_t> completed_ms;
  std::optional<shared::Stage> stage;  // only while processing
  std::optional<std::string> error;
  std::optional<shared::ErrorInfo> error_info;
  std::optional<shared::ResultInfo> result;
  shared::ReceiptRecord receipt;
  std::optional<std::string> reuse_key;    // nothing: its result is nobody else's
  std::optional<std::string> served_from;  // the conversion whose result it was given
  std::optional<std::int64_t> result_gone_ms;
  std::optional<std::string> result_gone_why;  // why_old or why_too_much of retention.h
};

// How far a run is, as watchers see it.
struct ProgressReport {
  int progress = 0;
  std::string message;
  shared::Stage stage;
};

// Why a run ended without an end of the conversion.
enum class Requeue : std::uint8_t {
  failed,       // counts towards the limit of attempts
  interrupted,  // the daemon, the runner or a drain: does not count
};

// Where a result came from that the conversion's own runs have not made.
enum class Reuse : std::uint8_t {
  none,
  cache,  // from one that had completed before
  run,    // from the run of a twin
};
Reuse reused(const Job& job);

// The transitions. Each returns whether it is allowed from the job's status; when it is not, the job is untouched. Each
// raises rev by one.
//   pending    -> processing (start), completed (inherit), error (a deadline, a route that is gone), cancelled
//   processing -> pending (requeue, recover), completed, error, cancelled
[[nodiscard]] bool start(Job& job, std::int64_t now_ms, shared::Stage stage, std::string message);
[[nodiscard]] bool requeue(Job& job, Requeue why, std::string message);
[[nodiscard]] bool complete(Job& job, shared::ResultInfo result, std::int64_t now_ms);
// With what `source` has come to: `result` holds its files under names of the job's own. No run of its own is needed.
[[nodiscard]] bool inherit(Job& job, const Job& source, shared::ResultInfo result, Reuse reuse, std::int64_t now_ms);
// `sentence` is for people. The run counts as failed when there was one.
[[nodiscard]] bool fail(Job& job, shared::ErrorInfo info, std::string sentence, std::int64_t now_ms);
[[nodiscard]] bool cancel(Job& job, std::int64_t now_ms);
// What a start of the daemon makes of a row found processing: pending again, rev raised by recovery_rev_step.
[[nodiscard]] bool recover(Job& job);

// Takes a report of the running attempt: progress never goes back and stays below 100. Returns whether anything a
// watcher sees has changed (then rev has grown by one).
[[nodiscard]] bool report(Job& job, const ProgressReport& report);

}  // namespace convd::jobs
