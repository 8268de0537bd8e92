#include "convd/runner/office_pool.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "convd/process/font_set.h"

namespace convd::runner {
namespace {

constexpr loop::milliseconds first_backoff{500};
constexpr loop::milliseconds most_backoff{60'000};
constexpr int patient_failures = 2;  // so many starts may fail in a row before documents no longer wait for the next
constexpr int proof_of_health = 10;  // a process that served so many documents did not die of itself

// LibreOffice reads the list of fonts once.
std::string font_stamp() {
  return process::look_at_fonts(process::font_directories()).stamp;
}

loop::milliseconds backoff(int failures) {
  auto delay = first_backoff;
  for (int i = 1; i < failures && delay < most_backoff; ++i) delay *= 2;
  return std::min(delay, most_backoff);
}

}  // namespace

OfficePool::OfficePool(loop::Loop& loop, const Confinement& confinement, OfficeOptions options)
    : loop_(loop), confinement_(confinement), options_(std::move(options)) {
  if (options_.when == WarmOffice::never) {
    problem_ = "switched off";
    refused_for_good_ = true;
  } else if (access(options_.program.c_str(), X_OK) != 0) {
    problem_ = "convd-office is not installed";
    refused_for_good_ = true;
  }
}

OfficePool::~OfficePool() = default;

void OfficePool::open() {
  open_ = true;
  if (options_.when == WarmOffice::always) start();
  tick_ = loop_.every(options_.look_period, [this] { look_after(); });
}

bool OfficePool::is_warm() const {
  return current_ != nullptr;
}

std::string OfficePool::state() const {
  if (current_) return "LibreOffice " + current_->version() + ", " + current_->description();
  if (!problem_.empty()) return problem_;
  return next_ ? "starting" : "not started yet";
}

OfficePool::Answer OfficePool::ask() {
  if (current_) return Answer::serves;
  if (!open_ || refused_for_good_ || (failures_ >= patient_failures && !next_)) return Answer::refuses;
  if (!again_) start();
  return refused_for_good_ ? Answer::refuses : Answer::starts;
}

OfficePool::Waiting OfficePool::wait(Decided decided) {
  return waiting_.insert(waiting_.end(), std::move(decided));
}

void OfficePool::start() {
  again_.reset();
  if (!open_ || refused_for_good_ || next_) return;
  const std::uint64_t number = ++last_number_;
  // The ids above those of the children; one that drains keeps its own.
  const uid_t user = confinement_.change_user ? confinement_.options.job_uid_base + most_children +
                                                    static_cast<uid_t>(number % most_children)
                                              : same_user;
  next_ = std::make_unique<OfficeProcess>(loop_, confinement_, number, user);
  OfficeProcess* process = next_.get();
  OfficeProcess::Hooks hooks{[this] { ready(); }, [this, process](const std::string& reason,
                                                                  bool for_good) { gone(process, reason, for_good); }};
  if (auto started = process->start(options_.program, std::move(hooks)); !started)
    gone(process, started.error().message, false);
}

void OfficePool::ready() {
  if (current_) {
    current_->drain();
    draining_.push_back(std::move(current_));
  }
  current_ = std::move(next_);
  problem_.clear();
  resident_at_first_ = current_->resident_bytes();
  fonts_ = font_stamp();
  spdlog::info("LibreOffice is warm: {}", state());
  decide();
  say();
}

void OfficePool::gone(const OfficeProcess* process, const std::string& reason, bool for_good) {
  const bool served = current_.get() == process;
  const bool drained = !served && next_.get() != process;
  buried_.push_back(take_out(process));
  burial_ = loop_.after(loop::milliseconds(0), [this] { buried_.clear(); });
  if (drained) return;
  spdlog::warn("the warm LibreOffice is gone: {}", reason);
  problem_ = reason;
  refused_for_good_ = for_good && !current_;
  failures_ = process->documents() >= proof_of_health ? 0 : failures_ + 1;
  if (!refused_for_good_ && failures_ == 0) start();
  if (!refused_for_good_ && failures_ > 0) again_ = loop_.after(backoff(failures_), [this] { start(); });
  // Whoever waits goes on waiting for a start that is likely to succeed.
  if (refused_for_good_ || failures_ >= patient_failures)
    deciding_ = loop_.after(loop::milliseconds(0), [this] { decide(); });
  say();
}

std::unique_ptr<OfficeProcess> OfficePool::take_out(const OfficeProcess* process) {
  if (current_.get() == process) return std::move(current_);
  if (next_.get() == process) return std::move(next_);
  const auto found =
      std::find_if(draining_.begin(), draining_.end(), [&](const auto& one) { return one.get() == process; });
  auto taken = std::move(*found);
  draining_.erase(found);
  return taken;
}

void OfficePool::decide() {
  while (!waiting_.empty()) {
    const Decided decided = std::move(waiting_.front());
    waiting_.pop_front();
    decided(current_.get());
  }
}

bool OfficePool::is_worn() const {
  if (current_->documents() >= options_.most_documents) return true;
  if (loop_.now() - current_->started() >= options_.most_age) return true;
  if (font_stamp() != fonts_) return true;
  return current_->is_idle() && current_->resident_bytes() > resident_at_first_ + options_.most_growth_bytes;
}

void OfficePool::look_after() {
  if (!current_ || next_ || again_ || !is_worn()) return;
  spdlog::info("a new warm LibreOffice takes over");
  start();
}

void OfficePool::say() {
  if (changed_) changed_();
}

}  // namespace convd::runner
