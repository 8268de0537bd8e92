#pragma once
// A private convd for one run: temporary state, its own socket, no TCP. Main thread only.

#include <sys/types.h>

#include <string>

#include "convctl/file_descriptor.h"
#include "convctl/session.h"

namespace convctl {

// The program convd: beside convctl, else of PATH. Throws Failure (unavailable).
std::string find_convd();

class LocalDaemon {
 public:
  // Starts convd (beside convctl, else of PATH), waits until it says READY=1, and points the session at it. Throws
  // Failure (unavailable) with the end of its log when it does not get ready in 30 s.
  explicit LocalDaemon(Session& session);
  // SIGTERM, ten seconds of patience, SIGKILL; the directory is removed.
  ~LocalDaemon();
  LocalDaemon(const LocalDaemon&) = delete;
  LocalDaemon& operator=(const LocalDaemon&) = delete;

 private:
  void start(const std::string& program);
  void wait_until_ready(const std::string& program);
  void stop() noexcept;
  std::string log_tail() const;

  std::string directory_;
  FileDescriptor notify_;
  FileDescriptor process_;
  pid_t pid_ = -1;
};

}  // namespace convctl
