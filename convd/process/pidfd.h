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

}  // namespace convd::process
