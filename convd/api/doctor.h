#pragma once
// What decides whether documents can be converted well: each fact with a verdict, what was found, and what to do.
// Pure. Any thread.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "convd/api/exchange.h"
#include "convd/api/host.h"
#include "convd/jobs/manager.h"
#include "shared/finding.h"

namespace convd::api {

struct DoctorFacts {
  Caller caller;
  process::RunnerState runner;
  std::vector<std::pair<std::string, std::string>> problems;  // of jobs::Manager
  std::vector<engines::EngineState> engines;
  std::int64_t disk_floor_bytes = 0;
  HostFacts host;
};

// In the order in which they matter. Paths of the host are left out for those who are no operators.
std::vector<shared::Finding> examine(const DoctorFacts& facts);

// The text with "(path)" for every absolute path.
std::string without_paths(std::string_view text);

}  // namespace convd::api
