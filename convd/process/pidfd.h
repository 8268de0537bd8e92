#pragma once
// A process as a descriptor (pidfd_open(2)): readable once it has ended. Any thread.

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "convd/loop/unique_fd.h"

namespace convd::process {

// By its number, because glibc 2.36 declares the wrapper without C linkage. Empty on error, see errno.
inline loop::UniqueFd open_pidfd(pid_t pid) {
  return loop::UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

// Reaches the very process, also when its number has been given to another meanwhile.
inline void signal_pidfd(int pidfd, int signal) {
  syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

// The process behind it, numbered as we see it; -1 once it has been waited for, or when it is not ours to see.
pid_t pid_of(int pidfd);

}  // namespace convd::process
