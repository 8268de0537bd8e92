#include "convd/runner/sandboxed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "convd/runner/stage.h"

namespace convd::runner {
namespace {

loop::UniqueFd file_of(const std::string& content) {
  loop::UniqueFd fd(memfd_create("file", MFD_CLOEXEC));
  std::size_t written = 0;
  while (fd && written < content.size()) {
    const ssize_t length = write(fd.get(), content.data() + written, content.size() - written);
    if (length <= 0) return {};
    written += static_cast<std::size_t>(length);
  }
  if (fd) lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

// A descriptor of its own file offset onto the same program.
loop::UniqueFd reopened(int fd) {
  return loop::UniqueFd(open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

Sandboxed::Sandboxed(const Confinement& confinement, const process::ChildSpec& spec, const Workspace& workspace,
                     uid_t user, const std::optional<process::SandboxParts::Bind>& writable)
    : spec_(spec), staged_(user != same_user) {
  parts_.seccomp = keep(reopened(confinement.seccomp_of(spec.family)));
  const std::string id = std::to_string(staged_ ? user : geteuid());
  parts_.passwd = keep(file_of("job:x:" + id + ":" + id + "::/tmp:/usr/sbin/nologin\n"));
  parts_.group = keep(file_of("job:x:" + id + ":\n"));
  for (const process::MadeFile& file : spec.files) parts_.files.push_back(keep(file_of(file.content)));
  for (const std::string& path : confinement.system) parts_.read_only.push_back({path, path});
  for (const std::string& path : spec.read_only) {
    if (access(path.c_str(), F_OK) == 0) parts_.read_only.push_back({reachable(path), path});
  }
  if (!spec.inspection.empty()) {
    parts_.inspector = confinement.options.inspector;
    parts_.read_only.push_back({reachable(parts_.inspector), parts_.inspector});
  }
  parts_.links = confinement.links;
  parts_.input = reachable(workspace.in());
  parts_.output = reachable(workspace.out());
  if (writable) parts_.writable.push_back({reachable(writable->source), writable->path});
  // Without a group to count them processes are bounded inside, where the user namespace makes the count its own.
  if (confinement.cgroups.kind == CgroupKind::none && spec.limits.processes > 0)
    parts_.wrapper_processes = spec.limits.processes + 2;
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0) status_ = loop::UniqueFd(ends[0]);
  parts_.status = keep(loop::UniqueFd(ends[1]));
}

bool Sandboxed::is_complete() const {
  return std::all_of(owned_.begin(), owned_.end(), [](const auto& fd) { return static_cast<bool>(fd); });
}

void Sandboxed::fill(Launch& how) const {
  for (const auto& fd : owned_) how.keep.push_back(fd.get());
  how.stage = stage_;
  how.argv = process::sandbox_command(spec_, parts_);
}

std::string Sandboxed::reachable(const std::string& path) {
  if (!staged_) return path;
  stage_.emplace_back(path, std::to_string(stage_.size()));
  return std::string(stage_directory) + "/" + stage_.back().second;
}

}  // namespace convd::runner
