#include "tests/simulation/ledger.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <utility>

#include "shared/json.h"
#include "tests/simulation/documents.h"

namespace simulation {
namespace {

constexpr std::int64_t most_eta_ms = std::int64_t{30} * 24 * 3600 * 1000;

bool is_terminal(const std::string& status) {
  return status == "completed" || status == "error" || status == "cancelled";
}

std::int64_t rev_of(const convd::store::EventRow& event) {
  const std::string key = "\"rev\":";
  const auto at = event.data_json.find(key);
  return at == std::string::npos ? -1 : std::stoll(event.data_json.substr(at + key.size()));
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  for (off_t at = 0;;) {
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), at);
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    at += count;
  }
}

}  // namespace

void Ledger::check(bool holds, std::string_view promise, std::string_view detail) {
  if (!holds && !breach_) breach_ = Breach{std::string(promise), std::string(detail)};
}

void Ledger::will_hold(const std::string& content) {
  contents_.emplace(sha256_of(content), content);
}

std::string Ledger::org_of(const std::string& id) const {
  const auto found = records_.find(id);
  return found == records_.end() ? std::string() : found->second.org;
}

void Ledger::accepted(const std::string& org, const shared::StatusObject& object) {
  Record& record = records_[object.id];
  check(record.stored, "accepted means durable", object.id);
  record.org = org;
  record.answered = true;
}

void Ledger::cancelled(const std::string& id) {
  const Record& record = records_[id];
  check(!record.stored || record.status == "cancelled", "a cancel that was answered is durable",
        id + " is " + record.status);
}

void Ledger::removed(const std::string& id) {
  Record& record = records_[id];
  record.removed = true;
  check(!record.stored, "what was removed is gone", id);
}

void Ledger::read(const shared::StatusObject& object, const convd::jobs::Capacity& capacity) {
  Record& record = records_[object.id];
  const bool terminal = shared::is_terminal(object.status);
  check(object.rev >= record.seen_rev, "rev never goes back", object.id + " as read");
  check(terminal || !record.seen_terminal, "a status never leaves its end", object.id + " as read");
  check(!terminal || (record.rev == object.rev && record.status == shared::to_string(object.status)),
        "nothing is seen before it is true", object.id + " as read");
  check(object.progress >= 0 && object.progress <= 100, "progress is a percentage", object.id);
  if (object.position) {
    check(object.status == shared::Status::pending && *object.position >= 1 && *object.position <= capacity.waiting,
          "a position is a place in the queue", object.id + " at " + std::to_string(*object.position));
  }
  if (object.eta_ms) {
    check(*object.eta_ms >= 0 && *object.eta_ms < most_eta_ms, "an eta is a time to come",
          object.id + " in " + std::to_string(*object.eta_ms) + " ms");
  }
  record.seen_rev = object.rev;
  record.seen_terminal = terminal;
}

void Ledger::run_started(const std::string& id, const std::string& from, const std::string& input) {
  say("a run begins: " + id + " from " + from);
  Record& record = records_[id];
  check(!record.runs, "a conversion runs once at a time", id);
  check(record.stored && record.status == "processing", "what runs is known to run",
        id + " is " + (record.stored ? record.status : "gone"));
  const auto row = store_.rows().find(id);
  if (row != store_.rows().end() && row->second.from == from)
    check(input == contents_[row->second.input_sha256], "an engine is given the document that was sent", id);
  record.runs = true;
  record.last_sign = loop_.now();
  if (std::exchange(record.started_attempt, record.attempt) != record.attempt) record.started = loop_.now();
}

// By us: a timeout, a cancel, the end of a drain.
void Ledger::run_killed(const std::string& id) {
  say("its run is killed: " + id);
  Record& record = records_[id];
  if (record.may_be_killed) return;
  if (draining_until_ && loop_.now() >= *draining_until_) return;
  run_failed(id);
  const auto row = store_.rows().find(id);
  if (row == store_.rows().end()) return;
  const convd::loop::milliseconds stall(row->second.stall_timeout_ms.value_or(settings_.stall_timeout_ms));
  check(loop_.now() - record.last_sign >= stall || is_late(record, row->second), "nothing is killed that had time", id);
}

bool Ledger::is_late(const Record& record, const convd::store::ConversionRow& row) const {
  const convd::loop::milliseconds most(row.attempt_timeout_ms.value_or(settings_.attempt_timeout_ms));
  return loop_.now() - record.started >= most;
}

