// convd-runner: starts every sandboxed child of convd. No network, no database. See convd(8).
//
//   convd-runner [--socket-fd N | --listen PATH] --work-dir DIR [--sandbox on|off] [--job-uid-base N] [--allow-user
//   NAME] [--warm-office always|when-needed|never]
//
// With --socket-fd it serves that one connection and ends with it. With --listen, or a socket from systemd, it serves
// one convd after the other.

#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "convd/loop/ev_loop.h"
#include "convd/runner/confinement.h"
#include "convd/runner/office_pool.h"
#include "convd/runner/orphans.h"
#include "convd/runner/self_test.h"
#include "convd/runner/server.h"
#include "shared/enum_names.h"

namespace {

using namespace convd;

struct Arguments {
  int socket_fd = -1;
  std::string listen;
  runner::ConfinementOptions confinement;
  std::optional<uid_t> allowed_user;
  std::string log_level = "info";
  runner::OfficeOptions office;
};

bool set_warm_office(std::string_view word, runner::WarmOffice& when) {
  constexpr std::array<std::string_view, 3> words{"always", "when-needed", "never"};
  const auto found = shared::value_of<runner::WarmOffice>(words, word);
  if (found) when = *found;
  return found.has_value();
}

// Our own programs lie side by side.
std::string sibling(const char* name) {
  std::error_code failed;
  return std::filesystem::read_symlink("/proc/self/exe", failed).parent_path() / name;
}

int usage(const std::string& why) {
  std::fprintf(
      stderr,
      "convd-runner: %s\nusage: convd-runner [--socket-fd N | --listen PATH] --work-dir DIR [--sandbox on|off] "
      "[--job-uid-base N] [--allow-user NAME] [--warm-office always|when-needed|never] [--log-level LEVEL]\n",
      why.c_str());
  return EX_USAGE;
}

// Nothing: all is well; else the exit code.
std::optional<int> parse(int argc, char** argv, Arguments& arguments) {
  static const std::array<option, 9> options{{{"socket-fd", 1, nullptr, 'f'},
                                              {"listen", 1, nullptr, 'l'},
                                              {"work-dir", 1, nullptr, 'w'},
                                              {"sandbox", 1, nullptr, 's'},
                                              {"job-uid-base", 1, nullptr, 'u'},
                                              {"allow-user", 1, nullptr, 'a'},
                                              {"log-level", 1, nullptr, 'v'},
                                              {"warm-office", 1, nullptr, 'o'},
                                              {nullptr, 0, nullptr, 0}}};
  for (int found = 0; (found = getopt_long(argc, argv, "", options.data(), nullptr)) != -1;) {
    const std::string value = optarg == nullptr ? "" : optarg;
    switch (found) {
      case 'f':
        arguments.socket_fd = std::atoi(value.c_str());
        break;
      case 'l':
        arguments.listen = value;
        break;
      case 'w':
        arguments.confinement.work_dir = value;
        break;
      case 's':
        if (value != "on" && value != "off") return usage("--sandbox: expected on or off");
        arguments.confinement.sandbox = value == "on";
        break;
      case 'u':
        arguments.confinement.job_uid_base = static_cast<uid_t>(std::strtoul(value.c_str(), nullptr, 10));
        if (arguments.confinement.job_uid_base < 1000) return usage("--job-uid-base: expected a user id from 1000 on");
        break;
      case 'a': {
        const passwd* user = getpwnam(value.c_str());
        if (user == nullptr) return usage("--allow-user: there is no user " + value);
        arguments.allowed_user = user->pw_uid;
        break;
      }
      case 'v':
        arguments.log_level = value;
        break;
      case 'o':
        if (!set_warm_office(value, arguments.office.when))
          return usage("--warm-office: expected always, when-needed or never");
        break;
      default:
        return usage("unknown option");
    }
  }
  if (arguments.confinement.work_dir.empty()) return usage("--work-dir: required");
  return std::nullopt;
}

loop::UniqueFd listen_on(const std::string& path) {
  loop::UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  unlink(path.c_str());
  if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  chmod(path.c_str(), 0666);  // who may speak is decided by who it is, below
  return listen(fd.get(), 4) == 0 ? std::move(fd) : loop::UniqueFd();
}

bool is_allowed(int socket, const std::optional<uid_t>& allowed) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  return peer.uid == 0 || peer.uid == geteuid() || (allowed && peer.uid == *allowed);
}

