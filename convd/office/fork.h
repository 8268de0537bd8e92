#pragma once
// Forking this process, LibreOffice and all. Only one thread comes along into a child, so there may be only one: what
// another one holds (a lock, half a list) would be held in the child for ever.

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <functional>

#include "convd/loop/unique_fd.h"
#include "shared/result.h"

namespace convd::office {

struct Forked {
  pid_t pid = -1;
  loop::UniqueFd pidfd;  // readable once it has ended
};

// How many threads this process has; 0 when /proc does not say.
int thread_count();
// Errors: unavailable, when there are still others after `patience`.
shared::Result<void> wait_for_one_thread(std::chrono::milliseconds patience);

// The child leads a session of its own, has no signal handlers, and ends when this process ends. It runs `body`, and
// ends when that returns or throws. Errors: unavailable.
shared::Result<Forked> fork_child(std::chrono::milliseconds patience, const std::function<void()>& body);

// SIGKILL to the child and what it has forked.
void kill_all(const Forked& child);
// Waits for its end: what it has forked ends with it.
struct Ended {
  int status = 0;  // as from wait(2)
  rusage used{};
};
enum class Wait : unsigned char { no, yes };
// False when it has not ended.
bool wait_for(const Forked& child, Wait wait, Ended& ended);

}  // namespace convd::office
