#include "convd/runner/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "convd/process/pidfd.h"
#include "convd/process/sandbox.h"
#include "convd/runner/launch.h"
#include "convd/runner/process_tree.h"
#include "convd/runner/stage.h"
#include "convd/runner/unconfined.h"

namespace convd::runner {
namespace {

constexpr loop::milliseconds tick_period{1'000};
constexpr loop::milliseconds last_resort_delay{30};
constexpr int death_patience_ms = 200;
constexpr std::size_t first_input = 2;  // behind standard output and standard error

loop::UniqueFd file_of(const std::string& content) {
  loop::UniqueFd fd(memfd_create("file", MFD_CLOEXEC));
  std::size_t written = 0;
  while (fd && written < content.size()) {
    const ssize_t length = write(fd.get(), content.data() + written, content.size() - written);
    if (length <= 0) return {};
    written += static_cast<std::size_t>(length);
  }
  if (fd) lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

// A descriptor of its own file offset onto the same program.
loop::UniqueFd reopened(int fd) {
  return loop::UniqueFd(open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC));
}

// A child without a memory group: an address space is always larger than the memory that is really used.
process::Limits with_fallbacks(process::Limits limits, CgroupKind cgroups) {
  constexpr std::int64_t slack = std::int64_t{1} << 30;
  if (cgroups == CgroupKind::none && limits.memory_bytes > 0 && limits.address_space_bytes == 0)
    limits.address_space_bytes = 2 * limits.memory_bytes + slack;
  return limits;
}

// What a sandboxed command refers to, kept until it runs.
class Sandboxed {
 public:
  Sandboxed(const Confinement& confinement, const process::ChildSpec& spec, const Workspace& workspace, uid_t user)
      : confinement_(confinement), spec_(spec), staged_(user != same_user) {
    parts_.seccomp = keep(reopened(confinement.seccomp.get()));
    const std::string id = std::to_string(staged_ ? user : geteuid());
    parts_.passwd = keep(file_of("job:x:" + id + ":" + id + "::/tmp:/usr/sbin/nologin\n"));
    parts_.group = keep(file_of("job:x:" + id + ":\n"));
    for (const process::MadeFile& file : spec.files) parts_.files.push_back(keep(file_of(file.content)));
    for (const std::string& path : confinement.system) parts_.read_only.push_back({path, path});
    for (const std::string& path : spec.read_only) {
      if (access(path.c_str(), F_OK) == 0) parts_.read_only.push_back({reachable(path), path});
    }
    parts_.links = confinement.links;
    parts_.input = reachable(workspace.in());
    parts_.output = reachable(workspace.out());
    // Without a group to count them processes are bounded inside, where the user namespace makes the count its own.
    if (confinement.cgroups.kind == CgroupKind::none && spec.limits.processes > 0)
      parts_.wrapper_processes = spec.limits.processes + 2;
    std::array<int, 2> ends{-1, -1};
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0) status_ = loop::UniqueFd(ends[0]);
    parts_.status = keep(loop::UniqueFd(ends[1]));
  }

  bool complete() const {
    return std::all_of(owned_.begin(), owned_.end(), [](const auto& fd) { return static_cast<bool>(fd); });
  }
  void fill(Launch& how) const {
    for (const auto& fd : owned_) how.keep.push_back(fd.get());
    how.stage = stage_;
    how.argv = process::sandbox_command(spec_, parts_);
  }
  loop::UniqueFd take_status() { return std::move(status_); }

 private:
  int keep(loop::UniqueFd fd) { return owned_.emplace_back(std::move(fd)).get(); }
  std::string reachable(const std::string& path) {
    if (!staged_) return path;
    stage_.emplace_back(path, std::to_string(stage_.size()));
    return std::string(stage_directory) + "/" + stage_.back().second;
  }

  const Confinement& confinement_;
  const process::ChildSpec& spec_;
  const bool staged_;
  process::SandboxParts parts_;
  std::vector<loop::UniqueFd> owned_;
  std::vector<std::pair<std::string, std::string>> stage_;
  loop::UniqueFd status_;
};

std::string text_in(int fd) {
  std::array<char, 512> text{};
  const ssize_t length = fd < 0 ? 0 : read(fd, text.data(), text.size());
  return {text.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

}  // namespace

Child::Child(loop::Loop& loop, const Confinement& confinement, process::ChildId id, int slot, Listener listener)
    : loop_(loop), confinement_(confinement), id_(id), slot_(slot), listener_(std::move(listener)) {}

Child::~Child() {
  if (pid_ <= 0) return;
  destroy_tree();
  pollfd ended{pidfd_.get(), POLLIN, 0};
  poll(&ended, 1, death_patience_ms);
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Child::start(const process::ChildSpec& spec, std::vector<loop::UniqueFd> descriptors) {
  limits_ = with_fallbacks(spec.limits, confinement_.cgroups.kind);
  if (auto outcome = launch_it(spec, descriptors); !outcome) fail(outcome.error().message);
}

shared::Result<void> Child::launch_it(const process::ChildSpec& spec, const std::vector<loop::UniqueFd>& descriptors) {
  const auto impossible = [](std::string why) {
    return shared::Error{shared::ErrorCode::unavailable, std::move(why), {}};
  };
  if (descriptors.size() != spec.inputs.size() + first_input) return impossible("descriptors are missing");
  Launch how;
  if (confinement_.change_user) how.user = confinement_.options.job_uid_base + static_cast<uid_t>(slot_);
  auto workspace = Workspace::make(confinement_.work_dir() + "/" + std::to_string(id_), how.user);
  if (!workspace) return workspace.error();
  workspace_.emplace(*std::move(workspace));
  cgroup_ = std::make_unique<Cgroup>(confinement_.cgroups, id_, limits_.memory_bytes, limits_.processes);

  how.out = descriptors[0].get();
  how.err = descriptors[1].get();
  how.join = cgroup_->join_files();
  how.limits = limits_;
  how.nice = spec.nice;
  for (std::size_t i = 0; i < spec.inputs.size(); ++i)
    how.copies.emplace_back(descriptors[i + first_input].get(), workspace_->in() + "/" + spec.inputs[i].name);
  std::optional<Sandboxed> sandboxed;
  if (confinement_.options.sandbox) {
    sandboxed.emplace(confinement_, spec, *workspace_, how.user);
    if (!sandboxed->complete()) return impossible("no more descriptors");
    sandboxed->fill(how);
    status_ = sandboxed->take_status();
  } else if (auto made = run_unconfined(spec, *workspace_, how); !made) {
    return made;
  }
  auto launched = launch(how);
  if (!launched) return launched.error();
  pid_ = launched->pid;
  report_ = std::move(launched->report);
  pidfd_ = process::open_pidfd(pid_);
  ended_ = loop_.watch(pidfd_.get(), loop::Io::read, [this] { reap(); });
  ticker_ = loop_.every(tick_period, [this] { tick(); });
  return {};
}

void Child::fail(std::string reason) {
  failed_ = loop_.after(loop::milliseconds(0), [this, reason = std::move(reason)] {
    process::Exit exit;
    exit.end = process::End::not_started;
    exit.reason = reason;
    listener_.exited(exit);
  });
}

void Child::kill() {
  if (pid_ <= 0) return;
  killed_ = true;
  destroy_tree();
}

// Bubblewrap itself is left to end by the death of its namespace, so that its end means that nothing runs any more.
void Child::destroy_tree() {
  auto processes = process_tree(pid_);
  for (const pid_t pid : cgroup_->members()) processes.push_back(pid);
  std::erase(processes, pid_);
  for (const pid_t pid : processes) ::kill(pid, SIGKILL);
  if (processes.empty()) ::kill(pid_, SIGKILL);
  last_resort_ = loop_.after(last_resort_delay, [this] {
    for (const pid_t pid : process_tree(pid_)) ::kill(pid, SIGKILL);
    for (const pid_t pid : cgroup_->members()) ::kill(pid, SIGKILL);
  });
}

bool Child::output_too_large() const {
  if (limits_.output_bytes == 0 && limits_.output_files == 0) return false;
  return workspace_->exceeds(limits_.output_bytes, limits_.output_files);
}

void Child::tick() {
  cpu_ms_ = std::max(cpu_ms_, cpu_ms_of(process_tree(pid_)));
  if (output_too_large()) {
    over_limit_ = true;
    destroy_tree();
  }
  listener_.usage(cpu_ms_);
}

void Child::reap() {
  int status = 0;
  rusage used{};
  if (wait4(pid_, &status, WNOHANG, &used) != pid_) return;
  ticker_.reset();
  last_resort_.reset();
  ended_.reset();
  pid_ = -1;
  // Without a sandbox whatever left the tree is still there.
  for (const pid_t pid : cgroup_->members()) ::kill(pid, SIGKILL);
  process::Exit exit;
  const auto ms = [](const timeval& time) {
    return static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_usec / 1000;
  };
  exit.system_ms = ms(used.ru_stime);
  exit.user_ms = std::max(ms(used.ru_utime), cpu_ms_ - exit.system_ms);
  exit.peak_rss_bytes = std::max(cgroup_->peak_memory_bytes(), std::int64_t{used.ru_maxrss} * 1024);
  over_limit_ = over_limit_ || output_too_large();
  judge(exit, status);
  exit.outputs = workspace_->outputs();
  listener_.exited(exit);
}

void Child::judge(process::Exit& exit, int wait_status) const {
  using process::End;
  constexpr int signal_base = 128;  // bubblewrap passes a death by signal on as the shell does
  exit.status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : WTERMSIG(wait_status);
  exit.end = WIFEXITED(wait_status) ? End::exited : End::signalled;
  if (status_ && exit.end == End::exited && exit.status > signal_base && exit.status < signal_base + NSIG) {
    exit.end = End::signalled;
    exit.status -= signal_base;
  }
  exit.reason = text_in(report_.get());
  const bool ran = exit.reason.empty() && (!status_ || text_in(status_.get()).find("exit-code") != std::string::npos);
  const bool too_large = over_limit_ || (exit.end == End::signalled && exit.status == SIGXFSZ);
  if (killed_)
    exit.end = End::killed;
  else if (too_large)
    exit.end = End::output_limit;
  else if (cgroup_->ran_out_of_memory())
    exit.end = End::out_of_memory;
  else if (!ran && exit.end == End::exited)
    exit.end = End::not_started;
  if (exit.end == End::not_started && exit.reason.empty()) exit.reason = "the sandbox could not be set up";
}

shared::Result<loop::UniqueFd> Child::open_output(const std::string& name) const {
  if (workspace_ && pid_ <= 0) return workspace_->open(name);
  return shared::Error{shared::ErrorCode::not_found, "no such output", {}};
}

}  // namespace convd::runner
