#include "convd/state_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

namespace convd {
namespace {

shared::Error unavailable(const std::string& path, const std::string& why) {
  return {shared::ErrorCode::unavailable, "state directory " + path + ": " + why, {}};
}

std::string holder(int fd) {
  std::array<char, 32> text{};
  const ssize_t length = pread(fd, text.data(), text.size() - 1, 0);
  return length > 0 ? "process " + std::string(text.data()) : "another process";
}

}  // namespace

shared::Result<StateLock> StateLock::take(const std::string& state_dir) {
  std::error_code failed;
  const bool made = std::filesystem::create_directories(state_dir, failed);
  if (failed) return unavailable(state_dir, "cannot be made: " + failed.message());
  if (made) std::filesystem::permissions(state_dir, std::filesystem::perms::owner_all, failed);
  const std::string path = state_dir + "/lock";
  loop::UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return unavailable(state_dir, "cannot be written: " + std::system_category().message(errno));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return unavailable(state_dir,
                       "is in use by " + holder(fd.get()) + "; stop that convd or give this one another --state-dir");
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(fd.get(), 0) != 0 || pwrite(fd.get(), pid.data(), pid.size(), 0) < 0) {
    return unavailable(state_dir, "cannot be written: " + std::system_category().message(errno));
  }
  return StateLock(std::move(fd));
}

}  // namespace convd
