#pragma once
// Places where a test has the process die as by a power cut: what was done before them stays, nothing is tidied up.

#include <string_view>

#include "convd/loop/crash_points.h"

namespace convd::loop {

#ifdef CONVD_CRASH_POINTS
// Kills this process with SIGKILL when the environment says CONVD_CRASH_AT=<name>, or <name>:<n> for the nth time it
// comes here. Only in builds with the CMake option CONVD_CRASH_POINTS; in others there is nothing of it. Any thread.
void crash_point(std::string_view name);
#else
constexpr void crash_point(std::string_view) {}
#endif

}  // namespace convd::loop
