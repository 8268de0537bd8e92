#pragma once
// The processes of this machine, as /proc tells of them.

#include <dirent.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "convd/loop/unique_fd.h"

namespace tests {

// As far as it goes: a process may go while it is looked at, which a stream would throw.
inline std::string proc_file(pid_t pid, const char* name) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  const convd::loop::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> piece{};
  for (ssize_t size = 0; file && (size = ::read(file.get(), piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(size));
  return text;
}

inline std::vector<pid_t> all_processes() {
  std::vector<pid_t> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  while (const dirent* entry = readdir(proc.get())) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0) found.push_back(std::atoi(entry->d_name));
  }
  return found;
}

// Those whose command line holds `word`.
inline std::vector<pid_t> processes_with(const std::string& word) {
  std::vector<pid_t> found;
  for (const pid_t pid : all_processes()) {
    if (proc_file(pid, "cmdline").find(word) != std::string::npos) found.push_back(pid);
  }
  return found;
}

// Seconds to sleep that are in no other command line of this machine, each time others.
inline std::string seconds_of_our_own() {
  static std::int64_t count = 0;
  return std::to_string(10'000'000'000 + std::int64_t{getpid()} * 1'000 + ++count);
}

// 0 for what is no process, or none any more.
inline pid_t parent_of(pid_t process) {
  const std::string text = proc_file(process, "stat");  // "12 (name) S 11 ..."
  const auto name_end = text.rfind(')');
  return name_end == std::string::npos ? 0 : std::atoi(text.c_str() + name_end + 4);
}

// Those that have ended and nobody has waited for among them.
inline std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  for (const pid_t pid : all_processes()) {
    if (parent_of(pid) == parent) found.push_back(pid);
  }
  return found;
}

}  // namespace tests
