#pragma once
// What /proc says about a process and its descendants.

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace convd::runner {

// `root` and everything below it, as far as it can be seen now. Nothing for what is no process id.
std::vector<pid_t> process_tree(pid_t root);
// SIGKILL to everything below `top`, a child of ours, and to `top` itself only when there is nothing: bubblewrap is
// left to end by the death of its namespace, so that its end means that nothing runs any more.
void kill_below(pid_t top);
// Children of `parent` that have ended and wait to be waited for.
std::vector<pid_t> dead_children(pid_t parent);
// CPU time used so far by the tree, with what its members have waited for; milliseconds.
std::int64_t cpu_ms_of(const std::vector<pid_t>& tree);

}  // namespace convd::runner
