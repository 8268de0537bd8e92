#pragma once
// What all children of this runner have in common: how they are confined and as whom they run. Found and tested once at
// start.

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/runner/cgroup.h"
#include "shared/result.h"

namespace convd::runner {

struct ConfinementOptions {
  std::string work_dir;
  bool sandbox = true;
  uid_t job_uid_base = 64200;  // started by root: children get uids from here, one per child that runs
};

inline constexpr uid_t same_user = static_cast<uid_t>(-1);
inline constexpr int most_children = 256;

struct Confinement {
  ConfinementOptions options;
  bool change_user = false;  // we are root: children run under job uids
  CgroupPlace cgroups;
  loop::UniqueFd seccomp;
  std::vector<std::string> system;                         // host paths every child sees
  std::vector<std::pair<std::string, std::string>> links;  // path -> target

  // Errors: unavailable (the work directory), internal.
  static shared::Result<Confinement> prepare(ConfinementOptions options);
  // Where workspaces are made: a directory of this runner's own, held by a lock that dies with it.
  std::string work_dir() const { return own_directory_; }
  // Removes it.
  void clean() const;
  // One line for people.
  std::string describe() const;

 private:
  std::string own_directory_;
  loop::UniqueFd lock_;
};

}  // namespace convd::runner
