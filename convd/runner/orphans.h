#pragma once
// The dead of our dead: when bubblewrap is killed, the init of its pid namespace becomes our child, and somebody has to
// wait for it. Left to the machine's init they pile up where that one does not care (containers), and count as
// processes of the job's user.

#include <sys/types.h>

#include <set>

#include "convd/loop/loop.h"

namespace convd::runner {

// Makes this process the reaper of its descendants. Loop thread only.
class Orphans {
 public:
  explicit Orphans(loop::Loop& loop);

 private:
  void reap();

  std::set<pid_t> seen_;  // dead children at the last look: our own are waited for long before the next
  loop::Timer ticker_;
};

}  // namespace convd::runner
