#pragma once
// What the receipt says of one attempt, collected while it goes on.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/jobs/planner.h"
#include "convd/jobs/step_run.h"
#include "convd/loop/loop.h"
#include "shared/receipt.h"

namespace convd::jobs {

// Without the number of the attempt and the versions of the engines.
struct AttemptRecord {
  std::vector<shared::ReceiptLeg> route;
  shared::ReceiptAttempt attempt;
  std::vector<shared::ReceiptStep> steps;
};

// Loop thread only.
class AttemptReceipt {
 public:
  AttemptReceipt(const loop::Loop& loop, const Route& route);

  void begins();
  void input_is_checked();
  // As if it had succeeded. `secrets` are taken out of every text.
  void step_ends(const RouteStep& step, const StepRun& run, const std::vector<std::string_view>& secrets);
  // The step told of last.
  void step_failed(std::string_view fate);
  void publishing_begins();
  // In the middle of publishing too.
  AttemptRecord take(std::string_view fate);

 private:
  std::int64_t since(loop::TimePoint start) const;

  const loop::Loop& loop_;
  AttemptRecord record_;
  loop::TimePoint started_;
  std::optional<loop::TimePoint> publishing_;
};

}  // namespace convd::jobs
