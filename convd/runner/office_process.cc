#include "convd/runner/office_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "convd/process/pidfd.h"
#include "convd/process/sandbox.h"
#include "convd/runner/launch.h"
#include "convd/runner/process_tree.h"
#include "convd/runner/sandboxed.h"
#include "convd/runner/unconfined.h"

namespace convd::runner {
namespace {

constexpr const char* work_inside = "/.work";  // nowhere that a program of ours could lie
constexpr loop::milliseconds most_start_time{60'000};
constexpr loop::milliseconds most_end_time{1'000};  // without a connection; its own status says more than our signal
constexpr int death_patience_ms = 200;
constexpr std::uint64_t first_group = std::uint64_t{1} << 62;  // far from the numbers of children
constexpr int open_files = 4096;

struct Ends {
  loop::UniqueFd ours;
  loop::UniqueFd theirs;
};

Ends make_socket() {
  std::array<int, 2> ends{-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {loop::UniqueFd(ends[0]), loop::UniqueFd(ends[1])};
}

process::ChildSpec spec_of(const std::string& program, int socket, bool sandbox) {
  process::ChildSpec spec;
  spec.job = "office";
  spec.argv = {program,      "--socket-fd", std::to_string(socket), "--sandbox", sandbox ? "on" : "off",
               "--temp-dir", "/tmp"};
  spec.env = {{"TMPDIR", "/tmp"}, {"SAL_USE_VCLPLUGIN", "svp"}};
  spec.read_only = {"/etc/libreoffice", "/var/lib/libreoffice", "/etc/fonts", "/var/cache/fontconfig"};
  if (!program.starts_with("/usr/")) spec.read_only.push_back(program);
  spec.limits.open_files = open_files;
  spec.family = process::Family::office;
  return spec;
}

}  // namespace

OfficeProcess::OfficeProcess(loop::Loop& loop, const Confinement& confinement, std::uint64_t number, uid_t user)
    : loop_(loop), confinement_(confinement), number_(number), user_(user), started_(loop.now()) {}

OfficeProcess::~OfficeProcess() {
  if (pid_ <= 0) return;
  kill_all();
  pollfd ended{pidfd_.get(), POLLIN, 0};
  poll(&ended, 1, death_patience_ms);
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

shared::Result<void> OfficeProcess::start(const std::string& program, Hooks hooks) {
  hooks_ = std::move(hooks);
  const auto impossible = [](std::string why) {
    return shared::Error{shared::ErrorCode::unavailable, std::move(why), {}};
  };
  auto workspace = Workspace::make(confinement_.work_dir() + "/office-" + std::to_string(number_), user_, Owns::all);
  if (!workspace) return workspace.error();
  workspace_.emplace(*std::move(workspace));
  cgroup_ = std::make_unique<Cgroup>(confinement_.cgroups, first_group + number_, 0, 0);
  Ends ends = make_socket();
  if (!ends.ours) return impossible("no more descriptors");

  Launch how;
  how.user = user_;
  how.out = STDERR_FILENO;
  how.err = STDERR_FILENO;
  how.join = cgroup_->join_files();
  const auto spec = spec_of(program, ends.theirs.get(), confinement_.options.sandbox);
  how.limits = spec.limits;
  how.nice = spec.nice;
  std::optional<Sandboxed> sandboxed;
  if (confinement_.options.sandbox) {
    sandboxed.emplace(confinement_, spec, *workspace_, user_,
                      process::SandboxParts::Bind{confinement_.work_dir(), work_inside});
    if (!sandboxed->is_complete()) return impossible("no more descriptors");
    sandboxed->fill(how);
    status_ = sandboxed->take_status();
  } else if (auto made = run_unconfined(spec, *workspace_, confinement_.options.inspector, how); !made) {
    return made;
  }
  how.keep.push_back(ends.theirs.get());
  auto launched = launch(how);
  if (!launched) return launched.error();
  pid_ = launched->pid;
  report_ = std::move(launched->report);
  pidfd_ = process::open_pidfd(pid_);
  ended_ = loop_.watch(pidfd_.get(), loop::Io::read, [this] { reap(); });
  channel_ = std::make_unique<process::Channel>(
      loop_, std::move(ends.ours),
      [this](const std::string& text, std::vector<loop::UniqueFd> descriptors) {
        take_message(text, std::move(descriptors));
      },
      [this] { last_words_ = loop_.after(most_end_time, [this] { kill_all(); }); });
  start_patience_ = loop_.after(most_start_time, [this] {
    refusal_ = "it was not ready after " + std::to_string(most_start_time.count() / 1000) + " s";
    kill_all();
  });
  return {};
}

std::string OfficeProcess::inside(const std::string& directory) const {
  if (!confinement_.options.sandbox) return directory;
  return work_inside + directory.substr(confinement_.work_dir().size());
}

void OfficeProcess::convert(process::Convert convert, std::vector<loop::UniqueFd> descriptors, OfficeClient& client) {
  ++documents_;
  clients_.emplace(convert.id, &client);
  channel_->send(process::encode_office(std::move(convert)), std::move(descriptors));
}

void OfficeProcess::forget(process::ChildId id) {
  clients_.erase(id);
}

void OfficeProcess::drain() {
  if (state_ == State::gone || state_ == State::draining) return;
  state_ = State::draining;
  channel_->send(process::encode_office(process::Drain{}));
}

void OfficeProcess::take_message(const std::string& text, std::vector<loop::UniqueFd> descriptors) {
  auto message = process::decode_office(text);
  if (!message) {
    spdlog::error("convd-office says what cannot be read: {}", message.error().message);
    return kill_all();
  }
  std::visit([&](auto& value) { take(value, descriptors); }, *message);
}

template <typename T>
void OfficeProcess::take(T&, std::vector<loop::UniqueFd>&) {
  kill_all();
}

void OfficeProcess::take(process::OfficeReady& ready, std::vector<loop::UniqueFd>&) {
  start_patience_.reset();
  version_ = ready.version;
  description_ = ready.confinement;
  if (state_ != State::starting) return;
  state_ = State::ready;
  hooks_.ready();
}

void OfficeProcess::take(process::OfficeRefused& refused, std::vector<loop::UniqueFd>&) {
  refusal_ = refused.reason;
}

void OfficeProcess::take(process::ChildStarted& started, std::vector<loop::UniqueFd>& descriptors) {
  const auto found = clients_.find(started.id);
  if (found == clients_.end() || descriptors.size() != 1) return;
  found->second->on_started(std::move(descriptors.front()));
}

void OfficeProcess::take(process::ChildEnded& ended, std::vector<loop::UniqueFd>&) {
  const auto found = clients_.find(ended.id);
  if (found == clients_.end()) return;
  OfficeClient& client = *found->second;
  clients_.erase(found);
  client.on_ended(ended);
}

void OfficeProcess::kill_all() const {
  kill_below(pid_);
  if (!confinement_.options.sandbox && pid_ > 0) ::kill(pid_, SIGKILL);
}

void OfficeProcess::reap() {
  // What it has said before it ended comes first: the last document has ended well, and is not lost.
  if (channel_->has_more()) return;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return;
  pid_ = -1;
  ended_.reset();
  std::array<char, 256> text{};
  const ssize_t length = read(report_.get(), text.data(), text.size());
  std::string reason = length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : refusal_;
  const bool clean = state_ == State::draining && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (reason.empty() && !clean)
    reason = WIFSIGNALED(status) ? "it was ended by signal " + std::to_string(WTERMSIG(status))
                                 : "it ended with status " + std::to_string(WEXITSTATUS(status));
  end(std::move(reason));
}

void OfficeProcess::end(std::string reason) {
  const bool refused = !refusal_.empty();
  state_ = State::gone;
  start_patience_.reset();
  last_words_.reset();
  std::map<process::ChildId, OfficeClient*> clients;
  clients.swap(clients_);
  for (const auto& [id, client] : clients) client->on_lost();
  hooks_.gone(std::move(reason), refused);
}

std::int64_t OfficeProcess::resident_bytes() const {
  std::int64_t most = 0;
  for (const pid_t pid : process_tree(pid_)) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
    std::int64_t size = 0;
    std::int64_t resident = 0;
    if (file >> size >> resident) most = std::max(most, resident * sysconf(_SC_PAGESIZE));
  }
  return most;
}

}  // namespace convd::runner
