#pragma once
// An answer of GET /v1/activity as lines for people. Pure but for the Terminal's properties. Main thread only.

#include <string>
#include <vector>

#include "convctl/terminal.h"
#include "shared/json.h"

namespace convctl {

// Aligned and cut to the width on a terminal; elsewhere whole, tables with TABs.
std::vector<std::string> top_lines(const shared::JsonReader& activity, const Terminal& terminal);

// The same for that width.
std::vector<std::string> aligned_top(const shared::JsonReader& activity, int width);

}  // namespace convctl
