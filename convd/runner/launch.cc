#include "convd/runner/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "convd/loop/unique_fd.h"

namespace convd::runner {
namespace {

constexpr int default_open_files = 1024;

// What is needed between fork and exec, made before: no allocation in the child.
struct Words {
  explicit Words(const std::vector<std::string>& words) {
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
  }
  std::vector<char*> pointers;
};

bool limit(decltype(RLIMIT_CORE) resource, std::int64_t value) {
  const rlimit both{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
  return setrlimit(resource, &both) == 0;
}

bool set_limits(const process::Limits& limits, bool own_user) {
  bool ok = limit(RLIMIT_CORE, 0);
  ok = limit(RLIMIT_NOFILE, limits.open_files > 0 ? limits.open_files : default_open_files) && ok;
  if (limits.file_bytes > 0) ok = limit(RLIMIT_FSIZE, limits.file_bytes) && ok;
  if (limits.cpu_ms > 0) ok = limit(RLIMIT_CPU, (limits.cpu_ms + 999) / 1000) && ok;
  if (limits.address_space_bytes > 0) ok = limit(RLIMIT_AS, limits.address_space_bytes) && ok;
  // The kernel counts processes per user: only fair where the user is the child's alone. Bubblewrap and setpriv need
  // some themselves.
  if (limits.processes > 0 && own_user) ok = limit(RLIMIT_NPROC, limits.processes + 4) && ok;
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

// In the child. Returns what failed; does not return when all went well.
const char* set_up_and_exec(const Launch& launch, char* const* argv, char* const* env) {
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
  if (!set_limits(launch.limits, launch.own_user)) return "limits";
  if (!launch.directory.empty() && chdir(launch.directory.c_str()) != 0) return "directory";
  if (launch.user != static_cast<uid_t>(-1) && !become(launch.user)) return "user";
  for (const int fd : launch.keep) {
    if (fcntl(fd, F_SETFD, 0) != 0) return "descriptors";
  }
  execve(argv[0], argv, env);
  return argv[0];
}

}  // namespace

shared::Result<pid_t> launch(const Launch& launch) {
  std::vector<std::string> environment;
  for (const auto& [key, value] : launch.env) environment.push_back(key + "=" + value);
  const Words argv(launch.argv);
  const Words env(environment);

  std::array<int, 2> report{-1, -1};  // closes on exec: an empty read is success
  if (pipe2(report.data(), O_CLOEXEC) != 0)
    return shared::Error{shared::ErrorCode::unavailable, "no more descriptors", {}};
  const loop::UniqueFd reader(report[0]);
  loop::UniqueFd writer(report[1]);
  const pid_t pid = fork();
  if (pid == 0) {
    const char* what = set_up_and_exec(launch, argv.pointers.data(), env.pointers.data());
    std::array<char, 256> text{};
    const int length = snprintf(text.data(), text.size(), "%s: %s", what, std::strerror(errno));
    if (write(report[1], text.data(), static_cast<std::size_t>(length)) < 0) _exit(126);
    _exit(127);
  }
  writer.reset();
  if (pid < 0) return shared::Error{shared::ErrorCode::unavailable, std::string("fork: ") + std::strerror(errno), {}};
  std::array<char, 256> text{};
  const ssize_t length = read(reader.get(), text.data(), text.size() - 1);
  if (length <= 0) return pid;
  waitpid(pid, nullptr, 0);
  return shared::Error{shared::ErrorCode::unavailable, text.data(), {}};
}

}  // namespace convd::runner
