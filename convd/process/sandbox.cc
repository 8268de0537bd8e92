#include "convd/process/sandbox.h"

#include <algorithm>
#include <set>

namespace convd::process {
namespace {

constexpr std::int64_t default_tmp_bytes = std::int64_t{1} << 30;

class Command {
 public:
  template <typename... Words>
  Command& add(Words... words) {
    (words_.emplace_back(words), ...);
    return *this;
  }
  Command& bind(const char* option, int fd, const std::string& path) { return add(option, std::to_string(fd), path); }
  std::vector<std::string> take() { return std::move(words_); }

 private:
  std::vector<std::string> words_;
};

// Started by a user, the sandbox has a user namespace, and the child can make none of its own (--disable-userns).
// Started by root, it has none: bubblewrap keeps just what setpriv needs to become the job's user, and the seccomp
// filter refuses namespaces.
void add_namespaces(Command& command, const SandboxParts& parts) {
  command.add("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try");
  command.add("--die-with-parent", "--new-session", "--cap-drop", "ALL");
  if (!parts.user)
    command.add("--unshare-user", "--disable-userns");
  else
    command.add("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP");
}

// The directories to be made, the outer ones first. Those that bubblewrap would make by itself could be entered by root
// alone.
std::set<std::string> parents_of(const SandboxParts& parts) {
  std::set<std::string> parents{"/etc", "/in"};
  for (const auto& [path, fd] : parts.system) {
    if (path.starts_with("/usr/")) continue;  // comes with /usr
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      parents.insert(path.substr(0, slash));
    }
  }
  return parents;
}

void add_user(Command& command, unsigned user) {
  const std::string id = std::to_string(user);
  command.add("/usr/bin/setpriv", "--reuid", id, "--regid", id, "--clear-groups", "--inh-caps", "-all",
              "--bounding-set", "-all", "--no-new-privs", "--");
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

std::vector<std::string> sandbox_command(const ChildSpec& spec, const SandboxParts& parts) {
  Command command;
  command.add(bubblewrap);
  add_namespaces(command, parts);
  if (parts.seccomp >= 0) command.add("--seccomp", std::to_string(parts.seccomp));
  if (parts.status >= 0) command.add("--json-status-fd", std::to_string(parts.status));

  command.add("--clearenv");
  for (const auto& [key, value] : environment_of(spec)) command.add("--setenv", key, value);

  for (const std::string& path : parents_of(parts)) command.add("--perms", "0755", "--dir", path);
  for (const auto& [path, fd] : parts.system) command.bind("--ro-bind-fd", fd, path);
  for (const auto& [path, target] : parts.links) command.add("--symlink", target, path);
  command.add("--proc", "/proc", "--dev", "/dev");
  command.add("--size", std::to_string(spec.limits.tmp_bytes > 0 ? spec.limits.tmp_bytes : default_tmp_bytes),
              "--perms", "1777", "--tmpfs", "/tmp");
  command.add("--perms", "1777", "--tmpfs", "/dev/shm");
  const auto made_file = [&](int fd, const std::string& path) {
    command.add("--perms", "0644").bind("--ro-bind-data", fd, path);
  };
  made_file(parts.passwd, "/etc/passwd");
  made_file(parts.group, "/etc/group");
  for (std::size_t i = 0; i < parts.files.size(); ++i) made_file(parts.files[i], spec.files[i].path);
  for (std::size_t i = 0; i < parts.inputs.size(); ++i)
    command.bind("--ro-bind-fd", parts.inputs[i], "/in/" + spec.inputs[i].name);
  command.bind("--bind-fd", parts.output, "/out").add("--chdir", "/out", "--remount-ro", "/", "--");
  if (parts.user) add_user(command, *parts.user);
  for (const std::string& word : spec.argv) command.add(word);
  return command.take();
}

}  // namespace convd::process
