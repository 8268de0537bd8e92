#include "convd/runner/orphans.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "convd/runner/process_tree.h"

namespace convd::runner {
namespace {

constexpr loop::milliseconds period{250};

}  // namespace

Orphans::Orphans(loop::Loop& loop) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  ticker_ = loop.every(period, [this] { reap(); });
}

void Orphans::reap() {
  std::set<pid_t> dead;
  for (const pid_t child : dead_children(getpid())) {
    if (seen_.contains(child))
      waitpid(child, nullptr, WNOHANG);
    else
      dead.insert(child);
  }
  seen_.swap(dead);
}

}  // namespace convd::runner
