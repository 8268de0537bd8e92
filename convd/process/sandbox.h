#pragma once
// A ChildSpec as a bubblewrap command line. Pure: the descriptors are numbers here, opened by whoever starts the child.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "convd/process/child_spec.h"

namespace convd::process {

// Descriptors the sandbox is built from. They are bound by number, so that nothing below a directory the job's user
// cannot enter has to be named.
struct SandboxParts {
  std::optional<unsigned> user;  // root starts the sandbox and becomes this user inside; unset: stay who we are
  int seccomp = -1;              // a BPF program; -1: none
  int status = -1;               // bubblewrap's --json-status-fd; -1: none
  int output = -1;               // the directory that becomes /out
  int passwd = -1;               // made /etc/passwd
  int group = -1;                // made /etc/group
  std::vector<int> inputs;       // as ChildSpec::inputs
  std::vector<int> files;        // as ChildSpec::files
  std::vector<std::pair<std::string, int>>
      system;  // path inside -> O_PATH descriptor: libraries, fonts, ChildSpec::read_only
  std::vector<std::pair<std::string, std::string>> links;  // path inside -> target: /bin -> usr/bin
};

inline constexpr const char* bubblewrap = "/usr/bin/bwrap";

// Host paths every child sees read-only when they are there.
const std::vector<std::string>& system_paths();

// The environment a child gets: spec.env with PATH, HOME and LANG added when absent.
std::vector<std::pair<std::string, std::string>> environment_of(const ChildSpec& spec);

std::vector<std::string> sandbox_command(const ChildSpec& spec, const SandboxParts& parts);

}  // namespace convd::process
