#include "convd/office/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "convd/loop/unique_fd.h"

namespace convd::office {
namespace {

constexpr int first_own = STDERR_FILENO + 1;

int flags_of(int fd) {
  return fcntl(fd, F_GETFL);
}

void replace(int fd, int by, int flags) {
  if (dup3(by, fd, O_CLOEXEC) < 0) close(fd);
  fcntl(fd, F_SETFL, flags);
}

void reopen(int fd) {
  const loop::UniqueFd again(open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC));
  if (again)
    replace(fd, again.get(), flags_of(again.get()));
  else
    close(fd);
}

// All ends of one pipe.
void renew_pipe(const std::vector<int>& ends) {
  std::array<int, 2> made{-1, -1};
  if (pipe2(made.data(), O_CLOEXEC) != 0) {
    for (const int fd : ends) close(fd);
    return;
  }
  const loop::UniqueFd reader(made[0]);
  const loop::UniqueFd writer(made[1]);
  for (const int fd : ends) {
    const int flags = flags_of(fd);
    replace(fd, (flags & O_ACCMODE) == O_RDONLY ? reader.get() : writer.get(), flags);
  }
}

}  // namespace

std::vector<int> open_descriptors() {
  struct Close {
    void operator()(DIR* directory) const { closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> directory(opendir("/proc/self/fd"));
  std::vector<int> found;
  while (const dirent* entry = directory ? readdir(directory.get()) : nullptr) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != dirfd(directory.get())) found.push_back(fd);
  }
  std::sort(found.begin(), found.end());
  return found;
}

void close_all_but(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  int from = first_own;
  for (const int fd : kept) {
    if (fd < from) continue;
    if (fd > from) close_range(static_cast<unsigned>(from), static_cast<unsigned>(fd - 1), 0);
    from = fd + 1;
  }
  close_range(static_cast<unsigned>(from), ~0U, 0);
}

void separate(const std::vector<int>& inherited) {
  std::map<ino_t, std::vector<int>> pipes;
  for (const int fd : inherited) {
    struct stat status {};
    if (fstat(fd, &status) != 0) continue;
    if (S_ISFIFO(status.st_mode))
      pipes[status.st_ino].push_back(fd);
    else if (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode))
      reopen(fd);
    else
      close(fd);
  }
  for (const auto& pipe : pipes) renew_pipe(pipe.second);
}

}  // namespace convd::office
