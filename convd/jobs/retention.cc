#include "convd/jobs/retention.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "convd/jobs/document_record.h"
#include "convd/jobs/job_record.h"
#include "convd/jobs/log.h"
#include "convd/loop/wall_clock.h"
#include "shared/time.h"

namespace convd::jobs {
namespace {

using shared::Result;

constexpr int rows_at_once = 32;
constexpr std::int64_t jump_ms = 3'600'000;
constexpr loop::milliseconds hold_after_jump{3'600'000};
constexpr std::int64_t shortest_period_ms = 250;
constexpr std::int64_t longest_period_ms = 10'000;

// Often enough that nothing is kept much longer than was asked for.
loop::milliseconds period_of(const Settings& settings) {
  std::int64_t period = longest_period_ms;
  for (const std::int64_t keep : {settings.keep_results_ms, settings.keep_documents_ms, settings.keep_history_ms}) {
    if (keep > 0) period = std::min(period, keep / 8);
  }
  return loop::milliseconds(std::max(period, shortest_period_ms));
}

// A row that cannot be read goes all the same; nobody can be told what it was.
void append_event(store::Transaction& transaction, const store::ConversionRow& row, std::string_view what,
                  std::int64_t now_ms) {
  if (const auto job = from_row(row)) transaction.append(event_of(*job, what, now_ms));
}

store::ConversionRow without_result(store::ConversionRow row, std::string_view why, std::int64_t now_ms) {
  row.result_gone_ms = now_ms;
  row.result_gone_why = why;
  ++row.rev;
  return row;
}

}  // namespace

std::string why_gone(const Job& job) {
  std::string text = "the result was removed at " + shared::to_rfc3339(job.result_gone_ms.value_or(0));
  if (job.result_gone_why == why_old) text += " because it was older than results are kept here (keep_results)";
  if (job.result_gone_why == why_too_much)
    text += " because it was the oldest when all took too much room (results_limit)";
  return text + ": convert again";
}

Retention::Retention(loop::Loop& loop, store::Store& store, const Settings& settings)
    : loop_(loop), store_(store), settings_(settings) {}

Retention::~Retention() {
  *alive_ = false;
}

std::int64_t Retention::wall_ms() const {
  return loop::wall_ms(loop_);
}

void Retention::start() {
  clock_offset_ms_ = wall_ms() - std::chrono::duration_cast<loop::milliseconds>(loop_.now().time_since_epoch()).count();
  steady_from_ = loop_.now();
  arm();
}

// Anew each time: the settings may change while it runs.
void Retention::arm() {
  timer_ = loop_.after(period_of(settings_), [this] { look(); });
}

bool Retention::clock_is_steady() {
  const auto uptime = std::chrono::duration_cast<loop::milliseconds>(loop_.now().time_since_epoch());
  const std::int64_t offset_ms = wall_ms() - uptime.count();
  const std::int64_t jump = offset_ms - std::exchange(clock_offset_ms_, offset_ms);
  if (std::abs(jump) > jump_ms) {
    steady_from_ = loop_.now() + hold_after_jump;
    log()->warn("the clock has jumped by {} s: nothing is removed by age for an hour", jump / 1000);
  }
  return loop_.now() >= steady_from_;
}

void Retention::look() {
  arm();
  by_age_ = clock_is_steady();
  if (std::exchange(busy_, true)) return;
  later(&Retention::look_at_results);
}

void Retention::later(void (Retention::*step)()) {
  loop_.post([this, alive = alive_, step] {
    if (!*alive) return;
    try {
      (this->*step)();
    } catch (const std::exception& error) {
      log()->error("nothing is removed by age or size now: {}", error.what());
      busy_ = false;
    }
  });
}

void Retention::commit(store::Store::Operation write, std::function<void()> then) {
  store_.submit_essential(std::move(write),
                          [this, alive = alive_, then = std::move(then)](const Result<void>& outcome) {
                            if (!*alive) return;
                            if (outcome) return then();
                            log()->error("what is to be removed stays for now: {}", outcome.error().message);
                            busy_ = false;
                          });
}

bool Retention::is_over(std::int64_t since_ms, std::int64_t keep_ms) const {
  return by_age_ && keep_ms > 0 && since_ms < wall_ms() - keep_ms;
}

void Retention::look_at_results() {
  Rows rows = chosen(store_.stored_results(rows_at_once));
  if (rows.empty()) return later(&Retention::look_at_documents);
  remove_results(std::move(rows));
}

Retention::Rows Retention::chosen(Rows rows) const {
  store::Usage left = store_.usage_of_all();
  const auto is_too_much = [&] {
    return settings_.results_bytes > 0 && left.result_bytes > settings_.results_bytes && left.results > 1;
  };
  Rows gone;
  for (store::ConversionRow& row : rows) {
    const bool is_old = is_over(row.completed_ms.value_or(0), settings_.keep_results_ms);
    if (!is_old && !is_too_much()) break;
    left.result_bytes -= row.result_bytes;
    --left.results;
    gone.push_back(without_result(std::move(row), is_old ? why_old : why_too_much, wall_ms()));
  }
  return gone;
}

void Retention::remove_results(Rows rows) {
  struct Gone {
    Ids ids;
    std::int64_t by_age = 0;
  };
  const auto gone = std::make_shared<Gone>();
  const auto write = [rows = std::move(rows), gone](store::Transaction& transaction, store::Files&) -> Result<void> {
    *gone = {};
    for (const store::ConversionRow& row : rows) {
      if (!transaction.remove_result(row.id, *row.result_gone_ms, *row.result_gone_why)) continue;
      append_event(transaction, row, "result_removed", *row.result_gone_ms);
      gone->ids.push_back(row.id);
      if (row.result_gone_why == why_old) ++gone->by_age;
    }
    return {};
  };
  commit(write, [this, gone] {
    const auto by_size = static_cast<std::int64_t>(gone->ids.size()) - gone->by_age;
    removed_.results_by_age += gone->by_age;
    removed_.results_by_size += by_size;
    log()->info("removed {} result(s) by age and {} by size", gone->by_age, by_size);
    remove_files(std::move(gone->ids), &Retention::look_at_results);
  });
}

void Retention::remove_files(Ids ids, void (Retention::*then)()) {
  if (ids.empty()) return later(then);
  const auto remove = [id = std::move(ids.back())](store::Files& files) -> Result<void> {
    files.remove_results(id);
    return {};
  };
  ids.pop_back();
  store_.submit(remove, nullptr, [this, alive = alive_, ids = std::move(ids), then](const Result<void>&) {
    if (*alive) remove_files(ids, then);
  });
}

void Retention::look_at_documents() {
  const std::int64_t before_ms = wall_ms() - settings_.keep_documents_ms;
  std::vector<store::DocumentRow> rows;
  if (by_age_ && settings_.keep_documents_ms > 0) rows = store_.unused_documents(before_ms, rows_at_once);
  if (rows.empty()) return later(&Retention::look_at_history);
  const auto count = std::make_shared<std::int64_t>();
  const auto write = [rows = std::move(rows), before_ms, count, now_ms = wall_ms()](store::Transaction& transaction,
                                                                                    store::Files&) -> Result<void> {
    *count = 0;
    for (const store::DocumentRow& row : rows) {
      if (!transaction.remove_unused_document(row.org, row.name, before_ms)) continue;
      transaction.append(event_of(row, "removed", now_ms));
      transaction.maybe_drop_blob(row.sha256);
      ++*count;
    }
    return {};
  };
  commit(write, [this, count] {
    removed_.documents += *count;
    log()->info("removed {} document(s) that were not used", *count);
    later(&Retention::look_at_documents);
  });
}

void Retention::look_at_history() {
  Rows rows;
  if (by_age_ && settings_.keep_history_ms > 0)
    rows = store_.ended(wall_ms() - settings_.keep_history_ms, rows_at_once);
  if (rows.empty()) {
    busy_ = false;
    return;
  }
  const auto gone = std::make_shared<Ids>();
  const auto write = [rows = std::move(rows), gone, now_ms = wall_ms()](store::Transaction& transaction,
                                                                        store::Files&) -> Result<void> {
    gone->clear();
    for (const store::ConversionRow& row : rows) {
      if (!transaction.remove_conversion(row.id)) continue;
      append_event(transaction, row, "removed", now_ms);
      gone->push_back(row.id);
    }
    return {};
  };
  commit(write, [this, gone] {
    removed_.conversions += static_cast<std::int64_t>(gone->size());
    log()->info("removed {} conversion(s) that ended long ago", gone->size());
    remove_files(std::move(*gone), &Retention::look_at_history);
  });
}

}  // namespace convd::jobs
