#pragma once
// Rows for people (aligned, cut to the width) or for pipes (TAB-separated, whole). Pure but for the Terminal's
// properties. Main thread only.

#include <string>
#include <vector>

#include "convctl/terminal.h"

namespace convctl {

using Row = std::vector<std::string>;

// `rows` all as long as `header`. On a terminal the widest column is cut until a line fits; in a pipe nothing is cut.
// The header is always there; control characters never are.
std::string render_table(const Row& header, const std::vector<Row>& rows, const Terminal& terminal);
// The aligned form for that width.
std::string render_aligned(const Row& header, const std::vector<Row>& rows, int width);

}  // namespace convctl
