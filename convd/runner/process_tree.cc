#include "convd/runner/process_tree.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string>

namespace convd::runner {
namespace {

constexpr std::size_t most_processes = 4096;

// Fields of /proc/PID/stat behind the command's name, which may hold blanks and brackets: see proc(5). Field 3 is at
// index 0.
std::vector<std::string> stat_fields(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto end = line.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream rest(line.substr(end + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

std::vector<pid_t> children_of(pid_t parent) {
  const std::string directory = "/proc/" + std::to_string(parent);
  std::ifstream file(directory + "/task/" + std::to_string(parent) + "/children");
  std::vector<pid_t> children;
  for (pid_t child = 0; file >> child;) children.push_back(child);
  return children;
}

// Stops a child of ours; returns when it has stopped, which takes microseconds, or has ended.
void hold(pid_t child) {
  constexpr int most_looks = 100;
  constexpr timespec pause{0, 100'000};
  ::kill(child, SIGSTOP);
  for (int i = 0; i < most_looks; ++i) {
    siginfo_t found{};
    if (waitid(P_PID, static_cast<id_t>(child), &found, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) != 0) return;
    if (found.si_pid == child) return;
    nanosleep(&pause, nullptr);
  }
}

}  // namespace

std::vector<pid_t> dead_children(pid_t parent) {
  std::vector<pid_t> dead;
  for (const pid_t child : children_of(parent)) {
    const auto fields = stat_fields(child);
    if (!fields.empty() && fields.front() == "Z") dead.push_back(child);
  }
  return dead;
}

std::vector<pid_t> process_tree(pid_t root) {
  if (root <= 0) return {};
  std::vector<pid_t> tree{root};
  for (std::size_t i = 0; i < tree.size() && tree.size() < most_processes; ++i) {
    for (const pid_t child : children_of(tree[i])) tree.push_back(child);
  }
  return tree;
}

void kill_below(pid_t top) {
  if (top <= 0) return;
  auto family = process_tree(top);
  std::erase(family, top);
  if (family.empty()) {
    // It may be about to fork: bubblewrap's child, orphaned at that moment, would wait for its parent for ever.
    hold(top);
    family = process_tree(top);
    std::erase(family, top);
    if (family.empty()) family.push_back(top);
  }
  for (const pid_t pid : family) ::kill(pid, SIGKILL);
  ::kill(top, SIGCONT);
}

std::int64_t cpu_ms_of(const std::vector<pid_t>& tree) {
  constexpr std::array<std::size_t, 4> times{11, 12, 13, 14};  // utime stime cutime cstime
  static const long per_second = sysconf(_SC_CLK_TCK);
  std::int64_t ticks = 0;
  for (const pid_t pid : tree) {
    const auto fields = stat_fields(pid);
    for (const std::size_t field : times) {
      if (field < fields.size()) ticks += std::stoll(fields[field]);
    }
  }
  return ticks * 1000 / per_second;
}

}  // namespace convd::runner
