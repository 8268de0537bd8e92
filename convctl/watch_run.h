#pragma once
// Follows conversions by id until all have ended. Main thread only.

#include <string>
#include <vector>

#include "convctl/session.h"

namespace convctl {

enum class Show { live, nothing };

// The exit code is the fate of the conversions. With --json and Show::live every change is a line on stdout. Ctrl-C
// only detaches.
Exit watch_all(Session& session, const std::vector<std::string>& ids, Show show);

}  // namespace convctl