void Ledger::run_ended(const std::string& id, std::string_view how) {
  records_[id].runs = false;
  say("its run " + std::string(how) + ": " + id);
}

void Ledger::died() {
  draining_until_.reset();
  for (auto& [id, record] : records_) record.runs = record.may_be_killed = false;
}

void Ledger::committed() {
  for (const auto& [id, row] : store_.rows()) {
    Record& record = records_[id];
    if (!record.stored || record.rev != row.rev || record.status != row.status || record.attempt != row.attempt ||
        record.failures != row.failures)
      row_changed(record, row);
  }
  for (auto& [id, record] : records_) {
    const bool stored = store_.rows().contains(id);
    check(stored || !record.stored || record.remove_asked, "what was accepted is not lost", id);
    check(!stored || !record.removed, "what was removed does not come back", id);
    record.stored = stored;
  }
  for (const auto& event : store_.take_events()) {
    if (event.service == "conversion") appended(event);
  }
  for (const auto& [id, record] : records_)
    check(!record.stored || (record.event_rev == record.rev && record.event == record.status),
          "events tell what is stored", id + " is " + record.status + ", its event was " + record.event);
  check_blobs();
  check_keys();
}

void Ledger::row_changed(Record& record, const convd::store::ConversionRow& row) {
  if (!record.stored) {
    record.org = row.org;
    check(row.status == "pending" || row.served_from, "a conversion begins by waiting, or has all it needs", row.id);
  } else {
    check(!is_terminal(record.status), "a row that has ended is not written again",
          row.id + " was " + record.status + ", is " + row.status);
    check(row.rev > record.rev && row.rev > record.board_rev && row.rev > record.seen_rev, "rev grows",
          row.id + ": " + std::to_string(row.rev) + " after " + std::to_string(std::max(record.rev, record.seen_rev)));
    const int begun = row.status == "processing" ? 1 : 0;
    check(row.attempt == record.attempt + begun, "every run is counted once",
          row.id + ": " + std::to_string(row.attempt) + " runs");
    const bool ran = record.started_attempt == record.attempt;
    // Who has waited for another's run of the same work takes over what that has been through.
    const int most = std::max(record.failures + 1, worst_[work_of(row)]);
    check((row.failures >= record.failures && row.failures <= most) || !ran, "a run fails once", row.id);
  }
  int& worst = worst_[work_of(row)];
  worst = std::max(worst, row.failures);
  // Of the same work, whoever's run it was.
  int& failed_runs = failed_runs_[work_of(row)];
  // Between two steps nothing runs that could be killed.
  if (row.failures > failed_runs + disk_failures_ && is_late(record, row)) ++failed_runs;
  check(row.failures <= failed_runs + disk_failures_, "an interruption is not a failure",
        row.id + ": " + std::to_string(row.failures) + " counted, " + std::to_string(failed_runs) + " failed");
  check(row.failures <= settings_.attempts, "failed runs have a limit", row.id);
  check(row.status != "cancelled" || record.cancel_asked || record.remove_asked, "nothing is cancelled by itself",
        row.id);
  say(row.id + " is " + row.status + ", rev " + std::to_string(row.rev) + ": " + row.message);
  record.stored = true;
  record.status = row.status;
  record.rev = row.rev;
  record.attempt = row.attempt;
  record.failures = row.failures;
  if (row.status == "completed") check_result(row);
}

void Ledger::check_result(const convd::store::ConversionRow& row) {
  const auto json = shared::Json::parse(row.result_json.value_or(""));
  if (!json) return check(false, "completed means that there is a result", row.id);
  const auto result = shared::result_info_from(json->read());
  if (!result) return check(false, "completed means that there is a result", row.id);
  const auto expected = delivered(contents_[row.input_sha256], row.from, row.to);
  if (expected.size() == 1) return check_file(row, result->file, &expected.begin()->second);
  check(result->parts.size() == expected.size(), "a result is complete", row.id);
  auto part = result->parts.begin();
  for (const auto& [name, content] : expected) {
    if (part == result->parts.end()) break;
    check_file(row, *part++, &content);
  }
  check_file(row, result->file, nullptr);
}

