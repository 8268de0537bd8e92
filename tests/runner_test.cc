#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "convd/inspect/inspection.h"
#include "convd/jobs/manager.h"
#include "convd/process/pidfd.h"
#include "convd/runner/cgroup.h"
#include "convd/runner/confinement.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/runner_world.h"
#include "tests/support/small_disk.h"

using namespace convd;
using process::End;
using tests::RunnerWorld;
using namespace std::literals;

namespace {

// Neither knows the other, and both count the same children.
static_assert(runner::most_children > jobs::most_slots + jobs::most_short_slots);

bool is_root() {
  return geteuid() == 0;
}

std::size_t entries_in(const std::string& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

// Some build machines allow no sandbox; then there is nothing to be told here. Where bubblewrap works, ours has to
// hold.
bool ready(RunnerWorld& world) {
  static const bool possible =
      std::system("/usr/bin/bwrap --unshare-user --unshare-pid --unshare-net --ro-bind / / /usr/bin/true") == 0;
  world.until_ready();
  if (possible) REQUIRE(world.client.state().problem == "");
  if (!possible) WARN("skipped: " << world.client.state().problem);
  return possible;
}

}  // namespace

TEST_CASE("a child's end is told as it was") {
  RunnerWorld world;
  if (!ready(world)) return;
  const auto state = world.client.state();
  CHECK(state.sandboxed);
  CHECK(state.confinement.find("bubblewrap") != std::string::npos);

  const auto good = world.run(RunnerWorld::shell("exit 0"));
  CHECK(good.exit->end == End::exited);
  CHECK(good.exit->status == 0);
  CHECK(good.exit->peak_rss_bytes > 0);

  const auto bad = world.run(RunnerWorld::shell("exit 3"));
  CHECK(bad.exit->end == End::exited);
  CHECK(bad.exit->status == 3);

  const auto crashed = world.run(RunnerWorld::shell("kill -SEGV $$"));
  CHECK(crashed.exit->end == End::signalled);
  CHECK(crashed.exit->status == SIGSEGV);

  auto missing = RunnerWorld::shell("");
  missing.argv = {"/usr/bin/no-such-program"};
  const auto absent = world.run(missing);
  CHECK(absent.exit->end == End::not_started);
  CHECK(absent.exit->reason != "");
  CHECK(absent.err.find("no-such-program") != std::string::npos);
}

TEST_CASE("output streams arrive apart, complete and before the end") {
  RunnerWorld world;
  if (!ready(world)) return;
  const auto told =
      world.run(RunnerWorld::shell("echo to-out; echo to-err >&2; head -c 1000000 /dev/zero | tr '\\0' x"));
  CHECK(told.out.substr(0, 7) == "to-out\n");
  CHECK(told.out.size() == 1'000'007);
  CHECK(told.err == "to-err\n");
}

TEST_CASE("inputs, made files and environment are what the specification says") {
  RunnerWorld world;
  if (!ready(world)) return;
  const auto one = tests::file_with("the first");
  const auto two = tests::file_with("the second");
  auto spec = RunnerWorld::shell(
      "cat /in/a.txt /in/b.txt /etc/convd/policy.xml; echo; ls /in; pwd; echo x > /in/c; echo y > /in/a.txt; env | "
      "sort");
  spec.inputs = {{"a.txt", one.get()}, {"b.txt", two.get()}};
  spec.files = {{"/etc/convd/policy.xml", "<policy/>"}};
  spec.env = {{"COLOUR", "blue"}};
  const auto told = world.run(spec);
  CHECK(told.out ==
        "the firstthe second<policy/>\na.txt\nb.txt\n/out\n"
        "COLOUR=blue\nHOME=/tmp\nLANG=C.UTF-8\nPATH=/usr/bin:/bin\nPWD=/out\n");
  CHECK(told.err.find("/in/c") != std::string::npos);
  CHECK(told.err.find("/in/a.txt") != std::string::npos);
  CHECK(tests::content_of(one.get()) == "the first");
}

TEST_CASE("host paths are shown where they are, also from a directory nobody else may enter") {
  RunnerWorld world;
  if (!ready(world)) return;
  const std::string shown = world.directory / "shown";
  std::filesystem::create_directory(shown);
  std::ofstream(shown + "/tool") << "hello";
  CHECK((std::filesystem::status(world.directory.path()).permissions() & std::filesystem::perms::others_exec) ==
        std::filesystem::perms::none);
  auto spec =
      RunnerWorld::shell("cat " + shown + "/tool; ls -A " + world.directory.path() + "; echo > " + shown + "/tool");
  spec.read_only = {shown, "/nowhere/at/all"};
  const auto told = world.run(spec);
  CHECK(told.out == "helloshown\n");
  CHECK(told.err.find("Read-only") != std::string::npos);
}

TEST_CASE("outputs are listed in natural order and opened by name") {
  RunnerWorld world;
  if (!ready(world)) return;
  process::ChildId id = 0;
  const auto told = world.run(RunnerWorld::shell("for p in 1 2 10 9; do echo page $p > page-$p.txt; done"), &id);
  REQUIRE(told.exit->outputs.size() == 4);
  CHECK(told.exit->outputs[0].name == "page-1.txt");
  CHECK(told.exit->outputs[2].name == "page-9.txt");
  CHECK(told.exit->outputs[3].name == "page-10.txt");
  CHECK(told.exit->outputs[3].size_bytes == 8);

  auto file = world.open(id, "page-10.txt");
  REQUIRE(file.ok());
  world.client.release(id);
  CHECK(tests::content_of(file->get()) == "page 10\n");

  // The release has gone through the same socket before this, so its answer comes after it.
  CHECK_FALSE(world.open(id, "page-10.txt").ok());
  CHECK(tests::content_of(file->get()) == "page 10\n");
}

TEST_CASE("one child's output is the next one's input") {
  RunnerWorld world;
  if (!ready(world)) return;
  process::ChildId id = 0;
  world.run(RunnerWorld::shell("umask 077; echo from the first > step.txt"), &id);
  auto file = world.open(id, "step.txt");
  REQUIRE(file.ok());
  auto next = RunnerWorld::shell("cat /in/step.txt");
  next.inputs = {{"step.txt", file->get()}};
  CHECK(world.run(next).out == "from the first\n");
}

TEST_CASE("only plain files of one name are outputs") {
  RunnerWorld world;
  if (!ready(world)) return;
  process::ChildId id = 0;
  const auto told =
      world.run(RunnerWorld::shell("echo good > good; ln -s /etc/passwd link; ln -s good near; mkfifo fifo;"
                                   "echo twice > twin; ln twin other; mkdir sub; echo deep > sub/deep;"
                                   "echo x > \"$(printf 'new\\nline')\"; echo x > \"$(printf '\\377')\""),
                &id);
  REQUIRE(told.exit->outputs.size() == 1);
  CHECK(told.exit->outputs[0].name == "good");
  for (const char* name :
       {"link", "near", "fifo", "twin", "other", "sub", "sub/deep", "../in", "/etc/passwd", "", ".."}) {
    INFO(name);
    CHECK_FALSE(world.open(id, name).ok());
  }
  CHECK(world.open(id, "good").ok());
}

TEST_CASE("a kill takes down the whole tree, however it hides") {
  RunnerWorld world;
  if (!ready(world)) return;
  const std::string mark = tests::seconds_of_our_own();
  tests::Recorder told;
  const auto id =
      world.client.start(RunnerWorld::shell("for i in 1 2 3; do setsid sh -c 'trap \"\" TERM HUP; setsid sleep " +
                                            mark + " & sleep " + mark + "' & done; echo up; wait"),
                         told);
  world.until([&] { return tests::processes_with(mark).size() >= 8 && told.out == "up\n"; });
  world.client.kill(id);
  world.until([&] { return told.exit.has_value(); });
  CHECK(told.exit->end == End::killed);
  // They have all been sent their end; when it reaches them is the machine's business.
  world.until([&] { return tests::processes_with(mark).empty(); }, "what hid is still there");
}

TEST_CASE("a child that is killed while it starts ends as well") {
  RunnerWorld world;
  if (!ready(world)) return;
  std::vector<tests::Recorder> told(20);
  for (auto& recorder : told) world.client.kill(world.client.start(RunnerWorld::shell("sleep 1000"), recorder));
  for (auto& recorder : told) {
    world.until([&] { return recorder.exit.has_value(); });
    CHECK(recorder.exit->end == End::killed);
  }
}

TEST_CASE("forget kills without a word, and nothing is left behind") {
  RunnerWorld world;
  if (!ready(world)) return;
  const std::string mark = tests::seconds_of_our_own();
  tests::Recorder told;
  const auto id = world.client.start(RunnerWorld::shell("echo up; sleep " + mark), told);
  world.until([&] { return told.out == "up\n"; });
  world.client.forget(id);
  world.until([&] { return tests::processes_with(mark).empty(); });
  world.run(RunnerWorld::shell("true"));
  CHECK_FALSE(told.exit.has_value());
  // The runner's own directory, and no workspace in it.
  std::string own;
  for (const auto& entry : std::filesystem::directory_iterator(world.directory / "work")) own = entry.path();
  world.until([&] { return entries_in(own) == 0; });
}

TEST_CASE("use is told about once a second") {
  RunnerWorld world;
  if (!ready(world)) return;
  tests::Recorder told;
  const auto id = world.client.start(RunnerWorld::shell("while :; do :; done"), told);
  world.until([&] { return told.usage.size() >= 2 && told.usage.back() > 0; });
  world.client.kill(id);
  world.until([&] { return told.exit.has_value(); });
  CHECK(told.exit->user_ms + told.exit->system_ms >= told.usage.back());
}

TEST_CASE("limits strike") {
  RunnerWorld world;
  if (!ready(world)) return;

  SECTION("processes") {
    auto spec = RunnerWorld::shell("i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); done; echo all");
    spec.limits.processes = 30;
    const auto told = world.run(spec);
    CHECK(told.exit->status != 0);
    CHECK(told.err.find("fork") != std::string::npos);
    CHECK(told.out.empty());
  }
  SECTION("CPU time") {
    auto spec = RunnerWorld::shell("while :; do :; done");
    spec.limits.cpu_ms = 500;
    const auto told = world.run(spec);
    CHECK(told.exit->end == End::signalled);
    CHECK(told.exit->status == SIGXCPU);
  }
  SECTION("the size of one file") {
    auto spec = RunnerWorld::shell("exec head -c 3000000 /dev/zero > big");
    spec.limits.file_bytes = 1'000'000;
    CHECK(world.run(spec).exit->end == End::output_limit);
  }
  SECTION("all output together, wherever it lies") {
    auto spec = RunnerWorld::shell("mkdir d; for i in 1 2 3; do head -c 600000 /dev/zero > d/f$i; done; sleep 1000");
    spec.limits.output_bytes = 1'000'000;
    CHECK(world.run(spec).exit->end == End::output_limit);
  }
  SECTION("number of files, at the end too") {
    auto spec = RunnerWorld::shell("for i in 1 2 3 4; do : > f$i; done");
    spec.limits.output_files = 3;
    CHECK(world.run(spec).exit->end == End::output_limit);
    spec.limits.output_files = 4;
    CHECK(world.run(spec).exit->end == End::exited);
  }
  SECTION("the private /tmp") {
    auto spec = RunnerWorld::shell("head -c 3000000 /dev/zero > /tmp/big");
    spec.limits.tmp_bytes = 1'000'000;
    const auto told = world.run(spec);
    CHECK(told.exit->status == 1);
    CHECK(told.err.find("No space left") != std::string::npos);
  }
  SECTION("open files") {
    auto spec = RunnerWorld::shell("ulimit -n");
    spec.limits.open_files = 77;
    CHECK(world.run(spec).out == "77\n");
  }
  SECTION("address space") {
    auto spec = RunnerWorld::shell("ulimit -v");
    spec.limits.address_space_bytes = std::int64_t{1} << 30;
    CHECK(world.run(spec).out == "1048576\n");
  }
}

TEST_CASE("a child that eats memory is stopped, and its neighbours are not") {
  RunnerWorld world;
  if (!ready(world)) return;
  tests::Recorder neighbour;
  const auto id = world.client.start(RunnerWorld::shell("echo up; sleep 1000"), neighbour);
  auto spec = RunnerWorld::shell("exec tail /dev/zero");
  spec.limits.memory_bytes = 64 << 20;
  const auto told = world.run(spec);
  if (world.client.state().confinement.find("no cgroup") == std::string::npos) {
    CHECK(told.exit->end == End::out_of_memory);
  } else {
    CHECK(told.exit->end == End::exited);
    CHECK(told.exit->status != 0);
  }
  CHECK_FALSE(neighbour.exit.has_value());
  world.client.kill(id);
  world.until([&] { return neighbour.exit.has_value(); });
}

TEST_CASE("what a child must not do is refused") {
  RunnerWorld world;
  if (!ready(world)) return;
  const auto refused = [&](const std::string& script) {
    INFO(script);
    const auto told = world.run(RunnerWorld::shell(script + " && echo DONE"));
    INFO(told.err);
    CHECK(told.out.find("DONE") == std::string::npos);
  };
  refused("cat /etc/shadow");
  refused("ls /root");
  refused("ls /home");
  refused("ls " CONVD_SOURCE_DIR);
  refused(": > /usr/probe");
  refused(": > /probe");
  refused(": > /etc/probe");
  refused("unshare --user true");
  refused("unshare --mount true");
  refused("mount -t tmpfs none /tmp");
  refused("chroot / true");
  refused("perl -e 'use Socket; socket(S, AF_INET, SOCK_STREAM, 0) or exit 1'");
  refused("perl -e 'use Socket; socket(S, 16, SOCK_RAW, 0) or exit 1'");
  refused("kill -0 " + std::to_string(getpid()));
  refused("[ $(ls -d /proc/[0-9]* | wc -l) -gt 5 ]");
  refused("[ $(id -u) = 0 ]");
  refused("! grep -q '^CapBnd:.*0000000000000000' /proc/self/status");
  // What is not refused, or the above would prove nothing.
  CHECK(world.run(RunnerWorld::shell("perl -e 'use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0) or exit 1' && echo DONE"))
            .out == "DONE\n");
}

namespace {

// Each line tries what is forbidden and says so when it works. perl's syscall() takes the numbers of x86-64, and words
// that it may write to.
constexpr const char* probes = R"perl(
use Socket;
sub works { my ($what, $result) = @_; print "$what works\n" if defined $result && $result != -1; }
sub tries { my ($what, $number, @words) = @_; works($what, syscall($number, @words)); }
my $zero = "\0" x 256;
works("AF_INET", socket(my $s1, AF_INET, SOCK_STREAM, 0) ? 1 : undef);
works("AF_INET6", socket(my $s2, AF_INET6, SOCK_DGRAM, 0) ? 1 : undef);
works("AF_NETLINK", socket(my $s3, 16, SOCK_RAW, 0) ? 1 : undef);
works("AF_PACKET", socket(my $s4, 17, SOCK_RAW, 0) ? 1 : undef);
works("AF_VSOCK", socket(my $s5, 40, SOCK_STREAM, 0) ? 1 : undef);
tries("ptrace", 101, 0, 0, 0, 0);
tries("process_vm_readv", 310, $$, $zero, 0, $zero, 0, 0);
tries("mount", 165, "none", "/tmp", "tmpfs", 0, 0);
tries("umount2", 166, "/tmp", 2);
tries("pivot_root", 155, "/tmp", "/tmp");
tries("chroot", 161, "/tmp");
tries("open_tree", 428, -100, "/tmp", 1);
tries("fsopen", 430, "tmpfs", 0);
tries("unshare", 272, 0x10000000);
tries("unshare of what needs no rights", 272, 0x200);
tries("setns", 308, 0, 0);
tries("clone of a user namespace", 56, 0x10000011, 0, 0, 0, 0);
tries("clone3", 435, $zero, 64);
tries("keyctl", 250, 0, -3, 1);
tries("add_key", 248, "user", "x", "y", 1, -2);
tries("bpf", 321, 0, $zero, 64);
tries("io_uring_setup", 425, 1, $zero);
tries("io_setup", 206, 1, $zero);
tries("perf_event_open", 298, $zero, 0, -1, -1, 0);
tries("userfaultfd", 323, 1);
tries("kexec_load", 246, 0, 0, 0, 0);
tries("init_module", 175, $zero, 1, "");
tries("name_to_handle_at", 303, -100, "/tmp", $zero, $zero, 0);
tries("open_by_handle_at", 304, -100, $zero, 0);
tries("personality", 135, 0xffffffff);
tries("mknod", 133, "/tmp/node", 0020666, 0x101);
tries("pidfd_getfd", 438, 0, 0, 0);
tries("settimeofday", 164, $zero, 0);
tries("acct", 163, "/tmp/acct");
tries("swapon", 167, "/tmp/swap", 0);
tries("syslog", 103, 3, $zero, 100);
tries("quotactl", 179, 0, 0, 0, 0);
)perl";

// What programs that work alone may not do either.
constexpr const char* company_probes = R"perl(
use Socket;
$| = 1;
sub works { my ($what, $result) = @_; print "$what works\n" if defined $result && $result != -1; }
sub tries { my ($what, $number, @words) = @_; works($what, syscall($number, @words)); }
works("AF_UNIX", socket(my $s, AF_UNIX, SOCK_STREAM, 0) ? 1 : undef);
works("socketpair", socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) ? 1 : undef);
tries("shmget", 29, 0, 4096, 01600);
tries("msgget", 68, 0, 01600);
my $child = fork();
exit if defined $child && $child == 0;
works("fork", $child);
exit if !@ARGV;
tries("vfork", 58);
tries("execveat", 322, -100, "/usr/bin/true", 0, 0, 0);
print "no other program has taken its place\n";
)perl";

