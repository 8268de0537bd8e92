#include "convd/runner/cgroup.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

namespace convd::runner {
namespace {

constexpr const char* v1_root = "/sys/fs/cgroup/";
constexpr const char* v2_root = "/sys/fs/cgroup";
constexpr int bubblewrap_processes = 3;  // on top of what the child may have

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  return static_cast<bool>(file);
}

// Runners in containers may share a hierarchy. In another namespace a process of theirs has another number, or none.
const std::string& group_prefix() {
  static const std::string prefix = [] {
    struct stat ours {};
    stat("/proc/self/ns/pid", &ours);
    return "convd-" + std::to_string(ours.st_ino) + "-";
  }();
  return prefix;
}

bool can_make_groups(const std::string& directory) {
  const std::string probe = directory + "/" + group_prefix() + "probe-" + std::to_string(getpid());
  if (mkdir(probe.c_str(), 0700) != 0) return false;
  rmdir(probe.c_str());
  return true;
}

// Our own place in the hierarchy, from lines such as "4:memory:/a/b" (v1) or "0::/a/b" (v2).
std::string own_group(const std::string& controller) {
  std::istringstream lines(read_file("/proc/self/cgroup"));
  std::string line;
  while (std::getline(lines, line)) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    if (line.substr(first + 1, second - first - 1) == controller) return line.substr(second + 1);
  }
  return "/";
}

// A v2 group that has processes cannot give controllers to its children: the runner moves itself aside first. When
// others are there too (nothing was delegated to us) it moves back.
bool prepare_v2(const std::string& own) {
  const std::string inner = own + "/runner";
  mkdir(inner.c_str(), 0755);
  if (!write_file(inner + "/cgroup.procs", "0")) return false;
  if (write_file(own + "/cgroup.subtree_control", "+memory +pids")) return true;
  write_file(own + "/cgroup.procs", "0");
  rmdir(inner.c_str());
  return false;
}

// A group that has processes cannot be removed, and those that are dying cannot be waited for: they are no children of
// ours.
void remove_soon(const std::string& directory) {
  constexpr int patience_ms = 500;
  for (int ms = 0; ms < patience_ms && rmdir(directory.c_str()) != 0 && errno == EBUSY; ++ms) usleep(1000);
}

std::vector<pid_t> members_of(const std::string& directory) {
  std::vector<pid_t> members;
  std::istringstream pids(read_file(directory + "/cgroup.procs"));
  for (pid_t pid = 0; pids >> pid;) members.push_back(pid);
  return members;
}

// Groups of runners that were killed: named after a process of our namespace that is no more. A bubblewrap whose parent
// was killed while it was setting up may still be in there; nobody else would ever end it.
void remove_leftovers(const std::string& directory) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(group_prefix())) continue;
    const auto pid = static_cast<pid_t>(std::strtol(name.c_str() + group_prefix().size(), nullptr, 10));
    if (pid <= 0 || ::kill(pid, 0) == 0 || errno != ESRCH) continue;
    for (const pid_t left : members_of(entry.path())) {
      if (left > 0) ::kill(left, SIGKILL);  // 0 is one of another pid namespace
    }
    remove_soon(entry.path());
  }
}

std::int64_t number_in(const std::string& path) {
  const std::string text = read_file(path);
  return text.empty() ? 0 : std::strtoll(text.c_str(), nullptr, 10);
}

// The value behind `key` in lines of "key value".
std::int64_t keyed_number(const std::string& path, const std::string& key) {
  std::istringstream lines(read_file(path));
  std::string word;
  std::int64_t value = 0;
  while (lines >> word >> value) {
    if (word == key) return value;
  }
  return 0;
}

}  // namespace

CgroupPlace CgroupPlace::find() {
  if (access((std::string(v2_root) + "/cgroup.controllers").c_str(), F_OK) == 0) {
    const std::string own = v2_root + own_group("");
    const std::string controllers = read_file(own + "/cgroup.controllers");
    const bool useful =
        controllers.find("memory") != std::string::npos && controllers.find("pids") != std::string::npos;
    if (!useful || !can_make_groups(own) || !prepare_v2(own)) return {};
    remove_leftovers(own);
    return {CgroupKind::v2, {own}};
  }
  CgroupPlace place{CgroupKind::v1, {}};
  for (const char* controller : {"memory", "pids"}) {
    std::string directory = std::string(v1_root) + controller + own_group(controller);
    if (access((directory + "/cgroup.procs").c_str(), F_OK) != 0) directory = std::string(v1_root) + controller;
    if (!can_make_groups(directory)) return {};
    remove_leftovers(directory);
    place.directories.push_back(directory);
  }
  return place;
}

std::string CgroupPlace::describe() const {
  switch (kind) {
    case CgroupKind::v2:
      return "cgroup v2 memory+pids";
    case CgroupKind::v1:
      return "cgroup v1 memory+pids";
    case CgroupKind::none:
      break;
  }
  return "no cgroup (memory bounded by address space)";
}

std::string group_name(pid_t runner, std::uint64_t number) {
  return group_prefix() + std::to_string(runner) + "-" + std::to_string(number);
}

Cgroup::Cgroup(const CgroupPlace& place, std::uint64_t number, std::int64_t memory_bytes, int processes)
    : kind_(place.kind) {
  for (const std::string& parent : place.directories) {
    directories_.push_back(parent + "/" + group_name(getpid(), number));
    mkdir(directories_.back().c_str(), 0755);
  }
  if (kind_ == CgroupKind::none) return;
  const std::string& memory = directories_.front();
  const std::string& pids = directories_.back();
  if (memory_bytes > 0) {
    const std::string limit = std::to_string(memory_bytes);
    write_file(memory + (kind_ == CgroupKind::v2 ? "/memory.max" : "/memory.limit_in_bytes"), limit);
    // Swap would only stretch the agony; absent where the machine has none.
    if (kind_ == CgroupKind::v2)
      write_file(memory + "/memory.swap.max", "0");
    else
      write_file(memory + "/memory.memsw.limit_in_bytes", limit);
  }
  if (processes > 0) write_file(pids + "/pids.max", std::to_string(processes + bubblewrap_processes));
}

Cgroup::~Cgroup() {
  for (const std::string& directory : directories_) remove_soon(directory);
}

std::vector<std::string> Cgroup::join_files() const {
  std::vector<std::string> files;
  for (const std::string& directory : directories_) files.push_back(directory + "/cgroup.procs");
  return files;
}

bool Cgroup::ran_out_of_memory() const {
  if (kind_ == CgroupKind::none) return false;
  const char* file = kind_ == CgroupKind::v2 ? "/memory.events" : "/memory.oom_control";
  return keyed_number(directories_.front() + file, "oom_kill") > 0;
}

std::int64_t Cgroup::peak_memory_bytes() const {
  if (kind_ == CgroupKind::none) return 0;
  return number_in(directories_.front() + (kind_ == CgroupKind::v2 ? "/memory.peak" : "/memory.max_usage_in_bytes"));
}

std::vector<pid_t> Cgroup::members() const {
  return directories_.empty() ? std::vector<pid_t>() : members_of(directories_.back());
}

}  // namespace convd::runner
