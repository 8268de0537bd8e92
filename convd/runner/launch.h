#pragma once
// Fork and exec with everything that has to be set in between.

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "convd/process/child_spec.h"
#include "shared/result.h"

namespace convd::runner {

struct Launch {
  std::vector<std::string> argv;  // argv[0] is a path
  std::vector<std::pair<std::string, std::string>> env;
  std::string directory;  // working directory; empty: unchanged
  int out = -1;
  int err = -1;
  std::vector<int> keep;                // descriptors that stay open across exec
  std::vector<std::string> join;        // cgroup.procs files
  uid_t user = static_cast<uid_t>(-1);  // -1: stay who we are
  bool own_user = false;                // the child runs, here or inside, as a user that nobody else is
  process::Limits limits;
  int nice = 0;
};

// The child leads a session of its own. Errors: unavailable, with what could not be done.
shared::Result<pid_t> launch(const Launch& launch);

}  // namespace convd::runner
