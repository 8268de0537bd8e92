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
#include "convd/runner/unconfined.h"

namespace convd::runner {
namespace {

constexpr loop::milliseconds tick_period{1'000};

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

// All descriptors a sandboxed command refers to, kept open until it runs.
struct Prepared {
  process::SandboxParts parts;
  std::vector<loop::UniqueFd> owned;
  std::vector<int> all;

  int keep(loop::UniqueFd fd) {
    owned.push_back(std::move(fd));
    all.push_back(owned.back().get());
    return all.back();
  }
  int borrow(int fd) {
    all.push_back(fd);
    return fd;
  }
  bool complete() const {
    return std::all_of(all.begin(), all.end(), [](int fd) { return fd >= 0; });
  }
};

Prepared prepare(const Confinement& confinement, const process::ChildSpec& spec,
                 const std::vector<loop::UniqueFd>& descriptors, const Workspace& workspace, uid_t user) {
  Prepared prepared;
  process::SandboxParts& parts = prepared.parts;
  if (user != same_user) parts.user = user;
  parts.seccomp = prepared.keep(reopened(confinement.seccomp.get()));
  parts.output = prepared.borrow(workspace.directory());
  const std::string id = std::to_string(user == same_user ? geteuid() : user);
  parts.passwd = prepared.keep(file_of("job:x:" + id + ":" + id + "::/tmp:/usr/sbin/nologin\n"));
  parts.group = prepared.keep(file_of("job:x:" + id + ":\n"));
  for (const auto& [path, fd] : confinement.system) parts.system.emplace_back(path, prepared.borrow(fd.get()));
  parts.links = confinement.links;
  for (const std::string& path : spec.read_only) {
    loop::UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
    if (fd) parts.system.emplace_back(path, prepared.keep(std::move(fd)));
  }
  for (const process::MadeFile& file : spec.files) parts.files.push_back(prepared.keep(file_of(file.content)));
  for (std::size_t i = 2; i < descriptors.size(); ++i) parts.inputs.push_back(prepared.borrow(descriptors[i].get()));
  return prepared;
}

}  // namespace

Child::Child(loop::Loop& loop, const Confinement& confinement, process::ChildId id, int slot, Listener listener)
    : loop_(loop), confinement_(confinement), id_(id), slot_(slot), listener_(std::move(listener)) {}

Child::~Child() {
  if (pid_ > 0) {
    destroy_tree();
    waitpid(pid_, nullptr, 0);
  }
  if (!confinement_.options.sandbox) remove_unconfined(confinement_.options.work_dir, std::to_string(id_));
}

void Child::start(const process::ChildSpec& spec, std::vector<loop::UniqueFd> descriptors) {
  limits_ = spec.limits;
  if (descriptors.size() != spec.inputs.size() + 2) return fail("descriptors are missing");
  const uid_t user =
      confinement_.change_user ? confinement_.options.job_uid_base + static_cast<uid_t>(slot_) : same_user;
  auto workspace = Workspace::make(confinement_.options.work_dir + "/" + std::to_string(id_), user);
  if (!workspace) return fail(workspace.error().message);
  workspace_.emplace(*std::move(workspace));
  const std::string group = "convd-" + std::to_string(getpid()) + "-" + std::to_string(id_);
  cgroup_ = std::make_unique<Cgroup>(confinement_.cgroups, group, limits_.memory_bytes, limits_.processes);

  Launch how;
  how.out = descriptors[0].get();
  how.err = descriptors[1].get();
  how.join = cgroup_->join_files();
  how.own_user = user != same_user;
  how.limits = limits_;
  how.nice = spec.nice;
  Prepared prepared;
  loop::UniqueFd status_writer;
  if (confinement_.options.sandbox) {
    prepared = prepare(confinement_, spec, descriptors, *workspace_, user);
    std::array<int, 2> ends{-1, -1};
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0 || !prepared.complete()) return fail("no more descriptors");
    status_ = loop::UniqueFd(ends[0]);
    status_writer = loop::UniqueFd(ends[1]);
    prepared.parts.status = prepared.borrow(status_writer.get());
    how.keep = prepared.all;
    how.argv = process::sandbox_command(spec, prepared.parts);
  } else if (auto unconfined =
                 run_unconfined(spec, descriptors, confinement_.options.work_dir, std::to_string(id_), user, how);
             !unconfined) {
    return fail(unconfined.error().message);
  }
  auto pid = launch(how);
  if (!pid) return fail(pid.error().message);
  pid_ = *pid;
  pidfd_ = process::open_pidfd(pid_);
  ended_ = loop_.watch(pidfd_.get(), loop::Io::read, [this] { reap(); });
  ticker_ = loop_.every(tick_period, [this] { tick(); });
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

// Bubblewrap's death is the death of its pid namespace, and so of everything inside.
void Child::destroy_tree() const {
  if (cgroup_) cgroup_->kill();
  if (!confinement_.options.sandbox) {
    for (const pid_t pid : process_tree(pid_)) ::kill(pid, SIGKILL);
  }
  ::kill(pid_, SIGKILL);
}

bool Child::output_too_large() const {
  std::int64_t total = 0;
  const auto files = workspace_->outputs();
  for (const auto& file : files) total += file.size_bytes;
  return (limits_.output_bytes > 0 && total > limits_.output_bytes) ||
         (limits_.output_files > 0 && files.size() > static_cast<std::size_t>(limits_.output_files));
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
  ended_.reset();
  pid_ = -1;
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
  if (exit.end == End::exited && exit.status > signal_base && exit.status < signal_base + NSIG) {
    exit.end = End::signalled;
    exit.status -= signal_base;
  }
  if (killed_)
    exit.end = End::killed;
  else if (over_limit_)
    exit.end = End::output_limit;
  else if (cgroup_->ran_out_of_memory())
    exit.end = End::out_of_memory;
  else if (status_) {
    std::array<char, 512> text{};
    const ssize_t length = read(status_.get(), text.data(), text.size() - 1);
    if (length > 0 && std::strstr(text.data(), "exit-code") != nullptr) return;
    if (exit.end == End::signalled) return;
    exit.end = End::not_started;
    exit.reason = "the sandbox could not be set up";
  }
}

shared::Result<loop::UniqueFd> Child::open_output(const std::string& name) const {
  if (workspace_ && pid_ <= 0) return workspace_->open(name);
  return shared::Error{shared::ErrorCode::not_found, "no such output", {}};
}

}  // namespace convd::runner
