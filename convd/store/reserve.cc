#include "convd/store/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "convd/loop/unique_fd.h"
#include "convd/store/file_io.h"
#include "convd/store/log.h"

namespace convd::store {
namespace {

constexpr std::int64_t block_bytes = 512;  // of st_blocks
constexpr std::int64_t log_bytes = 4 << 20;

bool is_whole(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 && facts.st_blocks * block_bytes >= Reserve::size_bytes;
}

}  // namespace

shared::Result<void> Reserve::restore() {
  if (!is_whole(path_)) {
    const loop::UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return io_error("make the reserve of space", errno);
    spent_ = true;
    // Blocks that are really there: a file that is merely long would hold nothing.
    if (const int failed = ::posix_fallocate(fd.get(), 0, size_bytes); failed != 0) {
      ::unlink(path_.c_str());
      return io_error("allocate the reserve of space", failed);
    }
  }
  spent_ = false;
  return {};
}

void Reserve::release() {
  if (spent_.exchange(true)) return;
  const bool held = ::unlink(path_.c_str()) == 0;
  log()->warn("the disk is full: {}", held ? "the space held back for this is given to what ends or removes something"
                                           : "and no space was held back");
}

void hold_log_space(const std::string& log_path) {
  const loop::UniqueFd fd(::open(log_path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::fallocate(fd.get(), FALLOC_FL_KEEP_SIZE, 0, log_bytes) != 0)
    log()->debug("no space is held for the write-ahead log: {}", std::generic_category().message(errno));
}

}  // namespace convd::store
