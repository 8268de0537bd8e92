#pragma once
// What all children of this runner have in common: how they are confined and as whom they run. Found and tested once at
// start.

#include <sys/types.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/process/child_spec.h"
#include "convd/runner/cgroup.h"
#include "shared/result.h"

namespace convd::runner {

struct ConfinementOptions {
  std::string work_dir;
  bool sandbox = true;
  uid_t job_uid_base = 64200;  // started by root: children get uids from here, one per child that runs
  std::string inspector;       // the absolute path of convd-inspect
};

inline constexpr uid_t same_user = static_cast<uid_t>(-1);
inline constexpr int most_children = 256;  // more than jobs::most_slots and most_short_slots together: see runner_test

struct Confinement {
  ConfinementOptions options;
  bool change_user = false;  // we are root: children run under job uids
  CgroupPlace cgroups;
  std::array<loop::UniqueFd, process::family_count> seccomp;
  std::vector<std::string> system;                         // host paths every child sees
  std::vector<std::pair<std::string, std::string>> links;  // path -> target

  // Errors: unavailable (the work directory), internal.
  static shared::Result<Confinement> prepare(ConfinementOptions options);
  // The filter of its system calls; -1 without a sandbox.
  int seccomp_of(process::Family family) const { return seccomp[static_cast<std::size_t>(family)].get(); }
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
