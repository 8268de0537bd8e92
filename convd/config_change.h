#pragma once
// The configuration read again beside the one in force: what differs, and what can change while the daemon runs. Pure.
// Any thread.

#include <string>
#include <string_view>
#include <vector>

#include "convd/api/control.h"
#include "convd/config.h"

namespace convd {

// The keys that need no restart; convd.conf(5) marks them.
const std::vector<std::string_view>& live_keys();

// Key by key, in the order of the table.
std::vector<api::KeyChange> differences(const Config& in_force, const Config& fresh);

// Takes over the live keys.
void take_over(Config& in_force, const Config& fresh);

}  // namespace convd
