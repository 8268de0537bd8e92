#pragma once
// Which files this process may reach, by Landlock (landlock(7)); no file that is not named. By the numbers of the
// system calls and of the rights, because Debian 12 has headers of Linux 6.1 and runs on newer kernels too.

#include <cstdint>
#include <string>

#include "convd/loop/unique_fd.h"

namespace convd::office {

// What this kernel speaks; 0: no Landlock.
int landlock_version();

// One thread.
class Ruleset {
 public:
  // Of every right that `version` knows. From 4 on no TCP, from 6 on no signal and no abstract socket to the outside.
  explicit Ruleset(int version);

  // A file, or a directory with all below it. False when there is no such path or the kernel refuses; see errno.
  bool allow_reading(const std::string& path);
  // Regular files and directories; no links, devices, sockets or programs.
  bool allow_writing(const std::string& path);
  // For this thread and all that it starts, for good. Needs PR_SET_NO_NEW_PRIVS.
  bool enforce() const;

 private:
  bool allow(const std::string& path, std::uint64_t rights);

  std::uint64_t known_ = 0;
  loop::UniqueFd rules_;
};

}  // namespace convd::office
