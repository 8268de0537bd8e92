#include "convd/runner/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "convd/process/pidfd.h"
#include "convd/runner/launch.h"
#include "convd/runner/process_tree.h"
#include "convd/runner/sandboxed.h"
#include "convd/runner/unconfined.h"

namespace convd::runner {
namespace {

constexpr loop::milliseconds tick_period{1'000};
constexpr loop::milliseconds last_resort_delay{30};
constexpr int death_patience_ms = 200;
constexpr std::size_t first_input = 2;  // behind standard output and standard error

// A child without a memory group: an address space is always larger than the memory that is really used.
process::Limits with_fallbacks(process::Limits limits, CgroupKind cgroups) {
  constexpr std::int64_t slack = std::int64_t{1} << 30;
  if (cgroups == CgroupKind::none && limits.memory_bytes > 0 && limits.address_space_bytes == 0)
    limits.address_space_bytes = 2 * limits.memory_bytes + slack;
  return limits;
}

std::string text_in(int fd) {
  std::array<char, 512> text{};
  const ssize_t length = fd < 0 ? 0 : read(fd, text.data(), text.size());
  return {text.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

}  // namespace

Child::Child(loop::Loop& loop, const Confinement& confinement, OfficePool* office, DiskWatch* disk, process::ChildId id,
             int slot, Listener listener)
    : loop_(loop),
      confinement_(confinement),
      office_(office),
      disk_(disk),
      id_(id),
      slot_(slot),
      listener_(std::move(listener)) {}

Child::~Child() {
  if (waiting_) office_->forget(*waiting_);
  if (given_to_ != nullptr) given_to_->forget(id_);
  if (pid_ <= 0) return;
  destroy_tree();
  pollfd ended{pidfd_.get(), POLLIN, 0};
  poll(&ended, 1, death_patience_ms);
  if (warm_) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Child::start(process::ChildSpec spec, std::vector<loop::UniqueFd> descriptors) {
  spec_ = std::move(spec);
  descriptors_ = std::move(descriptors);
  limits_ = with_fallbacks(spec_.limits, confinement_.cgroups.kind);
  if (descriptors_.size() != spec_.inputs.size() + first_input)
    return fail(process::End::not_started, "descriptors are missing");
  if (spec_.office && office_ != nullptr) return start_warm();
  start_cold();
}

void Child::start_warm() {
  switch (office_->ask()) {
    case OfficePool::Answer::serves:
      return hand_to(office_->current());
    case OfficePool::Answer::starts:
      waiting_ = office_->wait([this](OfficeProcess* office) {
        waiting_.reset();
        if (office != nullptr) return hand_to(*office);
        start_cold();
      });
      return;
    case OfficePool::Answer::refuses:
      return start_cold();
  }
}

void Child::start_cold() {
  if (spec_.needs_warm_office) {
    const std::string why = office_ == nullptr ? "there is none" : office_->state();
    return fail(process::End::not_started, "no warm LibreOffice: " + why);
  }
  if (auto outcome = launch_it(); !outcome) return fail(process::End::not_started, outcome.error().message);
  descriptors_.clear();
}

shared::Result<void> Child::make_workspace(uid_t owner, Owns owns) {
  auto workspace = Workspace::make(confinement_.work_dir() + "/" + std::to_string(id_), owner, owns);
  if (!workspace) return workspace.error();
  workspace_.emplace(*std::move(workspace));
  writes_since_ = loop_.now();
  if (disk_ != nullptr) writes_ = disk_->writer();
  cgroup_ = std::make_unique<Cgroup>(confinement_.cgroups, id_, limits_.memory_bytes, limits_.processes);
  return {};
}

void Child::hand_to(OfficeProcess& office) {
  if (auto made = make_workspace(office.user(), Owns::all); !made)
    return fail(process::End::not_started, made.error().message);
  for (const std::string& file : cgroup_->join_files()) {
    // One that is missing would keep the whole message from being sent.
    loop::UniqueFd group(open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!group) return fail(process::End::not_started, std::string("control group: ") + std::strerror(errno));
    descriptors_.push_back(std::move(group));
  }
  process::Convert convert{id_, office.inside(workspace_->path()), *spec_.office, limits_};
  warm_ = true;
  given_to_ = &office;
  office.convert(std::move(convert), std::exchange(descriptors_, {}), *this);
}

void Child::on_started(loop::UniqueFd pidfd) {
  pid_ = process::pid_of(pidfd.get());
  pidfd_ = std::move(pidfd);
  if (pid_ <= 0) return;  // it has ended already
  if (killed_) destroy_tree();
  ticker_ = loop_.every(tick_period, [this] { tick(); });
}

void Child::on_ended(const process::ChildEnded& end) {
  given_to_ = nullptr;
  process::Exit exit;
  exit.user_ms = end.user_ms;
  exit.system_ms = end.system_ms;
  exit.peak_rss_bytes = std::max(cgroup_->peak_memory_bytes(), end.peak_rss_bytes);
  tell_end(std::move(exit), end.status);
}

void Child::on_lost() {
  given_to_ = nullptr;
  pid_ = -1;
  ticker_.reset();
  last_resort_.reset();
  fail(killed_ ? process::End::killed : process::End::lost, "the warm LibreOffice is gone");
}

shared::Result<void> Child::launch_it() {
  const auto impossible = [](std::string why) {
    return shared::Error{shared::ErrorCode::unavailable, std::move(why), {}};
  };
  Launch how;
  if (confinement_.change_user) how.user = confinement_.options.job_uid_base + static_cast<uid_t>(slot_);
  if (auto made = make_workspace(how.user, Owns::results); !made) return made;

  how.out = descriptors_[0].get();
  how.err = descriptors_[1].get();
  how.join = cgroup_->join_files();
  how.limits = limits_;
  how.nice = spec_.nice;
  for (std::size_t i = 0; i < spec_.inputs.size(); ++i)
    how.copies.emplace_back(descriptors_[i + first_input].get(), workspace_->in() + "/" + spec_.inputs[i].name);
  std::optional<Sandboxed> sandboxed;
  if (confinement_.options.sandbox) {
    sandboxed.emplace(confinement_, spec_, *workspace_, how.user);
    if (!sandboxed->is_complete()) return impossible("no more descriptors");
    sandboxed->fill(how);
    status_ = sandboxed->take_status();
  } else if (auto made = run_unconfined(spec_, *workspace_, confinement_.options.inspector, how); !made) {
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

void Child::fail(process::End end, std::string reason) {
  writes_.reset();
  failed_ = loop_.after(loop::milliseconds(0), [this, end, reason = std::move(reason)] {
    process::Exit exit;
    exit.end = end;
    exit.reason = reason;
    exit.warm = warm_;
    listener_.exited(exit);
  });
}

void Child::kill() {
  killed_ = true;
  if (waiting_) {
    office_->forget(*std::exchange(waiting_, std::nullopt));
    return fail(process::End::killed, "");
  }
  if (pid_ > 0) destroy_tree();
}

void Child::destroy_tree() {
  if (warm_) {
    for (const pid_t pid : process_tree(pid_)) ::kill(pid, SIGKILL);
    process::signal_pidfd(pidfd_.get(), SIGKILL);
  } else {
    kill_below(pid_);
    for (const pid_t pid : cgroup_->members()) {
      if (pid != pid_) ::kill(pid, SIGKILL);
    }
  }
  last_resort_ = loop_.after(last_resort_delay, [this] {
    if (pid_ <= 0) return;
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
  process::Exit exit;
  const auto ms = [](const timeval& time) {
    return static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_usec / 1000;
  };
  exit.system_ms = ms(used.ru_stime);
  exit.user_ms = std::max(ms(used.ru_utime), cpu_ms_ - exit.system_ms);
  exit.peak_rss_bytes = std::max(cgroup_->peak_memory_bytes(), std::int64_t{used.ru_maxrss} * 1024);
  tell_end(std::move(exit), status);
}

void Child::tell_end(process::Exit exit, int wait_status) {
  ticker_.reset();
  last_resort_.reset();
  ended_.reset();
  pid_ = -1;
  // Without a sandbox whatever left the tree is still there.
  for (const pid_t pid : cgroup_->members()) ::kill(pid, SIGKILL);
  over_limit_ = over_limit_ || output_too_large();
  exit.warm = warm_;
  exit.disk_full = disk_ != nullptr && disk_->was_full_since(writes_since_);
  writes_.reset();
  judge(exit, wait_status);
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
  if (workspace_ && (!running() || name == process::early_page_name)) return workspace_->open(name);
  return shared::Error{shared::ErrorCode::not_found, "no such output", {}};
}

}  // namespace convd::runner
