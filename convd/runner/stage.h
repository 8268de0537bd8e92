#pragma once
// For a runner that is root: shows directories which the job's user could not reach by their names (a state directory
// of mode 0700) in a mount namespace of the calling process's own.

#include <string>
#include <utility>
#include <vector>

namespace convd::runner {

// Hidden behind the stage for the calling process and its children only. Every Debian has it.
inline constexpr const char* stage_directory = "/mnt";

// Binds each source at stage_directory/name. Call in a child, as root, before it gives up its rights. False: see errno.
bool set_stage(const std::vector<std::pair<std::string, std::string>>& stage);

}  // namespace convd::runner
