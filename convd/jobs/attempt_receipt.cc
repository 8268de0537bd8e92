#include "convd/jobs/attempt_receipt.h"

#include <utility>

#include "convd/jobs/presentable.h"

namespace convd::jobs {
namespace {

std::string_view name_of(process::End end) {
  switch (end) {
    case process::End::exited:
      return "exited";
    case process::End::signalled:
      return "signalled";
    case process::End::killed:
      return "killed";
    case process::End::not_started:
      return "not_started";
    case process::End::out_of_memory:
      return "out_of_memory";
    case process::End::output_limit:
      return "output_limit";
    case process::End::lost:
      break;
  }
  return "lost";
}

}  // namespace

AttemptReceipt::AttemptReceipt(const loop::Loop& loop, const Route& route) : loop_(loop) {
  for (const RouteStep& step : route) record_.route.push_back({step.engine->name(), step.from, step.to});
}

std::int64_t AttemptReceipt::since(loop::TimePoint start) const {
  return std::chrono::duration_cast<loop::milliseconds>(loop_.now() - start).count();
}

void AttemptReceipt::begins() {
  started_ = loop_.now();
}

void AttemptReceipt::input_is_checked() {
  record_.attempt.input_check_ms = since(started_);
}

void AttemptReceipt::step_ends(const RouteStep& step, const StepRun& run,
                               const std::vector<std::string_view>& secrets) {
  const process::Exit& exit = run.exit();
  const engines::RunFacts facts = run.facts();
  const auto clean = [&](const std::vector<std::string>& texts) {
    std::vector<std::string> cleaned;
    for (const std::string& text : texts) cleaned.push_back(presentable(text, secrets));
    return cleaned;
  };
  shared::ReceiptStep receipt;
  receipt.engine = step.engine->name();
  receipt.from = step.from;
  receipt.to = step.to;
  receipt.warm = exit.warm;
  receipt.outcome = "ok";
  receipt.ended = name_of(exit.end);
  receipt.exit_status = exit.status;
  receipt.wall_ms = run.elapsed().count();
  receipt.cpu_ms = exit.user_ms + exit.system_ms;
  receipt.peak_rss_bytes = exit.peak_rss_bytes;
  receipt.pages_in = facts.pages;
  receipt.pages_out = facts.pages_out;
  receipt.fonts_requested = clean(facts.fonts_requested);
  for (const engines::FontFact& font : facts.fonts_missing) {
    receipt.fonts_substituted.push_back({presentable(font.requested, secrets), {}});
    if (!font.used.empty()) receipt.fonts_substituted.back().used = presentable(font.used, secrets);
  }
  receipt.links_blocked = clean(facts.links_blocked);
  receipt.warnings = clean(facts.warnings);
  receipt.warnings_total = facts.warnings_total;
  record_.steps.push_back(std::move(receipt));
}

void AttemptReceipt::step_failed(std::string_view fate) {
  record_.steps.back().outcome = fate;
}

void AttemptReceipt::publishing_begins() {
  publishing_ = loop_.now();
}

AttemptRecord AttemptReceipt::take(std::string_view fate) {
  record_.attempt.outcome = fate;
  record_.attempt.wall_ms = since(started_);
  if (publishing_) record_.attempt.publish_ms = since(*publishing_);
  return std::move(record_);
}

}  // namespace convd::jobs
