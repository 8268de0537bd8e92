#pragma once
// One daemon per state directory. The lock dies with the process, however it dies.

#include <string>

#include "convd/loop/unique_fd.h"
#include "shared/result.h"

namespace convd {

class StateLock {
 public:
  // Makes the directory (0700) when it is missing. Errors: unavailable; names the process that holds the lock.
  static shared::Result<StateLock> take(const std::string& state_dir);

 private:
  explicit StateLock(loop::UniqueFd fd) : fd_(std::move(fd)) {}
  loop::UniqueFd fd_;
};

}  // namespace convd
