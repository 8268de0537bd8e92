#pragma once
// How the daemon fares, as JSON for those who look after it. Loop thread only.

#include <string>
#include <utility>
#include <vector>

#include "convd/api/services.h"

namespace convd::api {

// GET /v1/control, and the answer to what changes it.
shared::Json control_json(const Services& services);

// GET /v1/activity: of the caller's org; of all for operators.
shared::Json activity_json(const Services& services, const Caller& caller);

// All that keeps the daemon from being ready.
std::vector<std::pair<std::string, std::string>> problems_of(const Services& services);

}  // namespace convd::api
