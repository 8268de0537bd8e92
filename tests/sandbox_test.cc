#include "convd/process/sandbox.h"

#include <algorithm>

#include "tests/support/catch.h"

using namespace convd::process;

namespace {

using Words = std::vector<std::string>;

ChildSpec spec_of_a_conversion() {
  ChildSpec spec;
  spec.argv = {"/usr/bin/pandoc", "-f", "markdown", "/in/source.md"};
  spec.env = {{"HOME", "/tmp/home"}};
  spec.files = {{"/etc/convd/policy.xml", "<policy/>"}};
  spec.limits.tmp_bytes = 1000;
  return spec;
}

SandboxParts parts_of_a_conversion() {
  SandboxParts parts;
  parts.seccomp = 10;
  parts.status = 11;
  parts.passwd = 12;
  parts.group = 13;
  parts.files = {14};
  parts.input = "/spool/1/in";
  parts.output = "/spool/1/out";
  parts.read_only = {{"/usr", "/usr"}, {"/mnt/0", "/etc/fonts"}};
  parts.links = {{"/bin", "usr/bin"}};
  return parts;
}

bool holds(const Words& words, const Words& part) {
  return std::search(words.begin(), words.end(), part.begin(), part.end()) != words.end();
}

std::size_t place_of(const Words& words, const Words& part) {
  return static_cast<std::size_t>(std::search(words.begin(), words.end(), part.begin(), part.end()) - words.begin());
}

}  // namespace

TEST_CASE("a conversion as a command of bubblewrap") {
  const Words expected{"/usr/bin/bwrap",
                       "--unshare-user",
                       "--disable-userns",
                       "--unshare-ipc",
                       "--unshare-pid",
                       "--unshare-net",
                       "--unshare-uts",
                       "--unshare-cgroup-try",
                       "--die-with-parent",
                       "--new-session",
                       "--cap-drop",
                       "ALL",
                       "--hostname",
                       "convd",
                       "--seccomp",
                       "10",
                       "--json-status-fd",
                       "11",
                       "--clearenv",
                       "--setenv",
                       "HOME",
                       "/tmp/home",
                       "--setenv",
                       "PATH",
                       "/usr/bin:/bin",
                       "--setenv",
                       "LANG",
                       "C.UTF-8",
                       "--proc",
                       "/proc",
                       "--dev",
                       "/dev",
                       "--size",
                       "1000",
                       "--tmpfs",
                       "/tmp",
                       "--size",
                       "67108864",
                       "--tmpfs",
                       "/dev/shm",
                       "--ro-bind",
                       "/usr",
                       "/usr",
                       "--ro-bind",
                       "/mnt/0",
                       "/etc/fonts",
                       "--symlink",
                       "usr/bin",
                       "/bin",
                       "--perms",
                       "0444",
                       "--ro-bind-data",
                       "12",
                       "/etc/passwd",
                       "--perms",
                       "0444",
                       "--ro-bind-data",
                       "13",
                       "/etc/group",
                       "--perms",
                       "0444",
                       "--ro-bind-data",
                       "14",
                       "/etc/convd/policy.xml",
                       "--ro-bind",
                       "/spool/1/in",
                       "/in",
                       "--bind",
                       "/spool/1/out",
                       "/out",
                       "--chdir",
                       "/out",
                       "--remount-ro",
                       "/",
                       "--",
                       "/usr/bin/pandoc",
                       "-f",
                       "markdown",
                       "/in/source.md"};
  CHECK(sandbox_command(spec_of_a_conversion(), parts_of_a_conversion()) == expected);
}

TEST_CASE("without a filter, a status and a size there is no word of them") {
  auto parts = parts_of_a_conversion();
  parts.seccomp = -1;
  parts.status = -1;
  auto spec = spec_of_a_conversion();
  spec.limits.tmp_bytes = 0;
  const Words words = sandbox_command(spec, parts);
  CHECK_FALSE(holds(words, {"--seccomp"}));
  CHECK_FALSE(holds(words, {"--json-status-fd"}));
  CHECK(holds(words, {"--size", "1073741824", "--tmpfs", "/tmp"}));  // never unbounded
}

TEST_CASE("a process limit that has to be set inside wraps the program") {
  auto parts = parts_of_a_conversion();
  parts.wrapper_processes = 34;
  CHECK(holds(sandbox_command(spec_of_a_conversion(), parts),
              {"--", "/usr/bin/prlimit", "--nproc=34", "--", "/usr/bin/pandoc"}));
}

TEST_CASE("a document is looked at in front of its program, within all limits") {
  auto parts = parts_of_a_conversion();
  parts.inspector = "/usr/libexec/convd/convd-inspect";
  parts.wrapper_processes = 34;
  auto spec = spec_of_a_conversion();
  spec.inputs = {{"source.md", -1}};
  CHECK_FALSE(holds(sandbox_command(spec, parts), {parts.inspector}));
  spec.inspection = "{...}";
  CHECK(holds(sandbox_command(spec, parts), {"--", "/usr/bin/prlimit", "--nproc=34", "--", parts.inspector, "{...}",
                                             "/in/source.md", "/usr/bin/pandoc", "-f", "markdown", "/in/source.md"}));
}

TEST_CASE("what a child says never becomes a word of bubblewrap's own") {
  auto spec = spec_of_a_conversion();
  spec.argv = {"/usr/bin/cat", "--bind", "/", "/host"};
  const Words words = sandbox_command(spec, parts_of_a_conversion());
  CHECK(place_of(words, {"--remount-ro", "/", "--"}) < place_of(words, {"--bind", "/", "/host"}));
}

TEST_CASE("what is shown lies on top of the private directories") {
  auto parts = parts_of_a_conversion();
  parts.read_only.push_back({"/tmp/build/convd-layout", "/tmp/build/convd-layout"});
  const Words words = sandbox_command(spec_of_a_conversion(), parts);
  CHECK(place_of(words, {"--tmpfs", "/tmp"}) < place_of(words, {"--ro-bind", "/tmp/build/convd-layout"}));
}

TEST_CASE("the environment is the specification's, completed") {
  ChildSpec spec;
  using Environment = std::vector<std::pair<std::string, std::string>>;
  CHECK(environment_of(spec) == Environment{{"PATH", "/usr/bin:/bin"}, {"HOME", "/tmp"}, {"LANG", "C.UTF-8"}});
  spec.env = {{"LANG", "de_DE.UTF-8"}, {"PATH", "/opt/bin"}, {"HOME", "/out"}, {"X", ""}};
  CHECK(environment_of(spec) == spec.env);
}

TEST_CASE("the system that children see holds no secret") {
  for (const std::string& path : system_paths()) {
    INFO(path);
    for (const char* secret :
         {"/etc", "/etc/shadow", "/etc/ssh", "/etc/ssl", "/etc/passwd", "/home", "/root", "/var", "/run", "/"})
      CHECK(path != secret);
  }
}
