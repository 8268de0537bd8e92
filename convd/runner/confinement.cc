#include "convd/runner/confinement.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "convd/process/sandbox.h"
#include "convd/process/seccomp_filter.h"

namespace convd::runner {
namespace {

// Workspaces of a runner that was killed are of no use to anybody.
shared::Result<void> empty_directory(const std::string& path) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  for (const auto& entry : std::filesystem::directory_iterator(path, failed)) {
    std::error_code ignored;
    std::filesystem::remove_all(entry.path(), ignored);
  }
  if (!failed) return {};
  return shared::Error{shared::ErrorCode::unavailable, "work directory " + path + ": " + failed.message(), {}};
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
  if (auto emptied = empty_directory(confinement.options.work_dir); !emptied) return emptied.error();
  confinement.change_user = geteuid() == 0;
  confinement.cgroups = CgroupPlace::find();
  if (!confinement.options.sandbox) return confinement;

  auto filter = process::make_seccomp_filter();
  if (!filter) return filter.error();
  confinement.seccomp = *std::move(filter);
  for (const std::string& path : process::system_paths()) {
    loop::UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
    if (fd) confinement.system.emplace_back(path, std::move(fd));
  }
  for (const char* path : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    std::error_code failed;
    const auto target = std::filesystem::read_symlink(path, failed);
    if (!failed)
      confinement.links.emplace_back(path, target);
    else if (loop::UniqueFd fd(open(path, O_PATH | O_CLOEXEC)); fd)
      confinement.system.emplace_back(path, std::move(fd));
  }
  return confinement;
}

std::string Confinement::describe() const {
  const std::string user =
      change_user ? "job users from " + std::to_string(options.job_uid_base) : "user " + std::to_string(geteuid());
  if (!options.sandbox) return "NO SANDBOX, " + user + ", " + cgroups.describe();
  return bubblewrap_version() + ", all namespaces, no network, seccomp, " + user + ", " + cgroups.describe();
}

}  // namespace convd::runner
