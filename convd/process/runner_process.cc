#include "convd/process/runner_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "convd/process/pidfd.h"

namespace convd::process {
namespace {

constexpr loop::milliseconds least_backoff{100};
constexpr loop::milliseconds most_backoff{5'000};
constexpr int socket_in_child = 3;

template <typename... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  if (auto log = spdlog::get("process")) log->warn(format, std::forward<Args>(args)...);
}

}  // namespace

RunnerProcess::RunnerProcess(loop::Loop& loop, RunnerClient& client, RunnerOptions options)
    : loop_(loop), client_(client), options_(std::move(options)) {}

RunnerProcess::~RunnerProcess() {
  client_.on_state({});
}

void RunnerProcess::start(loop::Task changed) {
  changed_ = std::move(changed);
  client_.on_state([this] {
    if (client_.state().connected) backoff_ = least_backoff;
    changed_();
    if (!client_.state().connected) retry();
  });
  connect();
}

void RunnerProcess::connect() {
  retry_.reset();
  loop::UniqueFd socket = options_.socket.empty() ? spawn() : connect_to_socket();
  if (socket) {
    client_.attach(std::move(socket));
    // The end of the connection before, told only now, is no reason to end this runner while it starts.
    return retry_.reset();
  }
  warn("convd-runner cannot be reached: {}", std::strerror(errno));
  retry();
}

void RunnerProcess::retry() {
  if (retry_) return;
  retry_ = loop_.after(backoff_, [this] { connect(); });
  backoff_ = std::min(backoff_ * 2, most_backoff);
}

loop::UniqueFd RunnerProcess::connect_to_socket() {
  loop::UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options_.socket.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, options_.socket.c_str(), options_.socket.size() + 1);
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  return fd;
}

loop::UniqueFd RunnerProcess::spawn() {
  if (pid_ > 0) {  // one that broke the protocol and still ends its children
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::array<int, 2> ends{-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
  loop::UniqueFd ours(ends[0]);
  // High enough never to be the very number it is duplicated to, which would leave close-on-exec set.
  const loop::UniqueFd theirs(fcntl(ends[1], F_DUPFD_CLOEXEC, socket_in_child + 1));
  ::close(ends[1]);
  std::vector<std::string> words{options_.program,
                                 "--socket-fd",
                                 std::to_string(socket_in_child),
                                 "--work-dir",
                                 options_.work_dir,
                                 "--sandbox",
                                 options_.sandbox ? "on" : "off",
                                 "--log-level",
                                 options_.log_level,
                                 "--warm-office",
                                 options_.warm_office};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), socket_in_child);
  posix_spawnattr_t attributes;  // no signal is blocked or ignored, whatever holds for us
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int failed = posix_spawn(&pid_, options_.program.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    pid_ = -1;
    errno = failed;
    return {};
  }
  pidfd_ = open_pidfd(pid_);
  exited_ = loop_.watch(pidfd_.get(), loop::Io::read, [this] { reap(); });
  return ours;
}

void RunnerProcess::reap() {
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return;
  warn("convd-runner (process {}) has ended with status {}", pid_, status);
  pid_ = -1;
  exited_.reset();
  pidfd_.reset();
  retry();
}

}  // namespace convd::process
