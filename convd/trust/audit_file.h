#pragma once
// A file that only grows, written a line at a time and shared with whoever moves it away.

#include <string>
#include <string_view>

#include "convd/loop/unique_fd.h"
#include "shared/result.h"

namespace convd::trust {

// A line is in the kernel when append() returns: no end of the process loses it. fsync is not called, because the loop
// may not wait for a disk; the power of the machine can take the last seconds. Loop thread only.
class AuditFile {
 public:
  // Made with mode 0600 when absent. Errors: invalid_option (no regular file, or it cannot be opened).
  static shared::Result<AuditFile> open(const std::string& path);

  // Errors: unavailable, with the reason.
  shared::Result<void> append(std::string_view line);
  // Goes on in whatever is at the path now; in the file at hand when that cannot be opened. Errors: as open().
  shared::Result<void> reopen();

  const std::string& path() const { return path_; }

 private:
  AuditFile(std::string path, loop::UniqueFd fd);

  std::string path_;
  loop::UniqueFd fd_;
  bool torn_ = false;  // the file ends within a line
};

}  // namespace convd::trust