process::ChildSpec perl(const char* script, process::Family family) {
  auto spec = RunnerWorld::shell("");
  spec.argv = {"/usr/bin/perl", "-e", script};
  spec.family = family;
  return spec;
}

constexpr std::array alone{process::Family::markup, process::Family::pdf, process::Family::image,
                           process::Family::media};

}  // namespace

TEST_CASE("system calls that lead out of a sandbox are refused to every family") {
#ifndef __x86_64__
  WARN("skipped: the probes have the numbers of x86-64");
  return;
#endif
  RunnerWorld world;
  if (!ready(world)) return;
  for (std::size_t i = 0; i < process::family_count; ++i) {
    INFO("family " << i);
    const auto told = world.run(perl(probes, static_cast<process::Family>(i)));
    CHECK(told.out.empty());
    CHECK(told.err.empty());
    CHECK(told.exit->end == End::exited);
    CHECK(told.exit->status == 0);
  }
}

TEST_CASE("programs that work alone get no socket and no other process") {
#ifndef __x86_64__
  WARN("skipped: the probes have the numbers of x86-64");
  return;
#endif
  RunnerWorld world;
  if (!ready(world)) return;
  for (const auto family : alone) {
    auto spec = perl(company_probes, family);
    spec.argv.emplace_back("all");
    CHECK(world.run(spec).out == "no other program has taken its place\n");
  }
  const std::string all = world.run(perl(company_probes, process::Family::office)).out;
  // Others may, or the above would prove nothing.
  for (const char* what : {"AF_UNIX works", "socketpair works", "fork works"})
    CHECK(all.find(what) != std::string::npos);
}

