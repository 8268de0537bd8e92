#pragma once
// The system calls that converting one document in a running LibreOffice needs, as a BPF program (seccomp(2)); whatever
// is not named is not there (ENOSYS). An allow list, because this child loads no program and opens no connection. No
// socket of any kind, no new program, no signal to anybody else, and no change of owner, mode or size by path, which
// older versions of Landlock do not see. Pure.

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "shared/result.h"

namespace convd::process {

// Whether a document may be exported by several processes. Threads can always be made.
enum class Processes : std::uint8_t { one, several };

class OfficeFilter {
 public:
  // Errors: internal.
  static shared::Result<OfficeFilter> make(Processes processes);
  // The program for the process `own`, the only one that it may send signals to.
  std::vector<sock_filter> program_for(pid_t own) const;

 private:
  std::vector<sock_filter> program_;
};

}  // namespace convd::process
