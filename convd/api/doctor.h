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
#include "shared/json.h"

namespace convd::api {

enum class Verdict : std::uint8_t { ok, warn, fail };

struct Finding {
  std::string name;
  Verdict verdict = Verdict::ok;
  std::string found;
  std::string advice;  // empty: nothing to do
};

struct DoctorFacts {
  Caller caller;
  process::RunnerState runner;
  std::vector<std::pair<std::string, std::string>> problems;  // of jobs::Manager
  std::vector<engines::EngineState> engines;
  std::int64_t disk_floor_bytes = 0;
  HostFacts host;
};

// In the order in which they matter. Paths of the host are left out for those who are no operators.
std::vector<Finding> examine(const DoctorFacts& facts);

// {"name","ok","verdict","message","advice"}; `ok` is false for a failure only.
shared::Json finding_json(const Finding& finding);

// The text with "(path)" for every absolute path.
std::string without_paths(std::string_view text);

}  // namespace convd::api
