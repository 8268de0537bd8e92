#pragma once
// What a submission asks for, checked and made definite. Pure.

#include "convd/engines/engine.h"
#include "convd/jobs/manager.h"
#include "convd/jobs/planner.h"
#include "shared/result.h"

namespace convd::jobs {

struct Wanted {
  std::string from;
  std::string to;
  Route route;
  engines::Options options;
};

// The format pair, the route over it and the options. A prompt mode names the target; an explicit `to` beside it must
// be that same format. Errors: unsupported_conversion, invalid_option.
shared::Result<Wanted> resolve(const Planner& planner, const Submission& submission);

// Labels, priority and times. Errors: invalid_option naming the field and its range.
shared::Result<void> check_bounds(const Submission& submission);

}  // namespace convd::jobs
