#pragma once
// One sandboxed child from its start to the removal of its workspace.

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/loop/unique_fd.h"
#include "convd/process/child_spec.h"
#include "convd/process/spawner.h"
#include "convd/runner/cgroup.h"
#include "convd/runner/confinement.h"
#include "convd/runner/workspace.h"

namespace convd::runner {

// Loop thread only. Destroying a running child kills it and waits for its end, which SIGKILL makes short.
class Child {
 public:
  struct Listener {
    std::function<void(std::int64_t cpu_ms)> usage;
    std::function<void(const process::Exit&)> exited;  // in a later turn, once
  };

  Child(loop::Loop& loop, const Confinement& confinement, process::ChildId id, int slot, Listener listener);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // `descriptors`: standard output, standard error, then the inputs.
  void start(const process::ChildSpec& spec, std::vector<loop::UniqueFd> descriptors);
  void kill();
  // After the end.
  shared::Result<loop::UniqueFd> open_output(const std::string& name) const;
  int slot() const { return slot_; }
  bool running() const { return pid_ > 0; }

 private:
  shared::Result<void> launch_it(const process::ChildSpec& spec, const std::vector<loop::UniqueFd>& descriptors);
  void fail(std::string reason);
  void tick();
  void reap();
  void judge(process::Exit& exit, int wait_status) const;
  bool output_too_large() const;
  void destroy_tree();

  loop::Loop& loop_;
  const Confinement& confinement_;
  const process::ChildId id_;
  const int slot_;
  Listener listener_;
  process::Limits limits_;
  std::optional<Workspace> workspace_;
  std::unique_ptr<Cgroup> cgroup_;
  pid_t pid_ = -1;
  loop::UniqueFd pidfd_;
  loop::UniqueFd report_;  // what went wrong before bubblewrap ran
  loop::UniqueFd status_;  // what bubblewrap tells of the child
  loop::Watch ended_;
  loop::Timer ticker_;
  loop::Timer failed_;
  loop::Timer last_resort_;
  bool killed_ = false;
  bool over_limit_ = false;
  std::int64_t cpu_ms_ = 0;
};

}  // namespace convd::runner
