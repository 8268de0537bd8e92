// convd-runner as a service of its own, and RunnerClient against runners that misbehave.

#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <filesystem>
#include <memory>

#include "convd/process/packet.h"
#include "convd/process/wire.h"
#include "tests/support/catch.h"
#include "tests/support/fake_loop.h"
#include "tests/support/paths.h"
#include "tests/support/runner_world.h"

using namespace convd;
using process::End;
using tests::RunnerWorld;

namespace {

// convd-runner --listen, ended with the object.
class Service {
 public:
  explicit Service(std::vector<std::string> more = {}) {
    std::vector<std::string> words{
        CONVD_BINARY_DIR "/convd-runner", "--listen", socket(), "--work-dir", directory / "work", "--log-level", "off"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (posix_spawn(&pid_, argv[0], nullptr, nullptr, argv.data(), environ) != 0)
      throw std::runtime_error("posix_spawn");
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() { end(); }

  std::string socket() const { return directory / "socket"; }
  int end() {
    int status = 0;
    if (pid_ > 0) kill(pid_, SIGTERM);
    if (pid_ > 0) waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

  tests::TempDirectory directory;

 private:
  pid_t pid_ = -1;
};

process::RunnerOptions through(const std::string& socket) {
  process::RunnerOptions options;
  options.socket = socket;
  return options;
}

// The runner's side of a connection, played by the test.
struct FakeRunner {
  FakeRunner() {
    std::array<int, 2> ends{-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) throw std::runtime_error("socketpair");
    client.attach(loop::UniqueFd(ends[0]));
    socket = loop::UniqueFd(ends[1]);
  }
  void say(const std::string& text) const {
    if (send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) throw std::runtime_error("send");
  }
  void turn_until(const std::function<bool()>& done) {
    const auto checking = loop.every(std::chrono::milliseconds(1), [&] {
      if (done()) loop.stop();
    });
    if (!done()) loop.run();
  }

  loop::EvLoop loop;
  process::RunnerClient client{loop};
  loop::UniqueFd socket;
};

}  // namespace

TEST_CASE("a runner of its own serves one convd after the other") {
  Service service;
  const std::string mark = tests::seconds_of_our_own();
  {
    RunnerWorld first(through(service.socket()));
    first.until_ready();
    if (!first.client.state().problem.empty()) {
      WARN("skipped: " << first.client.state().problem);
      return;
    }
    tests::Recorder told;
    first.client.start(RunnerWorld::shell("echo up; sleep " + mark), told);
    first.until([&] { return told.out == "up\n"; });
  }
  RunnerWorld second(through(service.socket()));
  second.until_ready();
  second.until([&] { return tests::processes_with(mark).empty(); });
  CHECK(second.run(RunnerWorld::shell("echo again")).out == "again\n");
  CHECK(service.end() == 0);
  CHECK(std::filesystem::is_empty(service.directory / "work"));
}

TEST_CASE("strangers are turned away") {
  if (geteuid() != 0) {
    WARN("skipped: not root, who else could connect?");
    return;
  }
  const auto greeting = [](const Service& service) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (setgid(65534) != 0 || setuid(65534) != 0) _exit(2);
      const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      service.socket().copy(address.sun_path, sizeof address.sun_path - 1);
      if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) _exit(3);
      std::array<char, 16> text{};
      _exit(recv(fd, text.data(), text.size(), 0) > 0 ? 0 : 1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
  };
  Service closed;
  Service open({"--allow-user", "nobody"});
  for (Service* service : {&closed, &open}) {
    std::filesystem::permissions(service->directory.path(), std::filesystem::perms(0711));
    RunnerWorld(through(service->socket())).until_ready();  // it listens
  }
  CHECK(greeting(closed) == 1);
  CHECK(greeting(open) == 0);
}

TEST_CASE("a runner that is not there is tried again") {
  tests::TempDirectory directory;
  process::RunnerOptions options;
  options.program = directory / "convd-runner";
  RunnerWorld world(options);
  CHECK_FALSE(world.client.state().connected);
  std::filesystem::create_symlink(CONVD_BINARY_DIR "/convd-runner", directory / "convd-runner");
  world.until_ready();
  CHECK(world.changes >= 1);
}

TEST_CASE("a runner of another version starts nothing and says what to do") {
  FakeRunner fake;
  fake.say(process::encode(process::Hello{process::wire_version + 1, true, "walls", ""}));
  fake.turn_until([&] { return !fake.client.state().problem.empty(); });
  CHECK_FALSE(fake.client.state().connected);
  CHECK(fake.client.state().problem.find("version") != std::string::npos);
  tests::Recorder told;
  fake.client.start(RunnerWorld::shell("true"), told);
  fake.turn_until([&] { return told.exit.has_value(); });
  CHECK(told.exit->end == End::not_started);
  CHECK(told.exit->reason == fake.client.state().problem);
}

TEST_CASE("a runner whose sandbox does not hold starts nothing") {
  FakeRunner fake;
  fake.say(process::encode(process::Hello{process::wire_version, true, "walls", "bubblewrap is not installed"}));
  fake.turn_until([&] { return fake.client.state().connected; });
  tests::Recorder told;
  fake.client.start(RunnerWorld::shell("true"), told);
  CHECK_FALSE(told.exit.has_value());
  fake.turn_until([&] { return told.exit.has_value(); });
  CHECK(told.exit->reason == "bubblewrap is not installed");
}

TEST_CASE("a runner that talks nonsense is none") {
  for (const std::string& nonsense :
       {std::string("nonsense"), process::encode(process::Kill{1}), std::string(170 << 10, 'x')}) {
    FakeRunner fake;
    fake.say(process::encode(process::Hello{}));
    fake.turn_until([&] { return fake.client.state().connected; });
    tests::Recorder told;
    fake.client.start(RunnerWorld::shell("true"), told);
    fake.say(nonsense);
    fake.turn_until([&] { return told.exit.has_value(); });
    CHECK(told.exit->end == End::lost);
    CHECK_FALSE(fake.client.state().connected);
  }
}

TEST_CASE("a runner that hangs up without a word is told of") {
  FakeRunner fake;
  bool changed = false;
  fake.client.on_state([&] { changed = true; });
  fake.socket.reset();
  fake.turn_until([&] { return changed; });
  CHECK_FALSE(fake.client.state().connected);
}

TEST_CASE("words about children nobody knows are passed over") {
  FakeRunner fake;
  fake.say(process::encode(process::Hello{}));
  fake.say(process::encode(process::Usage{99, 1}));
  fake.say(process::encode(process::Outputs{99, {{"x", 1}}}));
  fake.say(process::encode(process::Exited{99, {}}));
  fake.say(process::encode(process::Opened{99, "nothing"}));
  fake.turn_until([&] { return fake.client.state().connected; });
  fake.client.kill(99);
  fake.client.forget(99);
  tests::Recorder told;
  const auto id = fake.client.start(RunnerWorld::shell("true"), told);
  fake.say(process::encode(process::Usage{id, 5}));
  fake.turn_until([&] { return !told.usage.empty(); });
  CHECK(fake.client.state().connected);
}

TEST_CASE("a run whose inputs cannot be passed on is not started, and harms no other") {
  FakeRunner fake;
  fake.say(process::encode(process::Hello{}));
  fake.turn_until([&] { return fake.client.state().connected; });
  process::ChildSpec spec = RunnerWorld::shell("true");
  spec.inputs.push_back({"input.md", -1});
  tests::Recorder told;
  fake.client.start(spec, told);
  fake.turn_until([&] { return told.exit.has_value(); });
  CHECK(told.exit->end == End::not_started);
  CHECK(told.exit->reason == "no more descriptors");
  CHECK(fake.client.state().connected);
}

TEST_CASE("what a child has said before its end is heard, however late the loop is") {
  using namespace std::chrono_literals;
  tests::FakeLoop loop;
  process::RunnerClient client(loop, 600s);
  std::array<int, 2> ends{-1, -1};
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const loop::UniqueFd runner(ends[1]);
  client.attach(loop::UniqueFd(ends[0]));
  const auto say = [&](const std::string& text) {
    REQUIRE(send(runner.get(), text.data(), text.size(), MSG_NOSIGNAL) > 0);
    loop.ready(ends[0]);
  };
  say(process::encode(process::Hello{}));
  tests::Recorder told;
  const auto id = client.start(RunnerWorld::shell("true"), told);
  std::vector<char> buffer;
  process::Packet start;
  REQUIRE(process::receive_packet(runner.get(), buffer, start) == process::Received::yes);
  REQUIRE(start.descriptors.size() == 2);
  for (const loop::UniqueFd& pipe : start.descriptors) REQUIRE(write(pipe.get(), "last words", 10) == 10);
  say(process::encode(process::Exited{id, {}}));
  CHECK_FALSE(told.exit);
  loop.advance(2s);
  CHECK(told.exit);
  CHECK(told.out == "last words");
  CHECK(told.err == "last words");
}

TEST_CASE("a runner that takes long to speak is given up, and each one after it later") {
  using namespace std::chrono_literals;
  tests::FakeLoop loop;
  process::RunnerClient client(loop, 15s);
  int gone = 0;
  client.on_state([&] { ++gone; });
  for (const auto patience : {15s, 30s, 60s, 120s, 120s}) {
    std::array<int, 2> ends{-1, -1};
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const loop::UniqueFd runner(ends[1]);
    client.attach(loop::UniqueFd(ends[0]));
    const int before = gone;
    loop.advance(patience - 1ms);
    CHECK(gone == before);
    loop.advance(1ms);
    CHECK(gone == before + 1);
  }
}

TEST_CASE("outputs told in pieces become one list") {
  FakeRunner fake;
  fake.say(process::encode(process::Hello{}));
  fake.turn_until([&] { return fake.client.state().connected; });
  tests::Recorder told;
  const auto id = fake.client.start(RunnerWorld::shell("true"), told);
  fake.say(process::encode(process::Outputs{id, {{"a", 1}}}));
  fake.say(process::encode(process::Outputs{id, {{"b", 2}}}));
  process::Exit exit;
  exit.end = End::exited;
  fake.say(process::encode(process::Exited{id, exit}));
  CHECK_FALSE(told.exit.has_value());
  std::array<char, 4096> start{};  // read without room for its descriptors, which closes them: the end of both streams
  CHECK(recv(fake.socket.get(), start.data(), start.size(), 0) > 0);
  fake.turn_until([&] { return told.exit.has_value(); });
  REQUIRE(told.exit->outputs.size() == 2);
  CHECK(told.exit->end == End::exited);
  CHECK(told.exit->outputs[1].name == "b");
}
