#include "convd/runner/stage.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convd/loop/unique_fd.h"

namespace convd::runner {
namespace {

bool make_mount_point(const std::string& path, int source) {
  struct stat found {};
  if (fstat(source, &found) != 0) return false;
  if (S_ISDIR(found.st_mode)) return mkdir(path.c_str(), 0755) == 0;
  return static_cast<bool>(loop::UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444)));
}

}  // namespace

bool set_stage(const std::vector<std::pair<std::string, std::string>>& stage) {
  if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  // Opened within the new namespace, or they could not be bound; before the mount, which may cover them.
  std::vector<loop::UniqueFd> sources;
  for (const auto& [source, name] : stage) {
    sources.emplace_back(open(source.c_str(), O_PATH | O_CLOEXEC));
    if (!sources.back()) return false;
  }
  if (mount("stage", stage_directory, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") != 0) return false;
  for (std::size_t i = 0; i < stage.size(); ++i) {
    const std::string target = std::string(stage_directory) + "/" + stage[i].second;
    const std::string source = "/proc/self/fd/" + std::to_string(sources[i].get());
    if (!make_mount_point(target, sources[i].get())) return false;
    if (mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return false;
  }
  return true;
}

}  // namespace convd::runner
