#include "convd/runner/orphans.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "convd/runner/process_tree.h"

namespace convd::runner {
namespace {

constexpr loop::milliseconds period{250};
constexpr int looks_until_nobodys = 3;

}  // namespace

Orphans::Orphans(loop::Loop& loop) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  ticker_ = loop.every(period, [this] { reap(); });
}

void Orphans::reap() {
  std::map<pid_t, int> dead;
  for (const pid_t child : dead_children(getpid())) {
    const auto seen = seen_.find(child);
    const int looks = seen == seen_.end() ? 1 : seen->second + 1;
    if (looks == looks_until_nobodys)
      waitpid(child, nullptr, WNOHANG);
    else
      dead.emplace(child, looks);
  }
  seen_.swap(dead);
}

}  // namespace convd::runner
