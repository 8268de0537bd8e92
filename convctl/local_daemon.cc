#include "convctl/local_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace convctl {
namespace {

namespace fs = std::filesystem;

FileDescriptor notify_socket(const std::string& path) {
  FileDescriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw Failure{Exit::unavailable, path + ": " + std::strerror(errno), ""};
  }
  return fd;
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* arguments, char* const* environment, int log, pid_t parent) {
  setpgid(0, 0);  // Ctrl-C is for convctl, which stops the daemon itself
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execve(arguments[0], arguments, environment);
  _exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> environment_for(const std::string& notify_path) {
  std::vector<std::string> list;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    // What configures the system's daemon is not meant for this one, and a watchdog watches somebody else.
    const bool foreign = text.starts_with("CONVD_SOCKET=") || text.starts_with("CONVD_LISTEN=") ||
                         text.starts_with("CONVD_URL=") || text.starts_with("CONVD_STATE_DIR=") ||
                         text.starts_with("NOTIFY_SOCKET=") || text.starts_with("WATCHDOG_") ||
                         text.starts_with("LISTEN_") || text.starts_with("CONVCTL_PASSWORD=");
    if (!foreign) list.emplace_back(text);
  }
  list.push_back("NOTIFY_SOCKET=" + notify_path);
  // It lives for one command, which may hold no office document at all.
  if (std::getenv("CONVD_WARM_OFFICE") == nullptr) list.emplace_back("CONVD_WARM_OFFICE=when-needed");
  return list;
}

}  // namespace

std::string find_convd() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  std::vector<fs::path> candidates{self.parent_path() / "convd"};
  const char* path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "" : path);
  for (std::string directory; std::getline(directories, directory, ':');)
    candidates.push_back(fs::path(directory) / "convd");
  for (const fs::path& candidate : candidates) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  throw Failure{Exit::unavailable, "convd was found neither beside convctl nor in PATH",
                "install it: `apt install convd`"};
}

LocalDaemon::LocalDaemon(Session& session) {
  const std::string program = find_convd();
  std::string pattern = "/tmp/convctl-XXXXXX";  // not TMPDIR: the path of a socket is short
  if (mkdtemp(pattern.data()) == nullptr) throw Failure{Exit::cannot_create, pattern + ": " + std::strerror(errno), ""};
  directory_ = pattern;
  session.remark("starting a private convd");
  try {
    start(program);
    wait_until_ready(program);
  } catch (...) {
    stop();
    throw;
  }
  session.use_socket(directory_ + "/convd.sock");
}

LocalDaemon::~LocalDaemon() {
  stop();
}

void LocalDaemon::start(const std::string& program) {
  const std::string notify_path = directory_ + "/notify";
  notify_ = notify_socket(notify_path);
  const FileDescriptor log(open((directory_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  std::vector<std::string> arguments{program, "--socket",    directory_ + "/convd.sock", "--listen",
                                     "none",  "--state-dir", directory_ + "/state"};
  std::vector<std::string> environment = environment_for(notify_path);
  const std::vector<char*> argument_list = pointers(arguments);
  const std::vector<char*> environment_list = pointers(environment);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become(argument_list.data(), environment_list.data(), log.get(), parent);
  if (pid_ < 0)
    throw Failure{Exit::unavailable, std::string("cannot start ") + program + ": " + std::strerror(errno), ""};
  process_ = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
}

void LocalDaemon::wait_until_ready(const std::string& program) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigset_t before;
  sigprocmask(SIG_BLOCK, &set, &before);
  const FileDescriptor signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  const std::unique_ptr<sigset_t, void (*)(sigset_t*)> restore(
      &before, [](sigset_t* old) { sigprocmask(SIG_SETMASK, old, nullptr); });
  for (;;) {
    std::array<pollfd, 3> fds{{{notify_.get(), POLLIN, 0}, {process_.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}}};
    const int count = poll(fds.data(), fds.size(), 30'000);
    if (count < 0 && errno == EINTR) continue;
    signalfd_siginfo info{};
    if (read(signals.get(), &info, sizeof info) == sizeof info)
      throw Failure{exit_for_signal(static_cast<int>(info.ssi_signo)), "interrupted", ""};
    if ((fds[0].revents & POLLIN) != 0) {
      std::array<char, 4096> buffer;
      const ssize_t got = recv(notify_.get(), buffer.data(), buffer.size(), 0);
      if (got > 0 &&
          std::string_view(buffer.data(), static_cast<std::size_t>(got)).find("READY=1") != std::string_view::npos)
        return;
    } else if (count == 0 || fds[1].revents != 0) {
      throw Failure{Exit::unavailable, program + (count == 0 ? " did not get ready in 30 s" : " has ended at once"),
                    log_tail()};
    }
  }
}

std::string LocalDaemon::log_tail() const {
  std::ifstream file(directory_ + "/log");
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) last = line;
  return last.empty() ? "" : "its last words: " + last;
}

void LocalDaemon::stop() noexcept {
  if (pid_ > 0) {
    kill(pid_, SIGTERM);
    pollfd ended{process_.get(), POLLIN, 0};
    while (poll(&ended, 1, 10'000) < 0 && errno == EINTR) {
    }
    if (ended.revents == 0) kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  std::error_code ignored;
  if (!directory_.empty()) fs::remove_all(directory_, ignored);
}

}  // namespace convctl
