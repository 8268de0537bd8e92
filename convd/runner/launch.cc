#include "convd/runner/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "convd/runner/stage.h"

namespace convd::runner {
namespace {

constexpr int default_open_files = 1024;

struct Words {
  explicit Words(const std::vector<std::string>& words) {
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
  }
  std::vector<char*> pointers;
};

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

// Not the number of processes: the kernel would count all that a user has, also those of another runner's jobs.
bool set_limits(const process::Limits& limits) {
  bool ok = limit(RLIMIT_CORE, 0);
  ok = limit(RLIMIT_NOFILE, limits.open_files > 0 ? limits.open_files : default_open_files) && ok;
  if (limits.file_bytes > 0) ok = limit(RLIMIT_FSIZE, limits.file_bytes) && ok;
  // SIGXCPU, which can be told from a kill; SIGKILL for whoever ignores it.
  const std::int64_t cpu_s = (limits.cpu_ms + 999) / 1000;
  if (cpu_s > 0) ok = limit(RLIMIT_CPU, cpu_s, cpu_s + 2) && ok;
  if (limits.address_space_bytes > 0) ok = limit(RLIMIT_AS, limits.address_space_bytes) && ok;
  return ok;
}

bool write_to(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = write(fd, text, std::strlen(text)) >= 0;
  close(fd);
  return written;
}

bool become(uid_t user) {
  return setgroups(0, nullptr) == 0 && setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0;
}

// Shares the blocks where the file system can, else copies.
bool copy(int source, const std::string& path) {
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

// In the child. Returns what failed; does not return when all went well.
const char* set_up_and_exec(const Launch& launch, char* const* argv, char* const* env) {
  // Until the program runs nothing must outlive the runner; bubblewrap goes on from there. A change of user clears it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGTERM, SIGINT, SIGHUP}) signal(number, SIG_DFL);
  if (setsid() < 0) return "setsid";
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (dup2(null, 0) < 0 || dup2(launch.out, 1) < 0 || dup2(launch.err, 2) < 0) return "standard streams";
  for (const std::string& file : launch.join) {
    if (!write_to(file.c_str(), "0")) return "cgroup";
  }
  write_to("/proc/self/oom_score_adj", "800");
  setpriority(PRIO_PROCESS, 0, launch.nice);
  umask(022);
  for (const auto& [fd, path] : launch.copies) {
    if (!copy(fd, path)) return "copying an input";
  }
  if (!launch.stage.empty() && !set_stage(launch.stage)) return "a mount namespace";
  const bool own_user = launch.user != static_cast<uid_t>(-1);
  if (!set_limits(launch.limits)) return "limits";
  if (!launch.directory.empty() && chdir(launch.directory.c_str()) != 0) return "directory";
  if (own_user && !become(launch.user)) return "user";
  for (const int fd : launch.keep) {
    if (fcntl(fd, F_SETFD, 0) != 0) return "descriptors";
  }
  execve(argv[0], argv, env);
  return argv[0];
}

}  // namespace

shared::Result<Launched> launch(const Launch& launch) {
  std::vector<std::string> environment;
  for (const auto& [key, value] : launch.env) environment.push_back(key + "=" + value);
  const Words argv(launch.argv);
  const Words env(environment);

  std::array<int, 2> report{-1, -1};  // closes on exec
  if (pipe2(report.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    return shared::Error{shared::ErrorCode::unavailable, "no more descriptors", {}};
  Launched launched{-1, loop::UniqueFd(report[0])};
  const loop::UniqueFd writer(report[1]);
  launched.pid = fork();
  if (launched.pid == 0) {
    const char* what = set_up_and_exec(launch, argv.pointers.data(), env.pointers.data());
    std::array<char, 256> text{};
    const int length = snprintf(text.data(), text.size(), "%s: %s", what, std::strerror(errno));
    if (write(report[1], text.data(), static_cast<std::size_t>(length)) < 0) _exit(126);
    _exit(127);
  }
  if (launched.pid < 0)
    return shared::Error{shared::ErrorCode::unavailable, std::string("fork: ") + std::strerror(errno), {}};
  return launched;
}

}  // namespace convd::runner
