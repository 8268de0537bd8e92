#include "convd/office/fork.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "convd/process/pidfd.h"

namespace convd::office {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int escaped_exit = 125;  // nothing that a child does ends this way

// LibreOffice's own handlers ask questions and save documents; here a crash shall be one.
void forget_signal_handlers() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
}

[[noreturn]] void run_child(pid_t parent, const std::function<void()>& body) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(escaped_exit);  // it ended before it could be watched
  setsid();
  forget_signal_handlers();
  try {
    body();
  } catch (...) {
    // Never back into the stack of the parent.
  }
  _exit(escaped_exit);
}

shared::Error failure(const std::string& what) {
  return {shared::ErrorCode::unavailable, what, {}};
}

}  // namespace

// A directory counts its directories: "." and "..", and here one for each thread.
int thread_count() {
  struct stat tasks {};
  if (stat("/proc/self/task", &tasks) != 0) return 0;
  return static_cast<int>(tasks.st_nlink) - 2;
}

shared::Result<void> wait_for_one_thread(std::chrono::milliseconds patience) {
  constexpr int pause_ms = 5;
  const auto end = Clock::now() + patience;
  int count = 0;
  while ((count = thread_count()) != 1) {
    if (Clock::now() >= end) return failure(std::to_string(count) + " threads where there must be one");
    poll(nullptr, 0, pause_ms);
  }
  return {};
}

shared::Result<Forked> fork_child(std::chrono::milliseconds patience, const std::function<void()>& body) {
  if (auto alone = wait_for_one_thread(patience); !alone) return alone.error();
  const pid_t parent = getpid();
  Forked child;
  child.pid = fork();
  if (child.pid == 0) run_child(parent, body);
  if (child.pid < 0) return failure(std::string("fork: ") + std::strerror(errno));
  child.pidfd = process::open_pidfd(child.pid);
  if (child.pidfd) return child;
  const auto why = failure(std::string("pidfd_open: ") + std::strerror(errno));
  kill(child.pid, SIGKILL);
  waitpid(child.pid, nullptr, 0);
  return why;
}

void kill_all(const Forked& child) {
  kill(-child.pid, SIGKILL);  // nothing there as long as it has no session
  kill(child.pid, SIGKILL);
}

bool wait_for(const Forked& child, Wait wait, Ended& ended) {
  pollfd watched{child.pidfd.get(), POLLIN, 0};
  if (poll(&watched, 1, wait == Wait::yes ? -1 : 0) != 1) return false;
  kill(-child.pid, SIGKILL);  // before its number, and with it the group's, can be given to another
  return wait4(child.pid, &ended.status, 0, &ended.used) == child.pid;
}

}  // namespace convd::office
