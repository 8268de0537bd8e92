#pragma once
// Fork and exec with everything that has to be set in between.

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/process/child_spec.h"
#include "shared/result.h"

namespace convd::runner {

struct Launch {
  std::vector<std::string> argv;  // argv[0] is a path
  std::vector<std::pair<std::string, std::string>> env;
  std::string directory;  // working directory; empty: unchanged
  int out = -1;
  int err = -1;
  std::vector<std::pair<int, std::string>> copies;  // descriptor -> new file with its bytes, readable for everybody
  std::vector<std::pair<std::string, std::string>> stage;  // source -> name below stage_directory, see stage.h
  std::vector<int> keep;                                   // descriptors that stay open across exec
  std::vector<std::string> join;                           // cgroup.procs files
  uid_t user = static_cast<uid_t>(-1);                     // -1: stay who we are
  process::Limits limits;
  int nice = 0;
};

struct Launched {
  pid_t pid = -1;
  loop::UniqueFd report;  // once the process has ended: what could not be done before the program ran; empty: it ran
};

// The child leads a session of its own. Does not wait for it: copying a large input takes time. Errors: unavailable.
shared::Result<Launched> launch(const Launch& launch);

}  // namespace convd::runner
