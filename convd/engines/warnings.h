#pragma once
// The warnings an engine prints, for the receipt. One reader per run.

#include <memory>
#include <string_view>
#include <vector>

#include "convd/engines/engine.h"

namespace convd::engines {

// Words of a line; constants.
struct WarningSigns {
  std::vector<std::string_view> begin;      // a warning begins with one of these, somewhere in its line
  std::vector<std::string_view> dull = {};  // a line with one of these is of no interest to anybody
};

// Reads standard error: all warnings are counted, the first twenty different ones kept. The rest is left to `inner`,
// which may be null.
std::unique_ptr<ProgressReader> with_warnings(const WarningSigns& signs, std::unique_ptr<ProgressReader> inner);

}  // namespace convd::engines
