#include "convd/process/child_setup.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "convd/loop/unique_fd.h"

namespace convd::process {
namespace {

constexpr int default_open_files = 1024;

// Never above what we ourselves are bounded by, which only root could raise.
bool limit(decltype(RLIMIT_CORE) resource, std::int64_t soft, std::int64_t hard) {
  rlimit now{};
  if (getrlimit(resource, &now) != 0) return false;
  const rlimit wanted{std::min(static_cast<rlim_t>(soft), now.rlim_max),
                      std::min(static_cast<rlim_t>(hard), now.rlim_max)};
  return setrlimit(resource, &wanted) == 0;
}
bool limit(decltype(RLIMIT_CORE) resource, std::int64_t value) {
  return limit(resource, value, value);
}

}  // namespace

bool set_limits(const Limits& limits) {
  bool ok = limit(RLIMIT_CORE, 0);
  ok = limit(RLIMIT_NOFILE, limits.open_files > 0 ? limits.open_files : default_open_files) && ok;
  if (limits.file_bytes > 0) ok = limit(RLIMIT_FSIZE, limits.file_bytes) && ok;
  // SIGXCPU, which can be told from a kill; SIGKILL for whoever ignores it.
  const std::int64_t cpu_s = (limits.cpu_ms + 999) / 1000;
  if (cpu_s > 0) ok = limit(RLIMIT_CPU, cpu_s, cpu_s + 2) && ok;
  if (limits.address_space_bytes > 0) ok = limit(RLIMIT_AS, limits.address_space_bytes) && ok;
  return ok;
}

bool copy_to_new_file(int source, const std::string& path) {
  constexpr std::size_t piece = 16 << 20;
  const loop::UniqueFd target(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!target || fchmod(target.get(), 0444) != 0) return false;
  off_t from = 0;
  ssize_t length = 0;
  while ((length = copy_file_range(source, &from, target.get(), nullptr, piece, 0)) > 0) continue;
  if (length == 0) return true;
  while ((length = sendfile(target.get(), source, &from, piece)) > 0) continue;
  return length == 0;
}

bool write_to(const char* path, const char* text) {
  const loop::UniqueFd fd(open(path, O_WRONLY | O_CLOEXEC));
  return fd && write(fd.get(), text, std::strlen(text)) >= 0;
}

}  // namespace convd::process
