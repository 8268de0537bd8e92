#include "convd/process/pidfd.h"

#include <fstream>
#include <string>

namespace convd::process {

pid_t pid_of(int pidfd) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(pidfd));
  for (std::string word; info >> word;) {
    pid_t pid = -1;
    if (word == "Pid:" && info >> pid) return pid;
  }
  return -1;
}

}  // namespace convd::process
