#include "convd/runner/confinement.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>

#include "convd/process/sandbox.h"
#include "convd/process/seccomp_filter.h"
#include "convd/runner/workspace.h"

namespace convd::runner {
namespace {

constexpr std::string_view directory_prefix = "runner-";

loop::UniqueFd locked(const std::string& directory) {
  loop::UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd && flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
  return fd;
}

// Workspaces of a runner that was killed are of no use to anybody; those of one that still ends its children are
// locked.
void remove_leftovers(const std::string& directory) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(directory_prefix) && locked(entry.path())) remove_tree(entry.path());
  }
}

// Whether a user who is neither owner nor in the group gets into the directory.
bool open_to_others(const std::filesystem::path& directory) {
  std::error_code failed;
  for (auto path = std::filesystem::canonical(directory, failed); !failed; path = path.parent_path()) {
    if ((std::filesystem::status(path, failed).permissions() & std::filesystem::perms::others_exec) ==
        std::filesystem::perms::none)
      return false;
    if (path == path.root_path()) return true;
  }
  return false;
}

std::string bubblewrap_version() {
  struct Close {
    void operator()(FILE* pipe) const { pclose(pipe); }
  };
  const std::unique_ptr<FILE, Close> pipe(popen("/usr/bin/bwrap --version 2>/dev/null", "re"));
  std::array<char, 64> line{};
  if (!pipe || std::fgets(line.data(), line.size(), pipe.get()) == nullptr) return "bubblewrap";
  std::string text = line.data();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

shared::Result<Confinement> Confinement::prepare(ConfinementOptions options) {
  Confinement confinement;
  confinement.options = std::move(options);
  confinement.change_user = geteuid() == 0;
  std::string base = confinement.options.work_dir;
  std::error_code failed;
  std::filesystem::create_directories(base, failed);
  // With a sandbox the runner shows the workspace to its child; without one the job's user must reach it by itself.
  if (!confinement.options.sandbox && confinement.change_user && !open_to_others(base)) base = "/var/tmp";
  remove_leftovers(base);
  std::string own = base + "/" + std::string(directory_prefix) + "XXXXXX";
  if (mkdtemp(own.data()) == nullptr || chmod(own.c_str(), 0711) != 0 || !(confinement.lock_ = locked(own))) {
    return shared::Error{shared::ErrorCode::unavailable, "work directory " + base + ": " + std::strerror(errno), {}};
  }
  confinement.own_directory_ = own;
  confinement.cgroups = CgroupPlace::find();
  if (!confinement.options.sandbox) return confinement;

  for (std::size_t i = 0; i < process::family_count; ++i) {
    auto filter = process::make_seccomp_filter(static_cast<process::Family>(i));
    if (!filter) return filter.error();
    confinement.seccomp[i] = *std::move(filter);
  }
  for (const std::string& path : process::system_paths()) {
    if (access(path.c_str(), F_OK) == 0) confinement.system.push_back(path);
  }
  for (const char* path : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    const auto target = std::filesystem::read_symlink(path, failed);
    if (!failed)
      confinement.links.emplace_back(path, target);
    else if (access(path, F_OK) == 0)
      confinement.system.emplace_back(path);
  }
  return confinement;
}

void Confinement::clean() const {
  remove_tree(own_directory_);
}

std::string Confinement::describe() const {
  const std::string user =
      change_user ? "job users from " + std::to_string(options.job_uid_base) : "user " + std::to_string(geteuid());
  if (!options.sandbox) return "NO SANDBOX, " + user + ", " + cgroups.describe();
  return bubblewrap_version() + ", all namespaces, no network, seccomp, " + user + ", " + cgroups.describe();
}

}  // namespace convd::runner
