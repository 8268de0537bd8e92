#pragma once
// One sandboxed child from its start to the removal of its workspace: a command under bubblewrap, or a document given
// to the warm LibreOffice.

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
#include "convd/runner/disk_watch.h"
#include "convd/runner/office_pool.h"
#include "convd/runner/workspace.h"

namespace convd::runner {

// Loop thread only. Destroying a running child kills it and waits for its end, which SIGKILL makes short.
class Child final : OfficeClient {
 public:
  struct Listener {
    std::function<void(std::int64_t cpu_ms)> usage;
    std::function<void(const process::Exit&)> exited;  // in a later turn, once
  };

  // `office` and `disk` may be null.
  Child(loop::Loop& loop, const Confinement& confinement, OfficePool* office, DiskWatch* disk, process::ChildId id,
        int slot, Listener listener);
  ~Child() override;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // `descriptors`: standard output, standard error, then the inputs.
  void start(process::ChildSpec spec, std::vector<loop::UniqueFd> descriptors);
  void kill();
  // After the end; the early page also before.
  shared::Result<loop::UniqueFd> open_output(const std::string& name) const;
  int slot() const { return slot_; }
  bool running() const { return pid_ > 0 || given_to_ != nullptr; }

 private:
  void start_warm();
  void start_cold();
  void hand_to(OfficeProcess& office);
  shared::Result<void> make_workspace(uid_t owner, Owns owns);
  shared::Result<void> launch_it();
  void follow();
  void fail(process::End end, std::string reason);
  void on_started(loop::UniqueFd pidfd) override;
  void on_ended(const process::ChildEnded& end) override;
  void on_lost() override;
  void tick();
  void reap();
  void tell_end(process::Exit exit, int wait_status);
  void judge(process::Exit& exit, int wait_status) const;
  bool output_too_large() const;
  void destroy_tree();

  loop::Loop& loop_;
  const Confinement& confinement_;
  OfficePool* const office_;
  DiskWatch* const disk_;
  const process::ChildId id_;
  const int slot_;
  Listener listener_;
  process::ChildSpec spec_;
  std::vector<loop::UniqueFd> descriptors_;  // until it is started
  process::Limits limits_;
  std::optional<OfficePool::Waiting> waiting_;
  OfficeProcess* given_to_ = nullptr;  // until its last call
  std::optional<Workspace> workspace_;
  loop::TimePoint writes_since_;
  DiskWatch::Writer writes_;
  std::unique_ptr<Cgroup> cgroup_;
  pid_t pid_ = -1;  // bubblewrap's, or the warm child's own
  loop::UniqueFd pidfd_;
  loop::UniqueFd report_;  // what went wrong before bubblewrap ran
  loop::UniqueFd status_;  // what bubblewrap tells of the child
  loop::Watch ended_;
  loop::Timer ticker_;
  loop::Timer failed_;
  loop::Timer last_resort_;
  bool warm_ = false;
  bool killed_ = false;
  bool over_limit_ = false;
  std::int64_t cpu_ms_ = 0;
};

}  // namespace convd::runner