constexpr loop::milliseconds rarest_test{60'000};

// Serves one convd at a time: what the last one left is ended before the next begins.
class Runner {
 public:
  Runner(loop::EvLoop& loop, const runner::Confinement& confinement, const Arguments& arguments)
      : loop_(loop), confinement_(confinement), arguments_(arguments) {}

  int run() {
    // A runner of convd's own ends with convd, which may want to drain after the signal that both were sent.
    const bool owned = arguments_.socket_fd >= 0;
    // Also when it is stopped: it has to wake up to see that convd has gone.
    if (owned) prctl(PR_SET_PDEATHSIG, SIGCONT);
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
      signals_.push_back(loop_.on_signal(number, [this, owned] {
        if (!owned) loop_.stop();
      }));
    if (confinement_.options.sandbox) {
      test_sandbox([this](std::string problem) { tested(std::move(problem)); });
    } else {
      spdlog::warn("THE SANDBOX IS OFF: children run without confinement");
      loop_.post([this] { tested(""); });
    }
    loop_.run();
    return exit_code_;
  }

 private:
  void test_sandbox(runner::SelfTest::Done done) {
    self_test_ = std::make_unique<runner::SelfTest>(loop_, confinement_, [this, done](std::string problem) {
      done_testing_ = loop_.after(loop::milliseconds(0), [this] { self_test_.reset(); });  // it is still on the stack
      done(std::move(problem));
    });
  }

  void tested(std::string problem) {
    problem_ = std::move(problem);
    const std::string& inspector = confinement_.options.inspector;
    if (problem_.empty() && access(inspector.c_str(), X_OK) != 0)
      problem_ = "convd-inspect, which looks at every document, is not beside convd-runner";
    if (problem_.empty()) office_.open();
    if (!problem_.empty()) {
      spdlog::error("no engine can be started: {}", problem_);
      look_again();
    }
    if (arguments_.socket_fd >= 0) {
      fcntl(arguments_.socket_fd, F_SETFD, FD_CLOEXEC);
      return serve(loop::UniqueFd(arguments_.socket_fd));
    }
    listener_ = sd_listen_fds(1) == 1 ? loop::UniqueFd(SD_LISTEN_FDS_START) : listen_on(arguments_.listen);
    if (!listener_) {
      spdlog::error("cannot listen on {}: {}", arguments_.listen, std::strerror(errno));
      exit_code_ = EX_UNAVAILABLE;
      return loop_.stop();
    }
    accepting_ = loop_.watch(listener_.get(), loop::Io::read, [this] { accept_one(); });
    sd_notify(0, "READY=1");
  }

  // What was in the way (no memory, no process left, a setting of the kernel) may go, and a convd that was served
  // before waits for that. It is told by beginning anew.
  void look_again() {
    testing_again_ = loop_.after(until_next_test_, [this] {
      until_next_test_ = std::min(until_next_test_ * 2, rarest_test);
      test_sandbox([this](const std::string& problem) {
        if (!problem.empty() || access(confinement_.options.inspector.c_str(), X_OK) != 0) return look_again();
        spdlog::info("what was in the way has gone: {}", problem_);
        problem_.clear();
        if (arguments_.socket_fd < 0) office_.open();
        gone_ = loop_.after(loop::milliseconds(0), [this] { over(); });
      });
    });
  }

  void accept_one() {
    loop::UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    if (is_allowed(socket.get(), arguments_.allowed_user)) return serve(std::move(socket));
    spdlog::warn("a connection of a stranger is refused");
  }

  void serve(loop::UniqueFd socket) {
    server_.reset();
    server_ = std::make_unique<runner::Server>(loop_, confinement_, office_, problem_, std::move(socket), [this] {
      gone_ = loop_.after(loop::milliseconds(0), [this] { over(); });
    });
  }

  void over() {
    server_.reset();  // ends every child and removes every workspace
    if (arguments_.socket_fd >= 0) loop_.stop();
  }

  loop::EvLoop& loop_;
  const runner::Confinement& confinement_;
  const Arguments& arguments_;
  runner::Orphans orphans_{loop_};
  runner::OfficePool office_{loop_, confinement_, arguments_.office};
  std::vector<loop::Signal> signals_;
  std::unique_ptr<runner::SelfTest> self_test_;
  std::string problem_;
  loop::UniqueFd listener_;
  loop::Watch accepting_;
  loop::Timer done_testing_;
  loop::Timer testing_again_;
  loop::milliseconds until_next_test_{2'000};
  loop::Timer gone_;
  std::unique_ptr<runner::Server> server_;
  int exit_code_ = EX_OK;
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  Arguments arguments;
  arguments.office.program = sibling("convd-office");
  arguments.confinement.inspector = sibling("convd-inspect");
  if (const auto code = parse(argc, argv, arguments)) return *code;
  spdlog::set_default_logger(spdlog::stderr_logger_mt("convd-runner"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-5l %n: %v", spdlog::pattern_time_type::utc);
  spdlog::set_level(spdlog::level::from_str(arguments.log_level));
  try {
    auto confinement = runner::Confinement::prepare(arguments.confinement);
    if (!confinement) {
      spdlog::error("{}", confinement.error().message);
      return EX_UNAVAILABLE;
    }
    loop::EvLoop loop;
    const int code = Runner(loop, *confinement, arguments).run();
    confinement->clean();
    return code;
  } catch (const std::exception& error) {
    spdlog::error("{}", error.what());
    return EX_SOFTWARE;
  }
}