void Ledger::check_file(const convd::store::ConversionRow& row, const shared::ResultFile& file,
                        const std::string* expected) {
  const auto fd = store_.files().open_result(row.id, file.name);
  if (!fd) return check(false, "completed means that there is a result", row.id + "/" + file.name);
  const std::string bytes = read_all(fd->get());
  check(expected == nullptr || bytes == *expected, "a result has the right bytes", row.id + "/" + file.name);
  check(sha256_of(bytes) == file.sha256 && static_cast<std::int64_t>(bytes.size()) == file.size_bytes,
        "a result has the hash that was told", row.id + "/" + file.name);
}

void Ledger::check_blobs() {
  std::set<std::string> wanted;
  for (const auto& [key, document] : store_.all_documents()) wanted.insert(document.sha256);
  for (const auto& [id, row] : store_.rows()) {
    if (!is_terminal(row.status)) wanted.insert(row.input_sha256);
  }
  for (const std::string& sha256 : wanted)
    check(store_.files().open_blob(sha256).ok(), "what somebody names is stored", "blob " + sha256);
}

std::string Ledger::work_of(const convd::store::ConversionRow& row) {
  return row.org + " " + row.input_sha256 + " " + row.from + " " + row.to;
}

void Ledger::run_failed(const std::string& id) {
  const auto row = store_.rows().find(id);
  if (row != store_.rows().end()) ++failed_runs_[work_of(row->second)];
}

// A request made twice under one key has started one conversion.
void Ledger::check_keys() {
  if (keys_expire_) return;
  std::set<std::string> keys;
  for (const auto& [id, row] : store_.rows()) {
    const auto at = row.labels_json.find("key ");
    if (at == std::string::npos || row.retry_of) continue;
    const std::string key = row.org + row.labels_json.substr(at, row.labels_json.find('"', at) - at);
    check(keys.insert(key).second, "a key starts one conversion", key + ": " + id);
  }
}

void Ledger::appended(const convd::store::EventRow& event) {
  Record& record = records_[event.subject];
  const std::string what = event.type.substr(event.type.find('.') + 1);
  if (what == "removed") return;
  if (is_terminal(what)) check(++record.ends == 1, "a conversion ends once", event.subject + " by its events");
  const std::int64_t rev = rev_of(event);
  check(rev > record.event_rev && rev > record.board_rev, "rev grows", event.subject + " by its events");
  record.event_rev = rev;
  record.event = what;
}

void Ledger::published(const std::string& topic, const convd::events::Latest& latest, convd::events::Urgency urgency) {
  Record& record = records_[topic];
  // The board lets nothing through twice; what waited when the daemon died is told again by the next one.
  check(latest.rev >= record.board_rev, "rev grows", topic + " as published");
  if (urgency == convd::events::Urgency::state)
    check(!record.stored || latest.rev <= record.rev, "nothing is seen before it is true", topic + " as published");
  if (latest.terminal) {
    check(!record.stored || is_terminal(record.status), "nothing is seen before it is true", topic + " as published");
    check(++record.ends_told == 1, "a conversion ends once", topic + " as published");
  }
  record.board_rev = latest.rev;
  record.seen_rev = std::max(record.seen_rev, latest.rev);
}

bool Ledger::all_ended(std::string* why) const {
  for (const auto& [id, record] : records_) {
    if (!record.stored || is_terminal(record.status)) continue;
    if (why != nullptr) *why = id + " is " + record.status;
    return false;
  }
  return true;
}

void Ledger::at_rest() {
  for (const auto& [id, record] : records_) {
    check(!record.runs, "no child is left", id);
    if (record.stored) check(record.ends == 1, "a conversion ends once", id + " has " + std::to_string(record.ends));
  }
  for (const auto& [id, row] : store_.rows()) {
    if (row.status == "completed") check_result(row);
  }
}

void Ledger::no_files_left(const std::string& root, Swept swept) {
  namespace fs = std::filesystem;
  for (const auto& entry : fs::directory_iterator(root + "/results")) {
    const std::string id = entry.path().filename().string();
    const auto row = store_.rows().find(id);
    check(row != store_.rows().end() && row->second.status == "completed", "only what is completed has a result",
          "results/" + id);
  }
  if (swept == Swept::no) return;
  check(fs::is_empty(root + "/incoming"), "no file of nobody is left", "incoming/");
  for (const auto& entry : fs::recursive_directory_iterator(root + "/blobs")) {
    if (entry.is_regular_file())
      check(store_.blob_in_use(entry.path().filename().string()), "no file of nobody is left", entry.path().string());
  }
}

}  // namespace simulation
