#pragma once
// A command under bubblewrap with all it refers to: descriptors, made files, and the places that only root can reach.

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "convd/loop/unique_fd.h"
#include "convd/process/child_spec.h"
#include "convd/process/sandbox.h"
#include "convd/runner/confinement.h"
#include "convd/runner/launch.h"
#include "convd/runner/workspace.h"

namespace convd::runner {

// Kept until the command runs.
class Sandboxed {
 public:
  // `writable`: one more directory of the host, shown writable at a path of its own.
  Sandboxed(const Confinement& confinement, const process::ChildSpec& spec, const Workspace& workspace, uid_t user,
            const std::optional<process::SandboxParts::Bind>& writable = std::nullopt);

  // False: there were no descriptors left.
  bool is_complete() const;
  // Adds the command line, the descriptors to keep and the places to show.
  void fill(Launch& how) const;
  // What bubblewrap tells of the child (--json-status-fd).
  loop::UniqueFd take_status() { return std::move(status_); }

 private:
  int keep(loop::UniqueFd fd) { return owned_.emplace_back(std::move(fd)).get(); }
  std::string reachable(const std::string& path);

  const process::ChildSpec& spec_;
  const bool staged_;
  process::SandboxParts parts_;
  std::vector<loop::UniqueFd> owned_;
  std::vector<std::pair<std::string, std::string>> stage_;
  loop::UniqueFd status_;
};

}  // namespace convd::runner
