#pragma once
// The dead of our dead: when bubblewrap is killed, the init of its pid namespace becomes our child, and somebody has to
// wait for it. Left to the machine's init they pile up where that one does not care (containers), and count as
// processes of the job's user.

#include <sys/types.h>

#include <map>

#include "convd/loop/loop.h"

namespace convd::runner {

// Makes this process the reaper of its descendants. Loop thread only.
class Orphans {
 public:
  explicit Orphans(loop::Loop& loop);

 private:
  void reap();

  // Dead children, and at how many looks in a row. Between the second and the third lies a whole turn of the loop, in
  // which our own are waited for by those who started them, also when this process was stopped in between.
  std::map<pid_t, int> seen_;
  loop::Timer ticker_;
};

}  // namespace convd::runner
