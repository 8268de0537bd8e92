#pragma once
// A ChildSpec as a bubblewrap command line. Pure: descriptors are numbers and paths are text here.

#include <string>
#include <utility>
#include <vector>

#include "convd/process/child_spec.h"

namespace convd::process {

// What the sandbox is built from. Sources are paths that the job's user can reach: bubblewrap looks every source up by
// its name, also those given by descriptor.
struct SandboxParts {
  struct Bind {
    std::string source;
    std::string path;  // inside
  };

  int seccomp = -1;        // a BPF program; -1: none
  int status = -1;         // bubblewrap's --json-status-fd; -1: none
  int passwd = -1;         // made /etc/passwd
  int group = -1;          // made /etc/group
  std::vector<int> files;  // as ChildSpec::files
  std::string output;      // the directory that becomes /out
  std::string input;       // the directory that becomes /in
  std::vector<Bind> read_only;
  std::vector<Bind> writable;
  std::vector<std::pair<std::string, std::string>> links;  // path inside -> target: /bin -> usr/bin
  std::string inspector;      // convd-inspect, which runs in front when the specification has an inspection
  int wrapper_processes = 0;  // a process limit set inside, where nothing outside can set one; 0: none
};

inline constexpr const char* bubblewrap = "/usr/bin/bwrap";

// Host paths every child sees read-only when they are there.
const std::vector<std::string>& system_paths();

// The environment a child gets: spec.env with PATH, HOME and LANG added when absent.
std::vector<std::pair<std::string, std::string>> environment_of(const ChildSpec& spec);

// The first input as the child sees it.
std::string input_path(const ChildSpec& spec);

std::vector<std::string> sandbox_command(const ChildSpec& spec, const SandboxParts& parts);

}  // namespace convd::process
