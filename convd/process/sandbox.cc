#include "convd/process/sandbox.h"

#include <algorithm>

namespace convd::process {
namespace {

constexpr std::int64_t default_tmp_bytes = std::int64_t{1} << 30;
constexpr std::int64_t shared_memory_bytes = std::int64_t{64} << 20;
constexpr const char* prlimit = "/usr/bin/prlimit";

class Command {
 public:
  template <typename... Words>
  Command& add(Words... words) {
    (words_.emplace_back(words), ...);
    return *this;
  }
  // Readable for the program whoever it runs as; bubblewrap's own default is 0600.
  Command& data(int fd, const std::string& path) {
    return add("--perms", "0444", "--ro-bind-data", std::to_string(fd), path);
  }
  std::vector<std::string> take() { return std::move(words_); }

 private:
  std::vector<std::string> words_;
};

void add_namespaces(Command& command) {
  // --disable-userns needs an explicit user namespace; the child can then make none of its own.
  command.add("--unshare-user", "--disable-userns", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
              "--unshare-cgroup-try");
  command.add("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "convd");
}

}  // namespace

const std::vector<std::string>& system_paths() {
  static const std::vector<std::string> paths{
      "/usr",       "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/etc/mime.types",
      "/etc/magic", "/etc/papersize",   "/etc/java",
  };
  return paths;
}

std::vector<std::pair<std::string, std::string>> environment_of(const ChildSpec& spec) {
  auto environment = spec.env;
  const auto add_missing = [&](const char* key, const char* value) {
    const auto same = [&](const auto& entry) { return entry.first == key; };
    if (std::none_of(environment.begin(), environment.end(), same)) environment.emplace_back(key, value);
  };
  add_missing("PATH", "/usr/bin:/bin");
  add_missing("HOME", "/tmp");
  add_missing("LANG", "C.UTF-8");
  return environment;
}

std::string input_path(const ChildSpec& spec) {
  return spec.inputs.empty() ? std::string("/in") : "/in/" + spec.inputs.front().name;
}

std::vector<std::string> sandbox_command(const ChildSpec& spec, const SandboxParts& parts) {
  Command command;
  command.add(bubblewrap);
  add_namespaces(command);
  if (parts.seccomp >= 0) command.add("--seccomp", std::to_string(parts.seccomp));
  if (parts.status >= 0) command.add("--json-status-fd", std::to_string(parts.status));

  command.add("--clearenv");
  for (const auto& [key, value] : environment_of(spec)) command.add("--setenv", key, value);

  command.add("--proc", "/proc", "--dev", "/dev");
  command.add("--size", std::to_string(spec.limits.tmp_bytes > 0 ? spec.limits.tmp_bytes : default_tmp_bytes),
              "--tmpfs", "/tmp", "--size", std::to_string(shared_memory_bytes), "--tmpfs", "/dev/shm");
  // Behind the mounts above, which would cover what lies below them.
  for (const auto& [source, path] : parts.read_only) command.add("--ro-bind", source, path);
  for (const auto& [path, target] : parts.links) command.add("--symlink", target, path);
  command.data(parts.passwd, "/etc/passwd").data(parts.group, "/etc/group");
  for (std::size_t i = 0; i < parts.files.size(); ++i) command.data(parts.files[i], spec.files[i].path);
  command.add("--ro-bind", parts.input, "/in", "--bind", parts.output, "/out");
  for (const auto& [source, path] : parts.writable) command.add("--bind", source, path);
  command.add("--chdir", "/out", "--remount-ro", "/", "--");
  if (parts.wrapper_processes > 0) command.add(prlimit, "--nproc=" + std::to_string(parts.wrapper_processes), "--");
  if (!spec.inspection.empty()) command.add(parts.inspector, spec.inspection, input_path(spec));
  for (const std::string& word : spec.argv) command.add(word);
  return command.take();
}

}  // namespace convd::process
