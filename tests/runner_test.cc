#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/runner_world.h"

using namespace convd;
using process::End;
using tests::RunnerWorld;

namespace {

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
  const std::string mark = "7" + std::to_string(getpid());
  tests::Recorder told;
  const auto id =
      world.client.start(RunnerWorld::shell("for i in 1 2 3; do setsid sh -c 'trap \"\" TERM HUP; setsid sleep " +
                                            mark + " & sleep " + mark + "' & done; echo up; wait"),
                         told);
  world.until([&] { return tests::processes_with(mark).size() >= 8 && told.out == "up\n"; });
  world.client.kill(id);
  world.until([&] { return told.exit.has_value(); });
  CHECK(told.exit->end == End::killed);
  CHECK(tests::processes_with(mark).empty());
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
  const std::string mark = "8" + std::to_string(getpid());
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
  const std::string mark = "9" + std::to_string(getpid());
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

TEST_CASE("without a convd there are no children and no workspaces") {
  const std::string mark = "6" + std::to_string(getpid());
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
  const std::string mark = "4" + std::to_string(getpid());
  tests::Recorder told;
  const auto id = world.client.start(RunnerWorld::shell("echo up; setsid sleep " + mark + " & wait"), told);
  world.until([&] { return told.out == "up\n"; });
  world.client.kill(id);
  world.until([&] { return told.exit.has_value(); });
  const auto runners = tests::processes_with(world.directory / "work");
  REQUIRE(runners.size() == 1);
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
  const std::string mark = "3" + std::to_string(getpid());
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
  std::filesystem::copy_file(CONVD_BINARY_DIR "/convd-runner", directory / "convd-runner");
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
  const std::string mark = world.directory / "work";
  for (int turn = 0; turn < 40; ++turn) {
    tests::Recorder told;
    const auto id = world.client.start(RunnerWorld::shell("sleep 60"), told);
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
