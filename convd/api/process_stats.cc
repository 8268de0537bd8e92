#include "convd/api/process_stats.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace convd::api {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::int64_t entries_in(const char* directory) {
  std::error_code error;
  const std::filesystem::directory_iterator entries(directory, error);
  return error ? 0 : static_cast<std::int64_t>(std::distance(entries, std::filesystem::directory_iterator()));
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  std::int64_t pages = 0;
  std::int64_t resident_pages = 0;
  if (std::ifstream statm("/proc/self/statm"); statm >> pages >> resident_pages) {
    const std::int64_t page_bytes = sysconf(_SC_PAGESIZE);
    stats.virtual_bytes = pages * page_bytes;
    stats.resident_bytes = resident_pages * page_bytes;
  }
  stats.threads = entries_in("/proc/self/task");
  stats.open_fds = entries_in("/proc/self/fd");
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) stats.max_fds = static_cast<std::int64_t>(files.rlim_cur);
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) stats.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  return stats;
}

}  // namespace convd::api
