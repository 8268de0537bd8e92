#include "convd/office/confine.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "convd/office/landlock.h"

namespace convd::office {
namespace {

constexpr std::array system_paths{
    "/usr",           "/etc/fonts",   "/etc/libreoffice", "/var/lib/libreoffice", "/var/cache/fontconfig",
    "/etc/localtime", "/dev/urandom", "/dev/null"};

shared::Error failure(const std::string& what) {
  return {shared::ErrorCode::internal, what + ": " + std::strerror(errno), {}};
}

bool drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return syscall(SYS_capset, &header, none.data()) == 0;
}

// All threads on this machine.
rlim_t threads_now() {
  struct Close {
    void operator()(FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<FILE, Close> file(std::fopen("/proc/loadavg", "re"));
  unsigned long threads = 0;
  if (!file || std::fscanf(file.get(), "%*s %*s %*s %*u/%lu", &threads) != 1) return 0;
  return threads;
}

// A net below the control group: the kernel counts all that our user has, which is at most what the machine has, and
// from there no child gets much further. A bound of its own would stop the neighbours' threads as well.
bool limit_processes() {
  constexpr rlim_t more = 256;
  const rlim_t now = threads_now();
  rlimit limit{};
  if (now == 0 || getrlimit(RLIMIT_NPROC, &limit) != 0) return false;
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < now + more) return true;
  limit.rlim_cur = limit.rlim_max = now + more;
  return setrlimit(RLIMIT_NPROC, &limit) == 0;
}

}  // namespace

Confinement::Confinement(int landlock, process::OfficeFilter one, process::OfficeFilter several)
    : landlock_(landlock), one_process_(std::move(one)), several_processes_(std::move(several)) {
  for (const char* path : system_paths) {
    if (access(path, F_OK) == 0) system_.emplace_back(path);
  }
}

shared::Result<Confinement> Confinement::prepare() {
  const int version = landlock_version();
  if (version < 1) {
    return shared::Error{
        shared::ErrorCode::unavailable,
        "this kernel has no Landlock, or not in its list of security modules (boot with lsm=landlock,...)"
        "; documents would not be kept from each other",
        {}};
  }
  auto one = process::OfficeFilter::make(process::Processes::one);
  if (!one) return one.error();
  auto several = process::OfficeFilter::make(process::Processes::several);
  if (!several) return several.error();
  return Confinement(version, *std::move(one), *std::move(several));
}

shared::Result<void> Confinement::apply(const std::string& workspace, process::Processes processes) const {
  if (!limit_processes()) return failure("RLIMIT_NPROC");  // reads /proc, which is gone behind the next wall
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failure("no new privileges");
  if (!drop_capabilities()) return failure("capabilities");
  if (auto closed = close_files(workspace); !closed) return closed;
  return close_calls(processes);  // last: it takes away what the others need
}

shared::Result<void> Confinement::close_files(const std::string& workspace) const {
  Ruleset rules(landlock_);
  for (const std::string& path : system_) {
    if (!rules.allow_reading(path)) return failure("Landlock, " + path);
  }
  const bool ours = rules.allow_reading(workspace + "/in") && rules.allow_writing(workspace + "/out") &&
                    rules.allow_writing(workspace + "/tmp");
  if (!ours) return failure("Landlock, workspace");
  if (!rules.enforce()) return failure("Landlock");
  return {};
}

shared::Result<void> Confinement::close_calls(process::Processes processes) const {
  const auto& filter = processes == process::Processes::one ? one_process_ : several_processes_;
  std::vector<sock_filter> code = filter.program_for(getpid());
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return failure("seccomp");
  return {};
}

std::string Confinement::describe() const {
  return "Landlock " + std::to_string(landlock_) + ", seccomp, no network";
}

}  // namespace convd::office
