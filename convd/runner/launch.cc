#include "convd/runner/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "convd/process/child_setup.h"
#include "convd/runner/stage.h"

namespace convd::runner {
namespace {

struct Words {
  explicit Words(const std::vector<std::string>& words) {
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
  }
  std::vector<char*> pointers;
};

bool become(uid_t user) {
  return setgroups(0, nullptr) == 0 && setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0;
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
    if (!process::write_to(file.c_str(), "0")) return "cgroup";
  }
  process::write_to("/proc/self/oom_score_adj", "800");
  setpriority(PRIO_PROCESS, 0, launch.nice);
  umask(022);
  for (const auto& [fd, path] : launch.copies) {
    if (!process::copy_to_new_file(fd, path)) return "copying an input";
  }
  if (!launch.stage.empty() && !set_stage(launch.stage)) return "a mount namespace";
  const bool own_user = launch.user != static_cast<uid_t>(-1);
  if (!process::set_limits(launch.limits)) return "limits";
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