TEST_CASE("nothing of the host can be reached by its name or its number") {
  RunnerWorld world;
  if (!ready(world)) return;
  const std::string name = "convd-test-" + std::to_string(getpid());
  const loop::UniqueFd abstract(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  REQUIRE(bind(abstract.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
  REQUIRE(listen(abstract.get(), 1) == 0);
  tests::Recorder neighbour;
  const auto id = world.client.start(RunnerWorld::shell("echo secret > secret; echo up; sleep 1000"), neighbour);
  world.until([&] { return !neighbour.out.empty(); });

  const auto refused = [&](const std::string& script) {
    INFO(script);
    const auto told = world.run(RunnerWorld::shell("(" + script + ") && echo DONE"));
    INFO(told.err);
    CHECK(told.out.find("DONE") == std::string::npos);
  };
  refused("perl -e 'use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0) or exit 1; connect(S, pack(\"Sa*\", 1, \"\\0" +
          name + "\")) or exit 1'");
  refused("ls " + world.directory.path());
  refused("find / -name secret 2>/dev/null | grep -v '^/proc\\|^/sys\\|^/usr' | grep .");
  refused("cat /proc/1/environ /proc/1/root/etc/shadow");
  refused("kill -0 " + std::to_string(getppid()));
  refused("! grep -q '^NoNewPrivs:.*1' /proc/self/status");  // so that no setuid program is one
  refused("ls /sys/kernel");
  refused("[ -e /dev/kmsg ] || [ -e /dev/mem ] || [ -e /dev/fuse ] || [ -e /dev/kvm ]");
  refused("echo 1 > /proc/sys/kernel/panic");
  refused(": > /var/cache/fontconfig/probe");
  refused("[ $(ulimit -c) != 0 ]");
  world.client.forget(id);
}

TEST_CASE("a fork bomb and one of memory end with their child") {
  RunnerWorld world;
  if (!ready(world)) return;
  auto forks = RunnerWorld::shell("perl -e 'fork while 1'");
  forks.limits.processes = 40;
  forks.limits.cpu_ms = 1'000;
  tests::Recorder told;
  const auto id = world.client.start(forks, told);
  world.until([&] { return told.exit.has_value() || !told.usage.empty(); });
  world.client.kill(id);
  world.until([&] { return told.exit.has_value(); });
  CHECK(world.run(RunnerWorld::shell("echo alive")).out == "alive\n");

  auto memory = RunnerWorld::shell("exec perl -e '$x .= \"x\" x 10000000 while 1'");
  memory.limits.memory_bytes = 100 << 20;
  const auto ended = world.run(memory);
  CHECK((ended.exit->end != End::exited || ended.exit->status != 0));
  CHECK(world.run(RunnerWorld::shell("echo alive")).out == "alive\n");
}

TEST_CASE("a full disk of the host is told apart from a limit of the child's own") {
  const tests::SmallDisk disk(8);
  if (!disk.mounted()) {
    WARN("skipped: no disk of its own without root");
    return;
  }
  process::RunnerOptions options;
  options.work_dir = disk.path() + "/work";
  RunnerWorld world(options);
  if (!ready(world)) return;
  const auto full = world.run(RunnerWorld::shell("exec head -c 20000000 /dev/zero > big"));
  CHECK(full.exit->disk_full);
  CHECK(full.exit->status == 1);
  // One that does not look, and a disk that has room again by then.
  tests::Recorder careless;
  const auto id = world.client.start(
      RunnerWorld::shell(
          "head -c 20000000 /dev/zero > big; echo full; while [ -e big ]; do sleep 0.05; done; echo x > out"),
      careless);
  world.until([&] { return careless.out == "full\n"; });
  // The runner tells of use once a second. It looks at the disk more often: so it has done that by the third time.
  const std::size_t before = careless.usage.size();
  world.until([&] { return careless.usage.size() >= before + 3; });
  std::string big;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options.work_dir))
    if (entry.path().filename() == "big") big = entry.path();
  REQUIRE(std::filesystem::remove(big));
  world.until([&] { return careless.exit.has_value(); });
  world.client.release(id);
  CHECK(careless.exit->status == 0);
  CHECK(careless.exit->disk_full);
  CHECK_FALSE(world.run(RunnerWorld::shell("echo x > out")).exit->disk_full);
  auto spec = RunnerWorld::shell("exec head -c 3000000 /dev/zero > /tmp/big");
  spec.limits.tmp_bytes = 1'000'000;
  const auto own = world.run(spec);
  CHECK(own.exit->status == 1);
  CHECK_FALSE(own.exit->disk_full);
}

TEST_CASE("a document is looked at before its engine runs, in the sandbox and without one") {
  for (const bool sandbox : {true, false}) {
    process::RunnerOptions options;
    options.sandbox = sandbox;
    RunnerWorld world(options);
    if (sandbox && !ready(world)) continue;
    world.until_ready();
    inspect::Inspection inspection;
    inspection.claim = {"png", inspect::Magic::png, "image/png", "PNG image", ""};
    auto spec = RunnerWorld::shell("echo the engine has run");
    spec.inspection = inspect::encode(inspection);
    const auto text = tests::file_with("no picture");
    spec.inputs = {{"source.png", text.get()}};
    const auto refused = world.run(spec);
    CHECK(refused.out.empty());
    CHECK(refused.exit->status == inspect::refused_exit);
    const auto why = inspect::refusal_in(refused.err);
    REQUIRE(why);
    CHECK(why->message == "The document is not of the format png, it looks like plain text");
    const auto picture = tests::file_with("\x89PNG\r\n\x1A\n");
    spec.inputs = {{"source.png", picture.get()}};
    CHECK(world.run(spec).out == "the engine has run\n");
  }
}

TEST_CASE("as root every child has a user of its own") {
  if (!is_root()) {
    WARN("skipped: not root");
    return;
  }
  RunnerWorld world;
  if (!ready(world)) return;
  tests::Recorder one;
  tests::Recorder two;
  const auto first = world.client.start(RunnerWorld::shell("id -u; sleep 1000"), one);
  const auto second = world.client.start(RunnerWorld::shell("id -u; sleep 1000"), two);
  world.until([&] { return !one.out.empty() && !two.out.empty(); });
  CHECK(one.out == "64200\n");
  CHECK(two.out == "64201\n");
  world.client.forget(first);
  world.client.forget(second);
}

TEST_CASE("a runner that dies loses its children, and another takes its place") {
  RunnerWorld world;
  if (!ready(world)) return;
  const std::string mark = tests::seconds_of_our_own();
  tests::Recorder told;
  world.client.start(RunnerWorld::shell("echo up; sleep " + mark), told);
  world.until([&] { return told.out == "up\n"; });
  for (const pid_t pid : tests::processes_with(world.directory / "work")) ::kill(pid, SIGKILL);
  world.until([&] { return told.exit.has_value(); });
  CHECK(told.exit->end == End::lost);
  CHECK_FALSE(world.client.state().connected);

  tests::Recorder early;
  const auto id = world.client.start(RunnerWorld::shell("true"), early);
  CHECK_FALSE(early.exit.has_value());  // in a later turn
  world.until([&] { return early.exit.has_value(); });
  CHECK(early.exit->end == End::not_started);
  CHECK_FALSE(world.open(id, "x").ok());

  world.until_ready();
  CHECK(world.run(RunnerWorld::shell("echo again")).out == "again\n");
  world.until([&] { return tests::processes_with(mark).empty(); });
  CHECK(entries_in(world.directory / "work") == 1);  // what the dead one left is gone
}

TEST_CASE("a runner that is stopped is given up, and another takes its place") {
  RunnerWorld world({}, 3s);
  if (!ready(world)) return;
  tests::Recorder told;
  const auto id = world.client.start(RunnerWorld::shell("echo up; sleep 600"), told);
  world.until([&] { return told.out == "up\n"; });
  const auto stopped = tests::processes_with("convd-runner\0--socket-fd"s);
  const auto ours = tests::processes_with(world.directory / "work");
  for (const pid_t pid : stopped) {
    if (std::find(ours.begin(), ours.end(), pid) != ours.end()) ::kill(pid, SIGSTOP);
  }
  world.client.kill(id);
  world.until([&] { return told.exit.has_value(); }, "the child of a stopped runner never ended");
  CHECK(told.exit->end == End::lost);
  world.until_ready();
  CHECK(world.run(RunnerWorld::shell("echo again")).out == "again\n");
}

namespace {

// Kills the tests of the sandbox that the runner of this work directory has started. Was there any?
bool kill_tests_of_sandbox(const std::string& work) {
  bool killed = false;
  for (const pid_t test : tests::processes_with("convd-probe")) {
    if (tests::proc_file(tests::parent_of(test), "cmdline").find(work) == std::string::npos) continue;
    killed = ::kill(test, SIGKILL) == 0 || killed;
  }
  return killed;
}

}  // namespace

TEST_CASE("a test of the sandbox that somebody kills has shown nothing") {
  RunnerWorld world;
  if (!ready(world)) return;
  const std::string work = world.directory / "work";
  const auto begin_anew = [&] {
    for (const pid_t pid : tests::processes_with(work)) ::kill(pid, SIGKILL);
    world.until([&] { return !world.client.state().connected; });
  };
  // On a busy machine a test may come and go between two looks: then the next runner has to do.
  SECTION("once: another is run") {
    bool killed = false;
    while (!killed) {
      begin_anew();
      world.until([&] {
        killed = killed || kill_tests_of_sandbox(work);
        return killed || world.client.state().connected;
      });
    }
    world.until_ready();
    CHECK(world.client.state().problem == "");
  }
  SECTION("each time: it is said so, and found out later that it holds") {
    std::string problem;
    while (problem.empty()) {
      begin_anew();
      world.until([&] {
        kill_tests_of_sandbox(work);
        return world.client.state().connected;
      });
      problem = world.client.state().problem;
    }
    CHECK(problem == "the test of the sandbox was ended by signal 9, 3 times");
    world.until([&] { return world.client.state().connected && world.client.state().problem.empty(); });
    CHECK(world.run(RunnerWorld::shell("echo again")).out == "again\n");
  }
}

TEST_CASE("what is left in the control group of a runner that is no more is ended by the next one") {
  const auto place = runner::CgroupPlace::find();
  if (place.kind == runner::CgroupKind::none) {
    WARN("skipped: no control groups can be made here");
    return;
  }
  const auto forked = [](bool stays) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (stays) pause();
    _exit(0);
  };
  const pid_t gone = forked(false);
  waitpid(gone, nullptr, 0);
  const pid_t left = forked(true);
  const pid_t foreign = forked(true);
  const std::string own = runner::group_name(gone, 0);
  const auto namespace_at = own.find('-') + 1;
  const auto numbers = own.substr(own.find('-', namespace_at));
  const std::map<std::string, pid_t> groups{{own, left}, {"convd-1" + numbers, foreign}};
  const auto ended = process::open_pidfd(left);
  const auto has_ended = [&] {
    pollfd watched{ended.get(), POLLIN, 0};
    return poll(&watched, 1, 1'000) == 1;
  };
  // The runner of another test may remove a group before anybody is in it: then once more.
  for (int round = 0; round < 60 && (round == 0 || !has_ended()); ++round) {
    for (const std::string& parent : place.directories) {
      for (const auto& [name, pid] : groups) {
        std::error_code failed;
        std::filesystem::create_directory(parent + "/" + name, failed);
        std::ofstream(parent + "/" + name + "/cgroup.procs") << pid;
      }
    }
    runner::CgroupPlace::find();
  }
  REQUIRE(has_ended());
  int status = 0;
  waitpid(left, &status, 0);
  CHECK(WIFSIGNALED(status));
  // The runner of a container has a number there that may be nobody's here. The first signal is the one that counts.
  ::kill(foreign, SIGUSR1);
  waitpid(foreign, &status, 0);
  CHECK(WTERMSIG(status) == SIGUSR1);
  for (const std::string& parent : place.directories) std::filesystem::remove(parent + "/convd-1" + numbers);
}

TEST_CASE("without a convd there are no children and no workspaces") {
  const std::string mark = tests::seconds_of_our_own();
  tests::TempDirectory directory;
  const std::string work = directory / "work";
  {
    process::RunnerOptions options;
    options.work_dir = work;
    RunnerWorld world(options);
    if (!ready(world)) return;
    tests::Recorder told;
    world.client.start(RunnerWorld::shell("echo up > file; echo up; sleep " + mark), told);
    world.until([&] { return told.out == "up\n"; });
  }
  RunnerWorld observer;
  observer.until([&] { return tests::processes_with(mark).empty() && tests::processes_with(work).empty(); });
  CHECK(entries_in(work) == 0);
}

TEST_CASE("without a sandbox it says so, and paths inside become paths of the workspace") {
  process::RunnerOptions options;
  options.sandbox = false;
  RunnerWorld world(options);
  world.until_ready();
  CHECK_FALSE(world.client.state().sandboxed);
  CHECK(world.client.state().confinement.find("NO SANDBOX") != std::string::npos);
  const auto input = tests::file_with("text");
  auto spec = RunnerWorld::shell("cat $0 > $1/copy; echo $2; cat /dev/null > $HOME/probe; cat $HOME/profile/setting");
  spec.argv.insert(spec.argv.end(), {"/in/a.txt", "/out", "-env:UserInstallation=file:///tmp/profile"});
  spec.inputs = {{"a.txt", input.get()}};
  spec.files = {{"/tmp/profile/setting", "made"}};
  process::ChildId id = 0;
  const auto told = world.run(spec, &id);
  CHECK(told.err.empty());
  REQUIRE(told.exit->outputs.size() == 1);
  CHECK(tests::content_of(world.open(id, "copy")->get()) == "text");
  CHECK(told.out.find("file:///tmp/profile") == std::string::npos);
  CHECK(told.out.find("/tmp/profile\n") != std::string::npos);
  CHECK(told.out.find("made") != std::string::npos);
  if (is_root()) CHECK(world.run(RunnerWorld::shell("id -u")).out == "64201\n");
}

TEST_CASE("nothing stays behind, not even the dead") {
  RunnerWorld world;
  if (!ready(world)) return;
  const std::string mark = tests::seconds_of_our_own();
  tests::Recorder told;
  const auto id = world.client.start(RunnerWorld::shell("echo up; setsid sleep " + mark + " & wait"), told);
  world.until([&] { return told.out == "up\n"; });
  world.client.kill(id);
  world.until([&] { return told.exit.has_value(); });
  // Bubblewrap, too, may take a moment to go.
  std::vector<pid_t> runners;
  world.until([&] { return (runners = tests::processes_with(world.directory / "work")).size() == 1; });
  const std::string children =
      "/proc/" + std::to_string(runners.front()) + "/task/" + std::to_string(runners.front()) + "/children";
  world.until([&] { return std::ifstream(children).peek() == std::ifstream::traits_type::eof(); });
}

TEST_CASE("without a sandbox a control group finds what has left the tree") {
  process::RunnerOptions options;
  options.sandbox = false;
  RunnerWorld world(options);
  world.until_ready();
  if (world.client.state().confinement.find("no cgroup") != std::string::npos) {
    WARN("skipped: no control group here");
    return;
  }
  const std::string mark = tests::seconds_of_our_own();
  const auto told = world.run(RunnerWorld::shell("(setsid setsid sleep " + mark + " >/dev/null 2>&1 &); exit 0"));
  CHECK(told.exit->end == End::exited);
  world.until([&] { return tests::processes_with(mark).empty(); });
}

TEST_CASE("an unprivileged user's runner confines as well") {
  if (!is_root()) {
    WARN("skipped: the other cases run unprivileged already");
    return;
  }
  tests::TempDirectory directory;
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  for (const std::string program : {"convd-runner", "convd-inspect"})
    std::filesystem::copy_file(CONVD_BINARY_DIR "/" + program, directory / program.c_str());
  std::ofstream(directory / "as-nobody") << "#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups "
                                         << (directory / "convd-runner") << " \"$@\"\n";
  std::filesystem::permissions(directory / "as-nobody", std::filesystem::perms(0755));
  std::filesystem::create_directory(directory / "work");
  REQUIRE(chown((directory / "work").c_str(), 65534, 65534) == 0);

  process::RunnerOptions options;
  options.program = directory / "as-nobody";
  options.work_dir = directory / "work";
  RunnerWorld world(options);
  if (!ready(world)) return;
  CHECK(world.client.state().confinement.find("user 65534") != std::string::npos);
  const auto input = tests::file_with("text");
  auto spec = RunnerWorld::shell("id -u; cat /in/a.txt > copy; cat /etc/shadow; exit 5");
  spec.inputs = {{"a.txt", input.get()}};
  process::ChildId id = 0;
  const auto told = world.run(spec, &id);
  CHECK(told.out == "65534\n");
  CHECK(told.exit->status == 5);
  CHECK(tests::content_of(world.open(id, "copy")->get()) == "text");

  auto bomb = RunnerWorld::shell("i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); done; echo all");
  bomb.limits.processes = 30;
  const auto bounded = world.run(bomb);
  CHECK(bounded.out.empty());
  CHECK(bounded.err.find("fork") != std::string::npos);
}

TEST_CASE("a child that is killed while it is being set up leaves nothing behind") {
  RunnerWorld world;
  if (!ready(world)) return;
  const std::string mark = tests::seconds_of_our_own();
  for (int turn = 0; turn < 40; ++turn) {
    tests::Recorder told;
    const auto id = world.client.start(RunnerWorld::shell("sleep " + mark), told);
    // At another moment of the launch each time: from before the fork until well after it.
    bool due = false;
    const auto pause = world.loop.after(std::chrono::milliseconds(turn / 4), [&] { due = true; });
    world.until([&] { return due; });
    world.client.kill(id);
    world.until([&] { return told.exit.has_value(); }, "a killed child never ended");
    CHECK(told.exit->end == End::killed);
    world.client.release(id);
  }
  const auto bubblewraps = [&] {
    auto found = tests::processes_with(mark);
    std::erase_if(found, [](pid_t pid) {
      std::ifstream name("/proc/" + std::to_string(pid) + "/comm");
      std::string word;
      return !(name >> word) || word != "bwrap";
    });
    return found;
  };
  world.until([&] { return bubblewraps().empty(); }, "bubblewrap was left behind");
}
