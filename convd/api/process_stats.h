#pragma once
// This process as the kernel sees it. Any thread.

#include <cstdint>

namespace convd::api {

// What cannot be read is 0.
struct ProcessStats {
  std::int64_t resident_bytes = 0;
  std::int64_t virtual_bytes = 0;
  std::int64_t open_fds = 0;
  std::int64_t max_fds = 0;
  std::int64_t threads = 0;
  double cpu_seconds = 0;  // user and system
};

ProcessStats read_process_stats();

}  // namespace convd::api
